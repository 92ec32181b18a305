"""domain.history_walk, domain.report_content: which chains are whole, and what they lead to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit_report import ReportedParticipant
from domain.event_status import EventStatus
from domain.history import Change, ChangeType, Entry, chain
from domain.history_verify import verify
from domain.history_walk import Walk
from domain.report_content import told_event, told_people
from tests.histories import BEGAN, ENDS, MOVED, STARTS, entries_of, erased, other_values, participant, people, whole

ENTRIES, EVENT = whole()
LENGTH: Final = len(ENTRIES)
HEAD: Final = ENTRIES[-1].entry_hash
spoilt = msgspec.structs.replace
Spoil = Callable[[list[Entry], st.DataObject], list[Entry]]


def walk(entries: list[Entry]) -> Walk:
    walked = Walk()
    for entry in entries:
        walked.read(entry)
    return walked


def alter_a_column(entries: list[Entry], data: st.DataObject) -> list[Entry]:
    at = data.draw(st.integers(0, LENGTH - 1))
    name, value = data.draw(st.sampled_from(list(other_values(entries[at]))))
    return [*entries[:at], spoilt(entries[at], **{name: value}), *entries[at + 1 :]]


def alter_a_byte(entries: list[Entry], data: st.DataObject) -> list[Entry]:
    at = data.draw(st.integers(0, LENGTH - 1))
    entry = entries[at]
    place = data.draw(st.integers(0, len(entry.hashed_bytes) - 1))
    changed = entry.hashed_bytes[:place] + b"~" + entry.hashed_bytes[place + 1 :]
    again = data.draw(st.booleans())
    hashed = chain(entry.prev_hash, changed) if again else entry.entry_hash
    return [*entries[:at], spoilt(entry, hashed_bytes=changed, entry_hash=hashed), *entries[at + 1 :]]


def drop(entries: list[Entry], data: st.DataObject) -> list[Entry]:
    at = data.draw(st.integers(0, LENGTH - 1))
    return entries[:at] + entries[at + 1 :]


def repeat(entries: list[Entry], data: st.DataObject) -> list[Entry]:
    at = data.draw(st.integers(0, LENGTH - 1))
    return entries[: at + 1] + entries[at:]


def exchange(entries: list[Entry], data: st.DataObject) -> list[Entry]:
    one, other = data.draw(st.lists(st.integers(0, LENGTH - 1), min_size=2, max_size=2, unique=True))
    entries[one], entries[other] = entries[other], entries[one]
    return entries


def erase_someone(entries: list[Entry], data: st.DataObject) -> list[Entry]:
    """That is no fault."""
    at = data.draw(st.integers(0, LENGTH - 1))
    return [*entries[:at], erased(entries[at], *entries[at].salts), *entries[at + 1 :]]


@given(st.sampled_from([alter_a_column, alter_a_byte, drop, repeat, exchange, erase_someone]), st.data())
def test_a_walk_calls_whole_what_a_verification_finds_no_fault_in_and_nothing_else(
    spoil: Spoil, data: st.DataObject
) -> None:
    """P9. The one needs all entries at once, the other none."""
    entries = spoil(list(ENTRIES), data)
    assert walk(entries).leads_to(LENGTH, HEAD) is (verify(entries, EVENT) == [])


@pytest.mark.parametrize("length", range(1, LENGTH))
def test_a_chain_that_goes_on_is_whole_up_to_where_it_was_pinned(length: int) -> None:
    walked = walk(ENTRIES[:length])
    assert walked.leads_to(length, ENTRIES[length - 1].entry_hash)
    assert not walked.leads_to(length, HEAD)
    assert not walked.leads_to(length + 1, ENTRIES[length - 1].entry_hash)


def test_an_event_is_told_as_its_pinned_entries_leave_it_and_not_as_it_became() -> None:
    early, late = told_event(EVENT, walk(ENTRIES[:4])), told_event(EVENT, walk(ENTRIES))
    assert (early.title, early.start_time, early.status) == ("컷", STARTS, EventStatus.PROPOSED)
    assert (late.title, late.start_time, late.status) == ("컷과 염색", MOVED, EventStatus.CANCELED)
    assert (early.canceled_reason, late.canceled_reason) == (None, "아파요")
    assert (late.end_time, late.location) == (ENDS, "마포점")


def test_people_are_named_as_they_were_when_let_in_and_have_agreed_until_that_was_taken_back() -> None:
    now = [ReportedParticipant(user_id=i, name="now", phone="+82*", confirmed_at=None) for i in (11, 12)]
    seconds = [timedelta(seconds=seq) for seq in range(LENGTH + 1)]
    first, second = told_people(now, walk(ENTRIES))
    assert (first.name, first.confirmed_at) == ("민지", BEGAN + seconds[2])
    assert (second.name, second.confirmed_at) == ("도현", BEGAN + seconds[9])
    taken_back = people(ChangeType.PARTICIPANT_UNCONFIRMED, participant(12, confirmed=True), participant(12))
    agreed = people(ChangeType.PARTICIPANT_CONFIRMED, participant(12), participant(12, confirmed=True))
    added = people(ChangeType.PARTICIPANT_ADDED, None, participant(12), name="도현")
    for changes, moment in (
        ([added, agreed], BEGAN + seconds[2]),
        ([added, agreed, taken_back], None),
        ([added, agreed, taken_back, agreed], BEGAN + seconds[4]),
    ):
        (one,) = told_people(now[1:], walk(entries_of(changes)))
        assert one.confirmed_at == moment


def test_a_payment_is_told_as_its_last_entry_says() -> None:
    def paid(kind: ChangeType, status: str, refunded: str) -> Change:
        said = {"payment_id": 5, "amount": "10000.00", "currency": "KRW", "refunded_amount": refunded, "status": status}
        return Change(change_type=kind, field_name="payments", new_value=said)

    walked = walk(entries_of([paid(ChangeType.PAYMENT_CREATED, "PENDING", "0.00")]))
    assert walked.told.payments[5]["status"] == "PENDING"
    changed = [paid(ChangeType.PAYMENT_CREATED, "PENDING", "0.00"), paid(ChangeType.PAYMENT_CHANGED, "COMPLETED", "10")]
    assert walk(entries_of(changed)).told.payments[5]["refunded_amount"] == "10"
