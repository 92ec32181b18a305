"""Is an event's history whole, in both stores; and ScyllaDB's copy of it, written again (P6)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from domain.errors import Conflict, NotThere
from domain.event_state import Event
from domain.history import Entry
from domain.history_verify import Fault, FaultKind, is_intact, verify
from domain.payment_history import PaymentState
from stores import history_copy, history_outbox
from stores.connections import Stores
from stores.history_outbox import KEEP_DAYS, Key, key

READS_MAX: Final = 10
"""An event that changes while it is read is read again; one that changes each time is not a person's."""


class Place(StrEnum):
    """Where something is wrong."""

    SCYLLA = "ScyllaDB"
    POSTGRES = "PostgreSQL"


class Finding(NamedTuple):
    """Something wrong, and where."""

    place: Place
    fault: Fault


@dataclass(frozen=True, slots=True)
class History:
    """An event's history as both stores have it, read while nothing changed."""

    event: Event
    payments: tuple[PaymentState, ...]
    kept: list[Entry]
    """PostgreSQL's: the last 35 days, if nobody took any away."""
    copy: list[Entry]
    """ScyllaDB's, in the order of its keys; and what is yet to be relayed, where that will stand."""
    unrelayed: int


def read(stores: Stores, event_id: int) -> History:
    """Read both stores. Raises NotThere, Away; Conflict if the event does not stand still."""
    pool = stores.postgres
    for _ in range(READS_MAX):
        event = history_outbox.present(pool, event_id)
        if event is None:
            raise NotThere(f"There is no event {event_id}.")
        waiting = history_outbox.unrelayed_seqs(pool, event_id)  # first: what is relayed meanwhile is there afterwards
        kept = history_outbox.of_event(pool, event_id)
        copy = history_copy.of_event(stores.scylla, event_id)
        payments = history_outbox.payments(pool, event_id)
        if history_outbox.present(pool, event_id) == event:
            waiting -= {entry.chain_seq for entry in copy}
            to_come = [entry for entry in kept if entry.chain_seq in waiting]
            copy = sorted([*copy, *to_come], key=lambda entry: (entry.changed_at, entry.change_id.int))
            return History(event, payments, kept, copy, len(to_come))
    raise Conflict(f"Event {event_id} changes faster than it can be read; try again.")


def check(history: History, now: datetime, receipts: Mapping[int, bytes]) -> list[Finding]:
    """All that is wrong, the first bad entry first. `receipts`: hashes by chain_seq that somebody else kept."""
    event, payments = history.event, history.payments
    found = {Finding(place_of(fault), fault) for fault in verify(history.copy, event, receipts, payments)}
    first = history.kept[0].chain_seq if history.kept else event.history_length + 1
    before = [entry for entry in history.copy if entry.chain_seq < first]
    for fault in verify([*before, *history.kept], event, receipts, payments):
        if fault.chain_seq >= first:
            found.add(Finding(Place.POSTGRES, fault))
    found |= {Finding(Place.POSTGRES, fault) for fault in taken_away(before, now)}
    return sorted(found, key=lambda finding: (finding.fault.chain_seq, finding.place, finding.fault))


def place_of(fault: Fault) -> Place:
    """The present row is PostgreSQL's."""
    return Place.POSTGRES if fault.kind is FaultKind.PRESENT_ROW else Place.SCYLLA


def taken_away(before: Sequence[Entry], now: datetime) -> Iterator[Fault]:
    """Of the entries that PostgreSQL no longer has, those that are too young to have been trimmed."""
    for entry in before:
        if entry.changed_at > now - timedelta(days=KEEP_DAYS):
            yield Fault(entry.chain_seq, FaultKind.MISSING, f"younger than {KEEP_DAYS} days and not there")


def audit(stores: Stores, event_id: int, receipts: Mapping[int, bytes]) -> tuple[History, list[Finding]]:
    """Read an event's history and check all of it. Raises NotThere, Conflict, Away."""
    history = read(stores, event_id)
    return history, check(history, datetime.now(UTC), receipts)


class Refilled(NamedTuple):
    """What became of some entries."""

    entries: int
    altered: Sequence[Key]
    """(event_id, chain_seq) of those that PostgreSQL's own bytes contradict: ScyllaDB's may be the last good ones."""
    refused: Mapping[Key, str]
    """By (event_id, chain_seq): why ScyllaDB refuses one."""


def refillable(stores: Stores, event_id: int | None) -> int:
    """How many entries PostgreSQL keeps of an event, or of all. Raises NotThere, Away."""
    if event_id is None:
        return history_outbox.count(stores.postgres)
    if history_outbox.present(stores.postgres, event_id) is None:
        raise NotThere(f"There is no event {event_id}.")
    return history_outbox.count_of_event(stores.postgres, event_id)


def refill(stores: Stores, event_id: int | None) -> Iterator[Refilled]:
    """Write ScyllaDB's copy of an event's history again, or of all of them, over whatever stands there. Raises Away.

    What was altered in PostgreSQL is not written. Entries that were never there stay: they are evidence. May be done at
    any time, twice, and be cut off.
    """
    read_at = history_outbox.clock(stores.postgres)  # before the first is read: an erasure since then is written later
    for page in history_outbox.pages(stores.postgres, event_id):
        intact = {key(entry): entry for entry in page if is_intact(entry)}
        altered = [place for entry in page if (place := key(entry)) not in intact]
        yield Refilled(len(page), altered, history_copy.overwrite(stores.scylla, intact.values(), read_at))
