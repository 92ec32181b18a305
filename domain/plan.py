"""From journal entries to what is to be written: the rules of the drain, without a store.

Nothing here depends on what was delivered before, in which order or how often (P2): registers are maxima, every
cell has its operation's version, and a verdict reads only cells that never change (seq and sender).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, cast
from uuid import UUID

from domain.entries import Entry, EntryId, Placed
from domain.operations import Change, Create, Operation, React, Read


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operation that cannot be applied: it becomes a dead letter. A cause is a class and a code, never a text."""

    placed: Placed[Operation]
    cause_class: str
    cause_code: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The operations of several entries, sorted by how they are stored."""

    creates: list[Placed[Create]]
    changes: list[Placed[Change]]
    reads: list[Placed[Read]]


def plan(entries: Iterable[Entry]) -> Plan:
    """Sort operations by how they are stored. Creates are stored first, so that a change finds its message."""
    operations = [placed for entry in entries for placed in entry.operations]
    return Plan(
        creates=only_creates(operations),
        changes=[cast("Placed[Change]", p) for p in operations if isinstance(p.operation, Change)],
        reads=[cast("Placed[Read]", p) for p in operations if isinstance(p.operation, Read)],
    )


def only_creates(operations: Iterable[Placed[Operation]]) -> list[Placed[Create]]:
    """The new messages among these."""
    return [cast("Placed[Create]", p) for p in operations if isinstance(p.operation, Create)]


def last_of_each(creates: Iterable[Placed[Create]]) -> list[Placed[Create]]:
    """The last message of each event among these: an event's head is written once, however many messages."""
    last: dict[int, Placed[Create]] = {}
    for create in creates:
        known = last.setdefault(create.operation.event_id, create)
        if create.seq > known.seq:
            last[create.operation.event_id] = create
    return list(last.values())


def read_up_to(operation: Placed[Create] | Placed[Read]) -> tuple[int, int]:
    """(seq, version) of how far its actor has read: who says a message has read up to it."""
    inner = operation.operation
    return (inner.seq if isinstance(inner, Read) else operation.seq), operation.version


def furthest_of_each(
    creates: Iterable[Placed[Create]], reads: Iterable[Placed[Read]]
) -> list[Placed[Create] | Placed[Read]]:
    """What takes each (user, event) furthest: one write each. The system reads nothing."""
    furthest: dict[tuple[int, int], Placed[Create] | Placed[Read]] = {}
    for said in creates:
        if said.operation.sender_id is not None:
            _keep_furthest(furthest, (said.operation.sender_id, said.operation.event_id), said)
    for read in reads:
        _keep_furthest(furthest, (read.operation.actor_id, read.operation.event_id), read)
    return list(furthest.values())


def _keep_furthest(
    furthest: dict[tuple[int, int], Placed[Create] | Placed[Read]],
    key: tuple[int, int],
    operation: Placed[Create] | Placed[Read],
) -> None:
    if read_up_to(operation) > read_up_to(furthest.setdefault(key, operation)):
        furthest[key] = operation


class Found(NamedTuple):
    """The cells of a message's row that never change."""

    seq: int
    sender_id: int | None


class Verdict(Enum):
    """What becomes of a change of a message."""

    APPLY = "apply"
    WAIT = "wait"
    NO_SUCH_MESSAGE = "no_such_message"
    NOT_THE_AUTHOR = "not_the_author"


def judge(change: Placed[Change], found: Found | None, settled: EntryId) -> Verdict:
    """May this change be applied?

    `found` is the message's row, read after `settled` was: every create before `settled` is on the store's disk. The
    create of the message that an entry names lies before that entry, so once the entry is not past `settled`, a
    missing row was never said. Until then its create may still be on its way.
    """
    if found is None:
        return Verdict.NO_SUCH_MESSAGE if EntryId.parse(change.entry_id) <= settled else Verdict.WAIT
    operation = change.operation
    if isinstance(operation, React) or found.sender_id == operation.actor_id:
        return Verdict.APPLY
    return Verdict.NOT_THE_AUTHOR


@dataclass(frozen=True, slots=True)
class Judged:
    """Changes by verdict."""

    apply: tuple[Placed[Change], ...] = ()
    wait: frozenset[str] = frozenset()
    """Ids of the entries that wait for a verdict."""
    refused: tuple[Refusal, ...] = ()


def judge_all(changes: Iterable[Placed[Change]], found: Mapping[tuple[int, UUID], Found], settled: EntryId) -> Judged:
    """Judge many; `found` by event and message id."""
    apply: list[Placed[Change]] = []
    wait: set[str] = set()
    refused: list[Refusal] = []
    for change in changes:
        verdict = judge(change, found.get((change.operation.event_id, change.operation.message_id)), settled)
        if verdict is Verdict.APPLY:
            apply.append(change)
        elif verdict is Verdict.WAIT:
            wait.add(change.entry_id)
        else:
            refused.append(Refusal(change, "refused", verdict.value))
    return Judged(tuple(apply), frozenset(wait), tuple(refused))
