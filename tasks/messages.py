"""The drain of the journal, and the sweep behind it."""

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import structlog
from celery import shared_task

from domain.entries import Entry, EntryId
from domain.errors import Away
from domain.plan import Judged, Plan, Refusal, furthest_of_each, judge_all, last_of_each, only_creates, plan
from stores import connections, dead_letters, journals, messages
from stores.connections import Stores
from stores.consumer_group import Batch, ConsumerGroup
from stores.registers import head_rows, mark_rows
from stores.scylla import Scylla

DRAIN_S_MAX: Final = 5.0
"""One drain; then others of the queue have their turn."""
RING_EXPIRES_S: Final = 10
"""A ring that nobody heard for this long is worth nothing: the sweep has rung since."""

log = structlog.get_logger()


@shared_task(name="tasks.messages.persist", expires=RING_EXPIRES_S, ignore_result=True)
def persist() -> None:
    """Drain the journals (P1, P2). Any number of runs, at once and in any order, ends the same."""
    stores = connections.stores()
    for group in stores.groups:
        drain(stores, group)


def drain(stores: Stores, group: ConsumerGroup) -> None:
    """Drain one journal until it is empty or the time is over; rings again in the latter case."""
    started = time.monotonic()
    try:
        group.prepare()
        group.quiet_bell()  # before reading: work that comes from now on rings again
        scylla = stores.scylla  # while it is away, nothing is read
        for batch in group.take(DRAIN_S_MAX):
            store(stores, scylla, group, batch)
        if time.monotonic() - started >= DRAIN_S_MAX and group.has_work() and group.set_bell():
            persist.apply_async()
    except Away as away:
        log.warning("a store is away", action="drain_stopped", store=away.store, code=away.code)
        with suppress(Away):  # the journal itself is away: what we hold is ours again in the next drain
            group.hand_back()
            group.mute_bell()


def store(stores: Stores, scylla: Scylla, group: ConsumerGroup, batch: Batch) -> None:
    """Store what a batch of entries asks for, then acknowledge it: a kill before the last line loses nothing."""
    refused, waiting = apply(scylla, batch.entries, group.settled())
    dead_letters.add(stores.postgres, stores.keys, group.journal_id, refused, batch.unreadable)
    group.park(waiting)
    group.ack({*batch.ids} - waiting)


def apply(scylla: Scylla, entries: Iterable[Entry], settled: EntryId) -> tuple[list[Refusal], frozenset[str]]:
    """Store what entries ask for; the operations refused, and the ids of the entries that wait for a verdict.

    `settled` was asked for before: all creates before it are stored, so a message that is not there never was.
    """
    planned = plan(entries)
    refused = store_creates(scylla, planned)  # first: a change looks for its message
    judged = judge_all(planned.changes, messages.find(scylla, planned.changes), settled)
    return [*refused, *judged.refused, *store_changes(scylla, judged)], judged.wait


def store_creates(scylla: Scylla, planned: Plan) -> list[Refusal]:
    """Store new messages and read marks, and a stub for each message that the store refuses."""
    rows, refused = scylla.bind(planned.creates, messages.create_rows)
    unstorable = {refusal.placed.version for refusal in refused}
    said = [create for create in planned.creates if create.version not in unstorable]
    heads, _ = scylla.bind(last_of_each(planned.creates), head_rows)
    marks, unmarkable = scylla.bind(furthest_of_each(said, planned.reads), mark_rows)
    refused += [*unmarkable, *scylla.write([*rows, *heads, *marks])]
    store_stubs(scylla, refused)
    return refused


def store_stubs(scylla: Scylla, refused: list[Refusal]) -> None:
    """Let a stub take the place of each refused message. One that cannot even be addressed has none."""
    creates = only_creates(refusal.placed for refusal in refused)
    stubs, _ = scylla.bind(creates, messages.stub_rows)
    scylla.write(stubs)


def store_changes(scylla: Scylla, judged: Judged) -> list[Refusal]:
    """Store the changes that may be applied."""
    rows, unbindable = scylla.bind(judged.apply, messages.change_rows)
    return [*unbindable, *scylla.write(rows)]


@shared_task(name="tasks.messages.sweep", expires=RING_EXPIRES_S, ignore_result=True)
def sweep() -> None:
    """Ring for what waits, note how far all is stored, trim what is safely on disk, deliver anew after a loss (P1)."""
    stores = connections.stores()
    for group in stores.groups:
        try:
            group.prepare()
            swept = group.sweep(stores.journal_keep_s, generations(stores))
            if swept.waiting and group.set_bell():
                persist.apply_async()
            if swept.delivered_anew:
                log.warning(
                    "a node of ScyllaDB restarted; what is kept is stored once more",
                    action="delivered_anew",
                )
            journals.note_clock(stores.postgres, group.journal_id, swept.clock)
        except Away as away:
            log.warning(
                "a store is away",
                action="sweep_stopped",
                store=away.store,
                code=away.code,
            )


def generations(stores: Stores) -> str:
    """Every node of ScyllaDB with its generation; "" while one of them is away."""
    try:
        return stores.scylla.generations()
    except Away:
        return ""
