"""The shapes of the message calls: what is asked for, and how messages are shown."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from domain.event import Moment
from domain.message import BULK_MESSAGES_MAX, NewMessageIn, RowId
from domain.submissions import Receipt
from stores.pages import StoredMessage


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Many messages, each on its own."""

    messages: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=BULK_MESSAGES_MAX)]


class BulkShape(msgspec.Struct, frozen=True):
    """A bulk as the OpenAPI page shows it."""

    messages: Annotated[list[NewMessageIn], msgspec.Meta(min_length=1, max_length=BULK_MESSAGES_MAX)]


class Sent(msgspec.Struct, frozen=True):
    """A message that was taken: it is durable, and will be stored."""

    message_id: str
    seq: int
    created_at: Moment


# msgspec tells the members of a union apart by a tag, which neither of these has: so the schema is written out.
SENT_OR_PROBLEM: Final = {"anyOf": [{"$ref": "#/components/schemas/Sent"}, {"$ref": "#/components/schemas/Problem"}]}


class BulkSent(msgspec.Struct, frozen=True):
    """What became of each message, by position."""

    results: list[Annotated[object, msgspec.Meta(extra_json_schema=SENT_OR_PROBLEM)]]


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}):
    """Which messages of an event: the newest, those before or after one, or those of a time."""

    as_user: RowId
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    before: UUID | None = None
    after: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None


class ReactionView(msgspec.Struct, frozen=True):
    """Who reacted, and how."""

    user_id: int
    emoji: str


class MessageView(msgspec.Struct, frozen=True):
    """A message as it is read. A deleted one, and one that could not be stored, has no text and is_deleted."""

    message_id: UUID
    seq: int
    created_at: Moment
    sender_id: int | None
    sender_name: str
    sender_profile_url: str
    message: str
    message_type: str
    attachments: list[str]
    reply_to: UUID | None
    edited_at: Moment | None
    is_deleted: bool
    metadata: dict[str, str]
    reactions: list[ReactionView]


class Page(msgspec.Struct, frozen=True):
    """Messages, and where the next page begins: null at the end, never null for who follows with `after`."""

    messages: list[MessageView]
    next: UUID | None


class TypingView(msgspec.Struct, frozen=True):
    """Who is typing."""

    user_ids: list[int]


def sent(receipt: Receipt) -> Sent:
    """A receipt as it is answered."""
    created_at = datetime.fromtimestamp(receipt.version // 1_000 / 1_000, UTC)
    return Sent(str(receipt.message_id), receipt.seq, created_at)


def view(stored: StoredMessage) -> MessageView:
    """A message as it is read: what is deleted is not shown (P5)."""
    hidden = stored.is_deleted
    return MessageView(
        message_id=stored.message_id,
        seq=stored.seq,
        created_at=stored.created_at.replace(tzinfo=UTC),
        sender_id=stored.sender_id,
        sender_name=stored.sender_name or "",
        sender_profile_url=stored.sender_profile_url or "",
        message="" if hidden else stored.message or "",
        message_type=stored.message_type or "text",
        attachments=[] if hidden else list(stored.attachments or ()),
        reply_to=stored.reply_to,
        edited_at=stored.edited_at.replace(tzinfo=UTC) if stored.edited_at else None,
        is_deleted=hidden,
        metadata={} if hidden else dict(stored.metadata or {}),
        reactions=[ReactionView(user, emoji) for user, emoji in (stored.reactions or {}).items() if emoji],
    )
