"""What people may ask of messages: the shapes and limits of each call, checked before anything is journaled.

The same structs check what comes by HTTP and what a Python app hands over itself (`ingest.client`).
"""

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from domain.errors import BadInput
from domain.ids import MESSAGE_BYTES_MAX
from domain.operations import Create, Edit, encode

TEXT_CHARACTERS_MAX: Final = 4_000
ATTACHMENTS_MAX: Final = 10
URL_CHARACTERS_MAX: Final = 2_048
CLIENT_ID_CHARACTERS_MAX: Final = 64
EMOJI_CHARACTERS_MAX: Final = 32
"""The longest emoji are sequences of about ten code points."""
BULK_MESSAGES_MAX: Final = 1_000

INT8_MAX: Final = 2**63 - 1
"""The largest id of a row: PostgreSQL's BIGINT."""
RowId = Annotated[int, msgspec.Meta(ge=1, le=INT8_MAX)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
# In Python, $ also matches before a last newline, which is no part of an address: hence (?!\n).
Attachment = Annotated[str, msgspec.Meta(pattern=r"^https://[^\s/?#]+\S*$(?!\n)", max_length=URL_CHARACTERS_MAX)]
MessageType = Literal["text", "image", "file"]
"""`system` is ours and cannot be asked for."""


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message to be said in an event."""

    actor_id: RowId
    message: Text
    message_type: MessageType = "text"
    attachments: Annotated[tuple[Attachment, ...], msgspec.Meta(max_length=ATTACHMENTS_MAX)] = ()
    reply_to: UUID | None = None
    metadata: dict[str, str] = {}
    client_id: Annotated[str, msgspec.Meta(min_length=1, max_length=CLIENT_ID_CHARACTERS_MAX)] | None = None
    """The app's own id of this message: sent again within 10 minutes it counts once."""


class NewMessageIn(NewMessage, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message of a bulk, which names its event."""

    event_id: RowId


class EditMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message's new text."""

    actor_id: RowId
    message: Text


class Reaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One user's reaction to a message."""

    actor_id: RowId
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=EMOJI_CHARACTERS_MAX)]


class Typing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user is typing."""

    actor_id: RowId


class ReadMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user has read an event up to this message."""

    actor_id: RowId
    up_to: UUID


def storable(operation: Create | Edit) -> bytes:
    """An operation's bytes, as the journal takes them. Raises BadInput if its text cannot be stored or is too long."""
    texts: list[str] = []
    if isinstance(operation, Create) and (operation.metadata or operation.attachments):
        texts = [*operation.metadata, *operation.metadata.values(), *operation.attachments]
    if "\0" in operation.message or any("\0" in text for text in texts):
        raise BadInput("A text must not hold the character NUL.", "message")
    try:
        encoded = encode(operation)
    except UnicodeEncodeError:
        raise BadInput("A text must not hold a lone surrogate.", "message") from None
    if len(encoded) > MESSAGE_BYTES_MAX:
        raise BadInput(f"A message may have {MESSAGE_BYTES_MAX} bytes in all; this one has {len(encoded)}.", "message")
    return encoded
