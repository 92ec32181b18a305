"""What timingle would be without its journal: a Celery task a message, on Redis, with every safety Celery has for it.

PLAIN_BROKER_URL is the broker as this process sees it. What a task did is noted in PLAIN_DONE_URL, which nobody cuts.
"""

import os
from typing import Final

import redis
from celery import Celery

VISIBLE_AGAIN_S: Final = 3
"""Celery's visibility time-out: what was read and not acknowledged is delivered again after this."""
DONE: Final = "plain:done"
QUEUE: Final = "plain"

app: Final = Celery("plain")
app.conf.update(
    broker_url=os.environ.get("PLAIN_BROKER_URL", "redis://"),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": VISIBLE_AGAIN_S, "polling_interval": 0.1},
    result_backend=None,
    task_acks_late=True,
    task_default_queue=QUEUE,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
)


def store(number: int) -> None:
    """Note that this message was stored; doing it twice changes nothing."""
    with redis.Redis.from_url(os.environ["PLAIN_DONE_URL"]) as client:
        client.sadd(DONE, number)


app.task(name="plain.store")(store)
