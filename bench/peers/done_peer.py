"""Celery on Redis with one task an event: each makes its event DONE, with its history, in a transaction of its own."""

from functools import cache
from typing import Final

from celery import Celery
from psycopg_pool import ConnectionPool

from bench.peers.servers import Servers
from stores import due_events
from stores.connections import open_pool
from stores.due_events import BEGINNING

servers: Final = Servers.from_environ()
app: Final = Celery("done", broker=servers.redis_url)
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=16, broker_connection_retry_on_startup=True)


@cache
def pool() -> ConnectionPool:
    """Of a worker's child."""
    return open_pool(servers.postgres_url)


@app.task(name="done")
def done(event_id: int) -> None:
    """Make an event DONE that is due."""
    due_events.complete(pool(), [BEGINNING._replace(id=event_id)])
