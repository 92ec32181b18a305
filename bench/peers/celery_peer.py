"""Celery on Redis: prefork, nothing kept of results."""

from collections.abc import Iterable
from typing import Final

from celery import Celery

from bench.peers import four_writes
from bench.peers.servers import Servers

app: Final = Celery("peer", broker=Servers.from_environ().redis_url)
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=16, broker_connection_retry_on_startup=True)
store: Final = app.task(name="store")(four_writes.store)


def enqueue(messages: Iterable[four_writes.Message]) -> None:
    """A task each."""
    with app.producer_or_acquire() as producer:
        for message in messages:
            store.apply_async(message, producer=producer)
