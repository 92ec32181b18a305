"""What is done for the sake of others: ringing for rows that wait, letting old ones go."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

import structlog
from celery import current_app, shared_task

from domain.errors import Away
from stores import audit_reports, connections, idempotency_keys, payment_inbox, waiting
from stores.connections import Stores
from stores.waiting import Jobs
from tasks.messages import RING_EXPIRES_S
from tasks.payments import apply_confirm, apply_refund, apply_webhook
from tasks.reports import render_audit
from tasks.trimming import trim_all

TRIM_ROWS: Final = 1_000
"""Bodies of some kilobytes each: some 100 ms."""

PAGES_MAX: Final = 4
"""Of each kind in one run, half a second or so: the journal's sweep waits behind it. The next run begins with what is
left."""

RINGS_QUEUED_MAX: Final = 100
"""While so many are queued none is added: rows that wait for their turn have theirs there. Rung for again and again,
ten thousand rows left forty thousand rings, and what came after them waited for more than a minute."""
QUEUE: Final = "payments"

Ring = Callable[[tuple[int]], object]
RINGS: Final[Mapping[Jobs, Ring]] = {
    Jobs.WEBHOOKS: apply_webhook.apply_async,
    Jobs.CONFIRMS: apply_confirm.apply_async,
    Jobs.REFUNDS: apply_refund.apply_async,
}
"""How each kind of row that waits is rung for."""

log = structlog.get_logger()


@shared_task(name="tasks.upkeep.ring_waiting", expires=RING_EXPIRES_S, ignore_result=True)
def ring_waiting() -> None:
    """Ring for every row that waits and whose time has come: nobody rang, or the ring was lost, or whoever heard it
    died. It is the only retry of what those rows ask for."""
    stores = connections.stores()
    try:
        for jobs, ring in RINGS.items():
            ring_for(stores, jobs, ring, queued(QUEUE))
        ring_for_reports(stores)
    except Away as away:
        log.warning("a store is away", action="ring_stopped", store=away.store, code=away.code)


def queued(queue: str) -> int:
    """How many rings wait in a queue of the broker. Raises OperationalError."""
    with current_app.connection_or_acquire() as connection:  # of the pool by which rings are sent
        count: int = connection.default_channel.queue_declare(queue).message_count
    return count


def ring_for(stores: Stores, jobs: Jobs, ring: Ring, rings_queued: int = 0, page_rows: int = waiting.PAGE_ROWS) -> None:
    """Ring for rows of one kind, unless many rings are queued already. Those that cannot move hide none: the look goes
    on by key, and what was rung for comes later. Raises Away."""
    if rings_queued >= RINGS_QUEUED_MAX:
        return
    for ids in islice(waiting.pages(stores.postgres, jobs, page_rows), PAGES_MAX):
        for row_id in ids:
            ring((row_id,))
        waiting.note_rung(stores.postgres, jobs, ids)


def ring_for_reports(stores: Stores) -> None:
    """Ring for reports that wait, for whatever reason. Taking them notes that they were rung for. Raises Away."""
    after = 0
    while taken := audit_reports.waiting_ids(stores.postgres, after, waiting.PAGE_ROWS):
        for report_id in taken:
            render_audit.apply_async((report_id,))
        after = taken[-1]


@shared_task(name="tasks.upkeep.trim_inbox", ignore_result=True)
def trim_inbox() -> None:
    """Let webhooks go that are done with and have been kept for 400 days."""
    trim_all("webhooks", lambda stores: payment_inbox.trim(stores.postgres, TRIM_ROWS))


@shared_task(name="tasks.upkeep.trim_idempotency_keys", ignore_result=True)
def trim_idempotency_keys() -> None:
    """Let keys and their answers go that have been kept for 24 hours."""
    trim_all("idempotency keys", lambda stores: idempotency_keys.trim(stores.postgres, TRIM_ROWS))
