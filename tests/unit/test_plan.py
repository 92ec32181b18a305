"""P2, P4. The rules of a drain: what entries lead to depends on no order, repetition or earlier delivery."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.entries import Entry, EntryId, Placed
from domain.ids import MessageId
from domain.operations import Change, Create, Delete, Edit, Operation, React, Read
from domain.plan import (
    Found,
    Judged,
    Refusal,
    Verdict,
    furthest_of_each,
    judge,
    judge_all,
    last_of_each,
    plan,
    read_up_to,
)
from tests.strategies import entries_of, operations

AUTHOR, OTHER, EVENT = 42, 43, 7
MESSAGE = MessageId(1_764_000_000_000_000, 1, 99).uuid


def create(event_id: int, sender_id: int | None) -> Create:
    return Create(event_id, 99, sender_id, "", "", "", "text")


people, events = st.integers(1, 3), st.integers(1, 3)
talk = st.one_of(
    st.builds(create, events, st.none() | people),
    st.builds(Read, events, people, st.integers(1, 9)),
    operations,
)
conversations = st.lists(st.lists(talk, min_size=1, max_size=4), max_size=8).map(entries_of)


def heads(entries: list[Entry]) -> dict[int, int]:
    """The register of each event, as one drain of these entries writes it."""
    return {c.operation.event_id: c.seq for c in last_of_each(plan(entries).creates)}


def marks(entries: list[Entry]) -> dict[tuple[int | None, int], tuple[int, int]]:
    """The register of each (user, event), as one drain of these entries writes it."""
    planned = plan(entries)
    found = furthest_of_each(planned.creates, planned.reads)
    users = [p.operation.sender_id if isinstance(p.operation, Create) else p.operation.actor_id for p in found]
    return {(user, p.operation.event_id): read_up_to(p) for user, p in zip(users, found, strict=True)}


@given(conversations, st.randoms())
def test_registers_are_maxima_in_whatever_order_and_however_often_entries_come(
    entries: list[Entry], random: Any
) -> None:
    delivered = [entry for entry in entries for _ in range(random.randint(1, 5))]
    random.shuffle(delivered)
    assert heads(delivered) == heads(entries)
    assert marks(delivered) == marks(entries)


@given(conversations, st.integers(0, 8))
def test_registers_of_two_drains_are_those_of_one(entries: list[Entry], cut: int) -> None:
    """Each drain writes its own maxima, and the store keeps the higher."""
    one, other = entries[:cut], entries[cut:]
    assert {k: max(heads(one).get(k, 0), heads(other).get(k, 0)) for k in heads(one) | heads(other)} == heads(entries)
    none = (0, 0)
    both = marks(one) | marks(other)
    assert {k: max(marks(one).get(k, none), marks(other).get(k, none)) for k in both} == marks(entries)


@given(conversations)
def test_a_head_is_the_number_of_messages_and_a_mark_is_never_below_ones_own_last(entries: list[Entry]) -> None:
    said = plan(entries).creates
    assert heads(entries) == {
        event: max(p.seq for p in said if p.operation.event_id == event) for event in heads(entries)
    }
    for p in said:
        if p.operation.sender_id is not None:
            assert marks(entries)[p.operation.sender_id, p.operation.event_id] >= (p.seq, p.version)


@given(conversations)
def test_the_system_reads_nothing(entries: list[Entry]) -> None:
    assert all(user is not None for user, _ in marks(entries))


@given(conversations)
def test_a_plan_holds_every_operation_once(entries: list[Entry]) -> None:
    planned = plan(entries)
    placed = [p for entry in entries for p in entry.operations]
    kept: list[Placed[Any]] = [*planned.creates, *planned.changes, *planned.reads]
    assert sorted(kept, key=lambda p: p.version) == sorted(placed, key=lambda p: p.version)
    kinds = [{type(p.operation) for p in group} for group in (planned.creates, planned.changes, planned.reads)]
    assert kinds[0] <= {Create}
    assert kinds[1] <= {Edit, Delete, React}
    assert kinds[2] <= {Read}


EDIT = Edit(EVENT, MESSAGE, AUTHOR, "새 글")
EDIT_BY_OTHER = Edit(EVENT, MESSAGE, OTHER, "남의 글")
DELETE = Delete(EVENT, MESSAGE, AUTHOR)
DELETE_BY_OTHER = Delete(EVENT, MESSAGE, OTHER)
REACT_BY_OTHER = React(EVENT, MESSAGE, OTHER, "👍")
SAID = Found(seq=1, sender_id=AUTHOR)
BY_SYSTEM = Found(seq=1, sender_id=None)
BEFORE, AT, PAST = EntryId(9, 9), EntryId(10, 0), EntryId(10, 1)  # the entry that is judged is 10-0


@pytest.mark.parametrize(
    ("change", "found", "settled", "verdict"),
    [
        (EDIT, SAID, BEFORE, Verdict.APPLY),
        (EDIT, SAID, PAST, Verdict.APPLY),
        (DELETE, SAID, BEFORE, Verdict.APPLY),
        (REACT_BY_OTHER, SAID, BEFORE, Verdict.APPLY),
        (REACT_BY_OTHER, BY_SYSTEM, BEFORE, Verdict.APPLY),
        (EDIT_BY_OTHER, SAID, BEFORE, Verdict.NOT_THE_AUTHOR),
        (EDIT_BY_OTHER, SAID, PAST, Verdict.NOT_THE_AUTHOR),
        (DELETE_BY_OTHER, SAID, BEFORE, Verdict.NOT_THE_AUTHOR),
        (EDIT, BY_SYSTEM, BEFORE, Verdict.NOT_THE_AUTHOR),
        (DELETE, BY_SYSTEM, BEFORE, Verdict.NOT_THE_AUTHOR),
        *[(change, None, EntryId(0, 0), Verdict.WAIT) for change in (EDIT, DELETE, REACT_BY_OTHER)],
        *[(change, None, BEFORE, Verdict.WAIT) for change in (EDIT, DELETE, REACT_BY_OTHER)],
        *[(change, None, AT, Verdict.NO_SUCH_MESSAGE) for change in (EDIT, DELETE, REACT_BY_OTHER)],
        *[(change, None, PAST, Verdict.NO_SUCH_MESSAGE) for change in (EDIT, DELETE, REACT_BY_OTHER)],
    ],
)
def test_verdict(change: Change, found: Found | None, settled: EntryId, verdict: Verdict) -> None:
    assert judge(Placed(change, 1, 0, "10-0"), found, settled) is verdict


def test_entries_are_compared_by_number_when_a_message_is_not_there() -> None:
    """As texts, 9-0 comes after 10-0."""
    assert judge(Placed(EDIT, 1, 0, "9-0"), None, EntryId(10, 0)) is Verdict.NO_SUCH_MESSAGE
    assert judge(Placed(EDIT, 1, 0, "10-0"), None, EntryId(9, 0)) is Verdict.WAIT


def test_many_changes_are_judged_each_by_its_own_message() -> None:
    never = MessageId(1_764_000_000_000_000, 2, 99).uuid
    group: list[tuple[Change, str]] = [
        (EDIT, "10-0"),
        (EDIT_BY_OTHER, "11-0"),
        (Edit(EVENT, never, AUTHOR, ""), "12-0"),
        (Edit(EVENT, never, AUTHOR, ""), "30-0"),
        (Edit(EVENT + 1, MESSAGE, AUTHOR, ""), "31-0"),
    ]
    changes = [Placed(change, version, 0, entry_id) for version, (change, entry_id) in enumerate(group)]
    found: dict[tuple[int, UUID], Found] = {(EVENT, MESSAGE): SAID}
    assert judge_all(changes, found, EntryId(20, 0)) == Judged(
        apply=(changes[0],),
        wait=frozenset({"30-0", "31-0"}),
        refused=(
            Refusal(changes[1], "refused", "not_the_author"),
            Refusal(changes[2], "refused", "no_such_message"),
        ),
    )


@given(st.lists(st.sampled_from([EDIT, EDIT_BY_OTHER, DELETE_BY_OTHER, REACT_BY_OTHER]), max_size=8), st.randoms())
def test_a_verdict_depends_on_no_other_change(changes: list[Operation], random: Any) -> None:
    """One that read `is_deleted` or a text would depend on what was stored before it."""
    placed: list[Placed[Any]] = [Placed(change, version, 0, "10-0") for version, change in enumerate(changes)]
    found = {(EVENT, MESSAGE): SAID}
    shuffled = placed[:]
    random.shuffle(shuffled)
    one, other = judge_all(placed, found, BEFORE), judge_all(shuffled, found, BEFORE)
    assert set(one.apply) == set(other.apply)
    assert {r.placed for r in one.refused} == {r.placed for r in other.refused}
