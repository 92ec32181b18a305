"""ScyllaDB: chat_messages_by_event, chat_messages_by_user, message_reactions, as the drain writes them (P2, P5).

Every cell is written with its operation's version as CQL timestamp: whatever is delivered late, repeated or out of
order, the latest version stands. Hiding overwrites and never deletes: a tombstone is purged, a late delivery is not.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from cassandra.query import UNSET_VALUE

from domain.entries import Placed, message_id
from domain.errors import BadInput
from domain.ids import MessageId, year_of
from domain.message import INT8_MAX
from domain.operations import Change, Create, Delete, Edit, React
from domain.plan import Found
from stores.scylla import Rows, Scylla

INSERT_MESSAGE: Final = """
    INSERT INTO chat_messages_by_event (event_id, bucket, created_at, message_id, seq, sender_id, sender_name,
        sender_profile_url, message, message_type, attachments, reply_to, metadata, is_deleted)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, false) USING TIMESTAMP ?"""
INSERT_STUB: Final = """
    INSERT INTO chat_messages_by_event (event_id, bucket, created_at, message_id, seq, message, is_deleted)
    VALUES (?, ?, ?, ?, ?, '', true) USING TIMESTAMP ?"""
INSERT_ACTIVITY: Final = """
    INSERT INTO chat_messages_by_user (user_id, year, created_at, event_id, message_id, message, is_deleted)
    VALUES (?, ?, ?, ?, ?, ?, false) USING TIMESTAMP ?"""
EDIT_MESSAGE: Final = """
    UPDATE chat_messages_by_event USING TIMESTAMP ? SET message = ?, edited_at = ?
    WHERE event_id = ? AND bucket = ? AND created_at = ? AND message_id = ?"""
EDIT_ACTIVITY: Final = """
    UPDATE chat_messages_by_user USING TIMESTAMP ? SET message = ?
    WHERE user_id = ? AND year = ? AND created_at = ? AND event_id = ? AND message_id = ?"""
HIDE_MESSAGE: Final = """
    UPDATE chat_messages_by_event USING TIMESTAMP ? SET is_deleted = true, message = '', attachments = [], metadata = {}
    WHERE event_id = ? AND bucket = ? AND created_at = ? AND message_id = ?"""
HIDE_ACTIVITY: Final = """
    UPDATE chat_messages_by_user USING TIMESTAMP ? SET is_deleted = true, message = ''
    WHERE user_id = ? AND year = ? AND created_at = ? AND event_id = ? AND message_id = ?"""
REACT_TO_MESSAGE: Final = """
    UPDATE chat_messages_by_event USING TIMESTAMP ? SET reactions[?] = ?
    WHERE event_id = ? AND bucket = ? AND created_at = ? AND message_id = ?"""
INSERT_REACTION: Final = """
    INSERT INTO message_reactions (message_id, user_id, emoji, created_at) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"""
SELECT_FOUND: Final = """
    SELECT seq, sender_id FROM chat_messages_by_event
    WHERE event_id = ? AND bucket = ? AND created_at = ? AND message_id = ?"""


def find(scylla: Scylla, changes: Sequence[Placed[Change]]) -> dict[tuple[int, UUID], Found]:
    """The rows that these changes name, where they are there. An edit's ghost (no seq) is none. Raises Away."""
    addresses = {}
    for change in changes:
        event_id, uuid = change.operation.event_id, change.operation.message_id
        if event_id <= INT8_MAX:  # no event has another id, and no statement takes it
            with suppress(BadInput):  # an id that timingle never made names no message
                addresses[event_id, uuid] = _address(event_id, MessageId.of(uuid))
    rows = scylla.read_many(SELECT_FOUND, addresses.values())
    return {key: Found(*row[0]) for key, row in zip(addresses, rows, strict=True) if row and row[0][0] is not None}


Address = tuple[int, int, int, UUID]
"""Where a message stands by event: event_id, bucket, created_at (ms), message_id."""


def _address(event_id: int, message: MessageId) -> Address:
    return event_id, message.bucket, message.created_at_ms, message.uuid


def _activity_address(user_id: int, address: Address) -> tuple[object, ...]:
    event_id, _, created_at_ms, uuid = address
    return user_id, year_of(created_at_ms), created_at_ms, event_id, uuid


def create_rows(placed: Placed[Create]) -> Rows:
    """The rows of a new message: one by event and, unless the system speaks, one by user."""
    operation, version = placed.operation, placed.version
    address = _address(operation.event_id, message_id(placed))
    yield (
        INSERT_MESSAGE,
        (
            *address,
            placed.seq,
            UNSET_VALUE if operation.sender_id is None else operation.sender_id,
            operation.sender_name,
            operation.sender_profile_url,
            operation.message,
            operation.message_type,
            operation.attachments,
            UNSET_VALUE if operation.reply_to is None else operation.reply_to,
            operation.metadata,
            version,
        ),
    )
    if operation.sender_id is not None:
        by_user = _activity_address(operation.sender_id, address)
        yield INSERT_ACTIVITY, (*by_user, operation.message, version)


def stub_rows(placed: Placed[Create]) -> Rows:
    """The row that stands in for a message that could not be stored, so that pages and unread stay gapless.

    One version older than the message: a replay overwrites it.
    """
    yield (
        INSERT_STUB,
        (*_address(placed.operation.event_id, message_id(placed)), placed.seq, placed.version - 1),
    )


def change_rows(placed: Placed[Change]) -> Rows:
    """The rows of an edit, a deletion or a reaction, in both tables that hold the message."""
    operation, version = placed.operation, placed.version
    address = _address(operation.event_id, MessageId.of(operation.message_id))
    by_user = _activity_address(operation.actor_id, address)
    if isinstance(operation, Edit):
        yield EDIT_MESSAGE, (version, operation.message, placed.created_at_ms, *address)
        yield EDIT_ACTIVITY, (version, operation.message, *by_user)
    elif isinstance(operation, Delete):
        yield HIDE_MESSAGE, (version, *address)
        yield HIDE_ACTIVITY, (version, *by_user)
    elif isinstance(operation, React):
        yield REACT_TO_MESSAGE, (version, operation.actor_id, operation.emoji, *address)
        yield (
            INSERT_REACTION,
            (operation.message_id, operation.actor_id, operation.emoji, placed.created_at_ms, version),
        )
