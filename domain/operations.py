"""What a journal entry holds: operations on messages, exactly as ingest fixed them.

The worker adds nothing of its own to an operation, so every delivery writes the same cells (P2).

WARNING: entries outlive a deploy. These structs are encoded as arrays, tag first: a new field goes last with a
default, a field is never moved or removed, and a change that breaks this needs a new ENTRY_FORMAT.
`tests/unit/test_entries.py` pins the bytes.
"""

from typing import Final
from uuid import UUID

import msgspec

ENTRY_FORMAT: Final = 1
ENTRY_OPERATIONS_MAX: Final = 100
"""Operations of one entry: about 60 kB, one fsync and 1 ms of the journal's single thread."""


class Create(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A message said in an event. Its place (version, seq) is given by the journal."""

    event_id: int
    random: int
    """The 30 random bits of its id."""
    sender_id: int | None
    """None: the system speaks."""
    sender_name: str
    sender_profile_url: str
    message: str
    message_type: str
    attachments: tuple[str, ...] = ()
    reply_to: UUID | None = None
    metadata: dict[str, str] = {}


class Edit(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """A message's text said anew by its author."""

    event_id: int
    message_id: UUID
    actor_id: int
    message: str


class Delete(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """A message taken back by its author."""

    event_id: int
    message_id: UUID
    actor_id: int


class React(msgspec.Struct, frozen=True, array_like=True, tag=4, gc=False):
    """One user's reaction to a message; an empty emoji takes it back."""

    event_id: int
    message_id: UUID
    actor_id: int
    emoji: str


class Read(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    """A user has read an event up to this seq."""

    event_id: int
    actor_id: int
    seq: int


Change = Edit | Delete | React
Operation = Create | Change | Read

_encoder: Final = msgspec.msgpack.Encoder(uuid_format="bytes", order="deterministic")
_decoder: Final = msgspec.msgpack.Decoder(list[Operation])

encode: Final = _encoder.encode
"""An operation's bytes. The journal's function joins the bytes of many into one array."""

KINDS: Final = {Create: "create", Edit: "edit", Delete: "delete", React: "react", Read: "read"}
"""The name of each kind of operation, as dead letters and metrics show it."""


def decode(operations: bytes) -> list[Operation]:
    """The operations of an entry; msgspec.DecodeError or ValidationError if they are none."""
    return _decoder.decode(operations)
