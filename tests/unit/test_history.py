"""domain.history, history_replay, history_verify: every tamper is found, and named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_state import Event, Participant
from domain.event_status import EventStatus
from domain.history import Entry, chain, commitment, made_at_ms, old_and_new, said, seq_of
from domain.history_verify import Fault, FaultKind, verify
from tests.histories import BEGAN, MOVED, STARTS, created, entries_of, erased, other_values, whole

ENTRIES, EVENT = whole()
LENGTH = len(ENTRIES)
places = st.integers(1, LENGTH)
spoilt = msgspec.structs.replace


def faults(entries: Sequence[Entry], event: Event = EVENT) -> list[tuple[int, FaultKind]]:
    return [(fault.chain_seq, fault.kind) for fault in verify(entries, event)]


def test_an_untouched_history_has_no_fault() -> None:
    assert verify(ENTRIES, EVENT) == []


def test_a_history_of_nothing_is_whole() -> None:
    assert faults([], replace(EVENT, history_length=0, history_head=None)) == [(0, FaultKind.PRESENT_ROW)]


@pytest.mark.parametrize("seq", range(1, LENGTH + 1))
def test_each_altered_column_of_each_entry_is_found_and_named(seq: int) -> None:
    """P6."""
    entry = ENTRIES[seq - 1]
    for column, value in other_values(entry):
        entries = [*ENTRIES[: seq - 1], spoilt(entry, **{column: value}), *ENTRIES[seq:]]
        (fault,) = verify(entries, EVENT)
        assert (fault.chain_seq, fault.kind) == (seq, FaultKind.ALTERED_COLUMN), column
        assert fault.detail in (column, "title", "actor_name"), column


@given(places, st.data())
def test_one_altered_byte_is_found_and_its_entry_named(seq: int, data: st.DataObject) -> None:
    """P6."""
    entry = ENTRIES[seq - 1]
    at = data.draw(st.integers(0, len(entry.hashed_bytes) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != entry.hashed_bytes[at]))
    changed = entry.hashed_bytes[:at] + bytes([byte]) + entry.hashed_bytes[at + 1 :]
    entries = [*ENTRIES[: seq - 1], spoilt(entry, hashed_bytes=changed), *ENTRIES[seq:]]
    assert faults(entries) == [(seq, FaultKind.ALTERED_BYTES)]


@given(places)
def test_altered_bytes_with_a_hash_to_match_are_found(seq: int) -> None:
    """P6. Who alters an entry can hash it, but not change what the next one, or the head, says of it."""
    entry = ENTRIES[seq - 1]
    changed = entry.hashed_bytes.replace(b'"event_id":7', b'"event_id":8')
    forged = spoilt(entry, event_id=8, hashed_bytes=changed, entry_hash=chain(entry.prev_hash, changed))
    assert faults([*ENTRIES[: seq - 1], forged, *ENTRIES[seq:]]) == [(seq, FaultKind.ALTERED_BYTES)]


@given(places)
def test_a_chain_made_again_from_an_altered_entry_on_is_found_by_the_head_and_by_a_receipt_to_the_entry(
    seq: int,
) -> None:
    """P6. The head tells that it happened; with the hash that an actor kept, the entry is named."""
    forged: list[Entry] = list(ENTRIES[: seq - 1])
    prev = ENTRIES[seq - 1].prev_hash
    for entry in ENTRIES[seq - 1 :]:
        changed = entry.hashed_bytes.replace(b'"actor_id":11', b'"actor_id":12')
        forged.append(spoilt(entry, actor_id=12, prev_hash=prev, hashed_bytes=changed, entry_hash=chain(prev, changed)))
        prev = forged[-1].entry_hash
    assert faults(forged) == [(LENGTH, FaultKind.ALTERED_BYTES)]
    receipts = {entry.chain_seq: entry.entry_hash for entry in ENTRIES}
    assert verify(forged, EVENT, receipts)[0][:2] == (seq, FaultKind.ALTERED_BYTES)


@given(st.sets(st.integers(1, LENGTH - 1), min_size=1))
def test_missing_entries_are_named(seqs: set[int]) -> None:
    """P6."""
    left = [entry for entry in ENTRIES if entry.chain_seq not in seqs]
    assert faults(left) == [(seq, FaultKind.MISSING) for seq in sorted(seqs)]


@given(places)
def test_a_history_that_was_cut_off_is_truncated_where_it_ends(seq: int) -> None:
    """P6."""
    assert faults(ENTRIES[: seq - 1]) == [(seq, FaultKind.TRUNCATED)]


@given(places, places)
def test_entries_whose_keys_were_exchanged_are_reordered(one: int, other: int) -> None:
    """P6. A store gives them in the order of their keys."""
    if one == other:
        return
    entries = list(ENTRIES)
    entries[one - 1], entries[other - 1] = ENTRIES[other - 1], ENTRIES[one - 1]
    assert faults(entries) == [(seq, FaultKind.REORDERED) for seq in sorted((one, other))]
    keys = ("changed_at", "change_id", "chain_seq")
    for place in (one - 1, other - 1):
        mine = {key: getattr(ENTRIES[place], key) for key in keys}
        entries[place] = spoilt(entries[place], **mine)
    assert faults(entries) == [(seq, FaultKind.REORDERED) for seq in sorted((one, other))]


def test_an_entry_too_many_is_extra_wherever_it_claims_to_be() -> None:
    """P6."""
    beyond = entries_of([created()] * (LENGTH + 1))[-1]
    assert faults([*ENTRIES, beyond]) == [(LENGTH + 1, FaultKind.EXTRA)]
    for seq in range(1, LENGTH + 1):
        claims = entries_of([created("다른 것")] * LENGTH)[seq - 1]
        for at in (seq - 1, seq):
            assert faults([*ENTRIES[:at], claims, *ENTRIES[at:]]) == [(seq, FaultKind.EXTRA)]


def test_of_many_faults_the_first_bad_entry_comes_first() -> None:
    """P6."""
    entries = list(ENTRIES)
    entries[8] = spoilt(entries[8], actor_name="x")
    entries[2] = spoilt(entries[2], hashed_bytes=entries[2].hashed_bytes + b" ")
    del entries[5]
    assert faults(entries) == [
        (3, FaultKind.ALTERED_BYTES),
        (6, FaultKind.MISSING),
        (9, FaultKind.ALTERED_COLUMN),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "파마"),
        ("description", "x"),
        ("location", None),
        ("start_time", STARTS),
        ("end_time", MOVED + timedelta(microseconds=1)),
        ("creator_id", 12),
        ("status", EventStatus.CONFIRMED),
        ("canceled_reason", None),
        ("open_slot_id", 5),
        ("participants", EVENT.participants[:1]),
        ("participants", (Participant(11, True, 0), Participant(12, False, 0))),
        ("participants", (Participant(11, True, 0), Participant(12, True, 1))),
    ],
)
def test_a_present_row_that_the_chain_does_not_lead_to_is_found(name: str, value: object) -> None:
    """P6."""
    event = replace(EVENT, **{name: value})  # type: ignore[arg-type]
    assert verify(ENTRIES, event) == [Fault(LENGTH, FaultKind.PRESENT_ROW, name)]


def test_an_erased_person_leaves_the_chain_whole() -> None:
    """P6. Names, addresses, titles and reasons can go; a value without its salt, or the reverse, is a tamper."""
    entries = [erased(entry, *entry.salts) for entry in ENTRIES]
    assert verify(entries, replace(EVENT, title="", canceled_reason=None)) == []
    assert faults(entries, replace(EVENT, status=EventStatus.DONE)) == [(LENGTH, FaultKind.PRESENT_ROW)]
    halves: list[dict[str, object]] = [{"actor_name": None}, {"salts": {}}]
    for half in halves:
        assert faults([spoilt(ENTRIES[0], **half), *ENTRIES[1:]]) == [(1, FaultKind.ALTERED_COLUMN)]


def test_a_reader_sees_what_was_committed_to_until_it_is_erased() -> None:
    def seen(entry: Entry) -> tuple[object, object]:
        bytes_say = said(entry.hashed_bytes)
        assert bytes_say is not None
        return old_and_new(entry, bytes_say)

    assert seen(ENTRIES[4]) == ("컷", "컷과 염색")
    assert seen(ENTRIES[5]) == (None, "두 시간")
    assert seen(ENTRIES[11]) == ({"status": "CONFIRMED"}, {"status": "CANCELED", "canceled_reason": "아파요"})
    assert seen(erased(ENTRIES[11], "canceled_reason"))[1] == {"status": "CANCELED", "canceled_reason": None}
    assert seen(erased(ENTRIES[4], "old_value")) == (None, "컷과 염색")


@given(
    st.binary(min_size=32, max_size=32), st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))
)
def test_a_commitment_binds_its_value(salt: bytes, one: str, other: str) -> None:
    assert (commitment(salt, one) == commitment(salt, other)) == (one == other)


def test_a_change_id_carries_the_place_and_the_time() -> None:
    entry = ENTRIES[4]
    assert seq_of(entry.change_id) == 5
    assert made_at_ms(entry.change_id) == int((BEGAN + timedelta(seconds=5)).timestamp() * 1_000)
