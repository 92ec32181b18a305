"""An event's history: entries chained by hash, and what each says (P6).

    entry_hash = sha256(prev_hash || hashed_bytes), the first prev_hash GENESIS

The bytes are UTF-8 JSON, made once by PostgreSQL (`chain_history`, migration 000021) and never again: they are stored,
hashed and read as they are. What is personal or free text enters them as a commitment under a name; its value and salt
stand beside the bytes, in a column of that name or in metadata, and can be taken away should a person be erased.

WARNING: chains are kept for ever. `tests/integration/test_migrations_history.py` holds SQL's bytes against these
structs.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import msgspec

from domain.ids import RANDOM_BITS, SEQ_MAX

GENESIS: Final = bytes(32)
COLUMNS_COMMITTED: Final = ("actor_name", "ip_address", "user_agent", "old_value", "new_value")
"""Names of commitments whose value has a column of its own; any other's stands in metadata."""


class ChangeType(StrEnum):
    """What an entry tells of."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    CONFIRMED = "CONFIRMED"
    CANCELED = "CANCELED"
    DONE = "DONE"
    PARTICIPANT_ADDED = "PARTICIPANT_ADDED"
    PARTICIPANT_REMOVED = "PARTICIPANT_REMOVED"
    PARTICIPANT_CONFIRMED = "PARTICIPANT_CONFIRMED"
    PARTICIPANT_UNCONFIRMED = "PARTICIPANT_UNCONFIRMED"
    PAYMENT_CREATED = "PAYMENT_CREATED"
    PAYMENT_CHANGED = "PAYMENT_CHANGED"
    PAYMENT_CORRECTED = "PAYMENT_CORRECTED"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is to be chained: one field of an event, one participant, one payment; or, at once, all that a
    creation or a cancellation sets (no field_name, new_value an object)."""

    change_type: ChangeType
    field_name: str | None = None
    old_value: object = None
    new_value: object = None
    texts: Mapping[str, str] = {}
    """What is only committed to, by name: old_value and new_value, or fields of what new_value sets."""


class Origin(NamedTuple):
    """Where a change comes from."""

    ip_address: str | None
    user_agent: str | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as a store keeps it: its fields are the columns of both stores' tables."""

    event_id: int
    changed_at: datetime
    change_id: UUID
    actor_id: int | None
    """None: the clock, or the system."""
    actor_name: str | None
    change_type: str
    field_name: str | None
    old_value: str | None
    """JSON."""
    new_value: str | None
    ip_address: str | None
    user_agent: str | None
    metadata: Mapping[str, str]
    chain_seq: int
    """Its place in the chain, from 1."""
    prev_hash: bytes
    entry_hash: bytes
    hashed_bytes: bytes
    salts: Mapping[str, bytes]


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry's bytes say."""

    event_id: int
    chain_seq: int
    change_id: UUID
    changed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    type: str
    field: str | None
    old: msgspec.Raw
    new: msgspec.Raw
    actor_id: int | None
    commitments: dict[str, str]


_said: Final = msgspec.json.Decoder(Said)
_text: Final = msgspec.json.Decoder(str)
_object: Final = msgspec.json.Decoder(dict[str, object])


def said(hashed_bytes: bytes) -> Said | None:
    """What the bytes say; None if they were never an entry's."""
    try:
        return _said.decode(hashed_bytes)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def chain(prev_hash: bytes, hashed_bytes: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(prev_hash + hashed_bytes).digest()


def commitment(salt: bytes, value: str) -> str:
    """What stands in the bytes for a value, in hex: it binds the value and, once the salt is gone, tells nothing."""
    return sha256(salt + value.encode()).hexdigest()


def seq_of(change_id: UUID) -> int:
    """The place in the chain that a change_id carries."""
    return change_id.int >> RANDOM_BITS & SEQ_MAX


def made_at_ms(change_id: UUID) -> int:
    """The time that a change_id carries, its entry's changed_at: milliseconds since 1970."""
    return change_id.int >> 80


def committed_text(entry: Entry, name: str) -> str | None:
    """The value that an intact entry committed to under this name, None if it was erased."""
    return _beside(entry, name) if name in entry.salts else None


def old_and_new(entry: Entry, bytes_say: Said) -> tuple[object, object]:
    """The values before and after, for a reader: what the bytes say, and beside it what they committed to.

    What was erased is None.
    """
    names = bytes_say.commitments
    old = committed_text(entry, "old_value") if "old_value" in names else msgspec.json.decode(bytes_say.old)
    new = committed_text(entry, "new_value") if "new_value" in names else msgspec.json.decode(bytes_say.new)
    beside = {name: committed_text(entry, name) for name in names if name not in COLUMNS_COMMITTED}
    return old, {**_object.decode(bytes_say.new), **beside} if beside else new


def altered_columns(entry: Entry, bytes_say: Said) -> Iterator[str]:
    """The names of the columns, hashes aside, that are not what the bytes say.

    A committed value that was erased, with its salt, is none of them.
    """
    for column, of_bytes in (
        ("event_id", bytes_say.event_id),
        ("chain_seq", bytes_say.chain_seq),
        ("change_id", bytes_say.change_id),
        ("changed_at", bytes_say.changed_at),
        ("actor_id", bytes_say.actor_id),
        ("change_type", bytes_say.type),
        ("field_name", bytes_say.field),
    ):
        if getattr(entry, column) != of_bytes:
            yield column
    commitments = bytes_say.commitments
    for column, raw in (("old_value", bytes_say.old), ("new_value", bytes_say.new)):
        if column not in commitments and (getattr(entry, column) or "null").encode() != bytes(raw):
            yield column
    for column in ("actor_name", "ip_address", "user_agent"):
        if column not in commitments and getattr(entry, column):
            yield column
    if entry.metadata.keys() - commitments.keys():
        yield "metadata"
    if entry.salts.keys() - commitments.keys():
        yield "salts"
    yield from (name for name, committed in commitments.items() if not _keeps(entry, name, committed))


def _keeps(entry: Entry, name: str, committed: str) -> bool:
    """Is the value the one that was committed to, or gone with its salt?"""
    try:
        value = _beside(entry, name)
    except msgspec.DecodeError:
        return False
    salt = entry.salts.get(name)
    return not value if salt is None else value is not None and commitment(salt, value) == committed


def _beside(entry: Entry, name: str) -> str | None:
    """The value that stands beside a commitment of this name."""
    if name not in COLUMNS_COMMITTED:
        return entry.metadata.get(name)
    value: str | None = getattr(entry, name)
    return _text.decode(value) if value and name in ("old_value", "new_value") else value
