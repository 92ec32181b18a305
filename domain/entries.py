"""A journal entry as a worker meets it: operations with the version and the seq that the journal gave each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Self, TypeVar

import msgspec

from domain.ids import MessageId
from domain.operations import ENTRY_FORMAT, Create, Operation, decode, encode

VERSION_DIGITS_MAX: Final = 18
"""What PostgreSQL's BIGINT surely holds; microseconds since 1970 have 16."""

Op = TypeVar("Op", bound=Operation)
Placed_co = TypeVar("Placed_co", bound=Operation, covariant=True)


class EntryId(NamedTuple):
    """The place of an entry in the journal; ordered as entries were taken in."""

    ms: int
    n: int

    @classmethod
    def parse(cls, text: str) -> Self:
        ms, _, n = text.partition("-")
        return cls(int(ms), int(n))

    def __str__(self) -> str:
        return f"{self.ms}-{self.n}"


class Placed(NamedTuple, Generic[Placed_co]):
    """An operation in its place."""

    operation: Placed_co
    version: int
    """Microseconds since 1970; the CQL timestamp of every cell it writes."""
    seq: int
    """The message's place in its event; 0 for what is no new message."""
    entry_id: str

    @property
    def created_at_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.version // 1_000


def message_id(create: Placed[Create]) -> MessageId:
    """The id of a new message."""
    return MessageId(create.version, create.seq, create.operation.random)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was understood."""

    id: str
    operations: tuple[Placed[Operation], ...]


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """An entry of another format, or broken: it becomes one dead letter, whole."""

    id: str
    version: int
    fields: Mapping[bytes, bytes]


def read_entry(entry_id: str, fields: Mapping[bytes, bytes]) -> Entry | UnreadableEntry:
    """An entry from the fields that the journal's `append` wrote: f format, v first version, s seqs, o operations."""
    try:
        first = int(fields[b"v"])
        if int(fields[b"f"]) != ENTRY_FORMAT:
            return UnreadableEntry(entry_id, _version_of(entry_id, fields), fields)
        seqs = fields[b"s"].split(b",")
        placed = tuple(
            Placed(operation, version, int(seq), entry_id)
            for version, (operation, seq) in enumerate(zip(decode(fields[b"o"]), seqs, strict=True), first)
        )
    except (KeyError, ValueError, msgspec.DecodeError):
        return UnreadableEntry(entry_id, _version_of(entry_id, fields), fields)
    return Entry(entry_id, placed)


def _version_of(entry_id: str, fields: Mapping[bytes, bytes]) -> int:
    """Without a version its entry's time stands in: dead letters are unique by version."""
    version = fields.get(b"v", b"")
    known = version.isdigit() and len(version) <= VERSION_DIGITS_MAX
    return int(version) if known else EntryId.parse(entry_id).ms * 1_000


def fields_of(placed: Placed[Operation]) -> dict[bytes, bytes]:
    """The fields of an entry that holds this operation alone, in its place."""
    return {
        b"f": b"%d" % ENTRY_FORMAT,
        b"v": b"%d" % placed.version,
        b"s": b"%d" % placed.seq,
        b"o": encode([placed.operation]),
    }
