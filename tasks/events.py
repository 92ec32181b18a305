"""Events by the clock, and their histories on their way: DONE, the relay to ScyllaDB, trimming."""

from collections.abc import Sequence
from typing import Final

import structlog
from celery import shared_task

from domain.errors import Away, Wrong
from stores import connections, due_events, history_outbox
from stores.connections import Stores
from stores.due_events import Due
from tasks.history import relay
from tasks.messages import RING_EXPIRES_S
from tasks.trimming import trim_all

TRIM_ROWS: Final = 5_000
"""Some 100 ms of locks on rows that nobody else wants."""

log = structlog.get_logger()


@shared_task(name="tasks.events.complete_due", expires=RING_EXPIRES_S, ignore_result=True)
def complete_due() -> None:
    """Make every event DONE whose time is over (P7). Any number of runs, at once, late or cut off, ends the same."""
    stores = connections.stores()
    try:
        for page in due_events.pages(stores.postgres):
            if late_s := complete(stores, page):
                log.info("events are done", action="completed", count=len(late_s), late_s_max=round(max(late_s), 3))
                relay_history.apply_async()
    except Away as away:
        log.warning("a store is away", action="complete_stopped", store=away.store, code=away.code)


def complete(stores: Stores, due: Sequence[Due]) -> list[float]:
    """Make these DONE; by how many seconds each is late. One whose history cannot be extended does not sink the others:
    it is left as it is and looked at again by the next sweep."""
    try:
        return due_events.complete(stores.postgres, due)
    except Wrong as wrong:
        if len(due) == 1:
            log.warning("an event cannot be done", action="complete_refused", event_id=due[0].id, code=wrong.code)
            return []
        middle = len(due) // 2
        return [*complete(stores, due[:middle]), *complete(stores, due[middle:])]


@shared_task(name="tasks.events.relay_history", expires=RING_EXPIRES_S, ignore_result=True)
def relay_history() -> None:
    """Bring what was chained to ScyllaDB, and tell the chats (P6). One run at a time; any may be cut off or missed."""
    stores = connections.stores()
    try:
        relay(stores)
    except Away as away:
        log.warning("a store is away", action="relay_stopped", store=away.store, code=away.code)


@shared_task(name="tasks.events.trim_history", ignore_result=True)
def trim_history() -> None:
    """Let entries go that were relayed and have been kept for 35 days."""
    trim_all("history", lambda stores: history_outbox.trim(stores.postgres, TRIM_ROWS))
