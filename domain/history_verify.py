"""Is a history whole? Every bad entry by name, and what is wrong with it (P6).

What is trusted is the end of the chain, and whatever hashes somebody else kept. From the first entry on, the hash of
each is computed from its bytes and compared with what the others say of it: a hash kept elsewhere, the head, or the
entry that was chained after it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from domain.event_state import Event
from domain.history import GENESIS, Entry, Said, altered_columns, chain, old_and_new, said, seq_of
from domain.history_replay import Replay, differences
from domain.payment_history import PaymentState


class FaultKind(StrEnum):
    """What can be wrong with a history."""

    ALTERED_COLUMN = "altered column"
    ALTERED_BYTES = "altered bytes"
    MISSING = "missing"
    EXTRA = "extra"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    PRESENT_ROW = "present row that the chain does not lead to"


class Fault(NamedTuple):
    """Something wrong, and where."""

    chain_seq: int
    """Of the bad entry; of a present row, the chain's length."""
    kind: FaultKind
    detail: str
    """Names of columns or fields, never a value."""


class _Read(NamedTuple):
    """An entry with what its bytes say, and its place in the store's order."""

    place: int
    entry: Entry
    bytes_say: Said | None

    @property
    def seq(self) -> int:
        """Its place in the chain: by its bytes, if they are what was hashed, else by its column."""
        is_intact = self.hash_after(self.entry.prev_hash) == self.entry.entry_hash
        return self.bytes_say.chain_seq if self.bytes_say and is_intact else self.entry.chain_seq

    def hash_after(self, prev_hash: bytes) -> bytes:
        return chain(prev_hash, self.entry.hashed_bytes)


@dataclass(frozen=True, slots=True)
class _Checked:
    """An entry in its place, and what is wrong with it."""

    seq: int
    read: _Read
    has_its_bytes: bool
    altered: tuple[str, ...]


def verify(
    entries: Iterable[Entry],
    event: Event,
    receipts: Mapping[int, bytes] | None = None,
    payments: Iterable[PaymentState] = (),
) -> list[Fault]:
    """All that is wrong with an event's history, the first bad entry first; nothing if it is whole.

    `entries` are in the order of the store's keys, oldest first. `receipts` are hashes by chain_seq that somebody else
    kept: an actor's answers, or the other store's rows. The present row, and the `payments` that the event has, are
    compared where the chain is whole.
    """
    read = [_Read(place, entry, said(entry.hashed_bytes)) for place, entry in enumerate(entries)]
    head = bytes.fromhex(event.history_head) if event.history_head else GENESIS
    trusted = {event.history_length: head, **(receipts or {})}  # who has a receipt need not believe the head
    at: dict[int, list[_Read]] = {}
    for one in read:
        at.setdefault(one.seq, []).append(one)
    faults = [
        Fault(seq, FaultKind.EXTRA, "beyond the end of the history")
        for seq, ones in at.items()
        if not 1 <= seq <= event.history_length
        for _ in ones
    ]
    checked: list[_Checked] = []
    prev: bytes | None = GENESIS
    for seq in range(1, event.history_length + 1):
        here = at.get(seq, [])
        if not here:
            prev = None
            continue
        picked, prev = _pick(seq, here, prev, at.get(seq + 1, []), trusted)
        checked.append(picked)
        faults += [Fault(seq, FaultKind.EXTRA, "another entry is in its place") for _ in here[1:]]
    faults += [*_absences(event.history_length, at), *_cut_off(event.history_length, trusted), *_faults_of(checked)]
    if not faults and (found := differences(_told_by(checked), event, payments)):
        faults = [Fault(event.history_length, FaultKind.PRESENT_ROW, ", ".join(found))]
    return sorted(faults, key=lambda fault: fault.chain_seq)


def is_intact(entry: Entry) -> bool:
    """Whether an entry's bytes are what was hashed, and its columns what they say: as far as it tells by itself."""
    one = _Read(0, entry, said(entry.hashed_bytes))
    computed = one.hash_after(entry.prev_hash)
    return computed == entry.entry_hash and not any(_altered(one, entry.prev_hash, computed))


def _told_by(intact: Iterable[_Checked]) -> Replay:
    told = Replay()
    for one in intact:
        assert one.read.bytes_say is not None, "an intact entry says something"
        told.read(one.read.entry, one.read.bytes_say, *old_and_new(one.read.entry, one.read.bytes_say))
    return told


def _pick(
    seq: int, here: Sequence[_Read], prev: bytes | None, after: Sequence[_Read], trusted: Mapping[int, bytes]
) -> tuple[_Checked, bytes]:
    """Of the entries that claim a place the one that fits there, checked; and the hash to go on from."""
    for one in here:
        before = one.entry.prev_hash if prev is None else prev
        computed = one.hash_after(before)
        if computed == _witnessed(seq, one, computed, after, trusted):
            return _Checked(seq, one, True, tuple(_altered(one, before, computed))), computed
    first = here[0]
    before = first.entry.prev_hash if prev is None else prev
    return _Checked(seq, first, False, ()), _witnessed(seq, first, first.hash_after(before), after, trusted)


def _witnessed(seq: int, one: _Read, computed: bytes, after: Sequence[_Read], trusted: Mapping[int, bytes]) -> bytes:
    """What others say that an entry's hash is; its own word counts only where nobody else has one."""
    if seq in trusted:
        return trusted[seq]
    if not after:
        return one.entry.entry_hash
    if any(other.hash_after(computed) == other.entry.entry_hash for other in after):
        return computed  # whatever the next one's prev_hash says, it was chained after this
    return after[0].entry.prev_hash


def _altered(one: _Read, before: bytes, computed: bytes) -> Iterable[str]:
    """The columns of an entry with the right bytes that are not what they must be."""
    if one.entry.prev_hash != before:
        yield "prev_hash"
    if one.entry.entry_hash != computed:
        yield "entry_hash"
    if one.bytes_say is None or seq_of(one.bytes_say.change_id) != one.bytes_say.chain_seq:
        yield "hashed_bytes"
    else:
        yield from altered_columns(one.entry, one.bytes_say)


def _absences(length: int, at: Mapping[int, object]) -> Iterable[Fault]:
    """Entries that are not there: those at the end were cut off, any other one is missing."""
    last = max((seq for seq in at if seq <= length), default=0)
    yield from (Fault(seq, FaultKind.MISSING, "not there") for seq in range(1, last) if seq not in at)
    if last < length:
        yield Fault(last + 1, FaultKind.TRUNCATED, f"{length - last} entries are cut off")


def _cut_off(length: int, trusted: Mapping[int, bytes]) -> Iterable[Fault]:
    """Somebody has a receipt for an entry beyond the end: the chain was longer."""
    if (last := max(trusted)) > length:
        yield Fault(length + 1, FaultKind.TRUNCATED, f"there is a receipt for entry {last}")


def _faults_of(checked: Sequence[_Checked]) -> Iterable[Fault]:
    """What is wrong with entries that are in their place: the worst of each."""
    stored = sorted(checked, key=lambda one: one.read.place)
    misplaced = {one.seq for one, other in zip(stored, checked, strict=True) if one.seq != other.seq}
    for one in checked:
        if not one.has_its_bytes:
            yield Fault(one.seq, FaultKind.ALTERED_BYTES, "its bytes are not what was hashed")
        elif one.seq in misplaced:
            yield Fault(one.seq, FaultKind.REORDERED, "not in its place")
        elif one.altered:
            yield Fault(one.seq, FaultKind.ALTERED_COLUMN, ", ".join(one.altered))
