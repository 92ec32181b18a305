"""ScyllaDB: chat_messages_by_event and chat_messages_by_user, as readers page through them.

A page begins in the bucket that its cursor names and goes on to the next one until it is full. A row without a seq is
the ghost of an edit whose message is gone: never shown.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from domain.ids import BUCKET_MESSAGES, NIL, MessageId, bucket_of
from domain.plan import Found
from stores.messages import SELECT_FOUND
from stores.scylla_async import AsyncScylla

COLUMNS: Final = """message_id, seq, created_at, sender_id, sender_name, sender_profile_url, message, message_type,
    attachments, reply_to, edited_at, is_deleted, metadata, reactions"""
SELECT_HEAD: Final = "SELECT last_seq FROM event_heads WHERE event_id = ?"
SELECT_NEWEST: Final = f"""
    SELECT {COLUMNS} FROM chat_messages_by_event WHERE event_id = ? AND bucket = ? LIMIT ?"""  # noqa: S608
SELECT_BEFORE: Final = f"""
    SELECT {COLUMNS} FROM chat_messages_by_event
    WHERE event_id = ? AND bucket = ? AND (created_at, message_id) < (?, ?) LIMIT ?"""  # noqa: S608
SELECT_AFTER: Final = f"""
    SELECT {COLUMNS} FROM chat_messages_by_event
    WHERE event_id = ? AND bucket = ? AND (created_at, message_id) > (?, ?)
    ORDER BY created_at ASC, message_id ASC LIMIT ?"""  # noqa: S608
SELECT_BETWEEN: Final = f"""
    SELECT {COLUMNS} FROM chat_messages_by_event
    WHERE event_id = ? AND bucket = ? AND (created_at, message_id) > (?, ?) AND (created_at) <= (?)
    ORDER BY created_at ASC, message_id ASC LIMIT ?"""  # noqa: S608
SELECT_FIRST: Final = """
    SELECT message_id FROM chat_messages_by_event WHERE event_id = ? AND bucket = ?
    ORDER BY created_at ASC, message_id ASC LIMIT 1"""
SELECT_ACTIVITY: Final = """
    SELECT event_id, message_id, message, created_at, is_deleted FROM chat_messages_by_user
    WHERE user_id = ? AND year = ? LIMIT ?"""
SELECT_ACTIVITY_BEFORE: Final = """
    SELECT event_id, message_id, message, created_at, is_deleted FROM chat_messages_by_user
    WHERE user_id = ? AND year = ? AND (created_at, event_id, message_id) < (?, ?, ?) LIMIT ?"""


class StoredMessage(NamedTuple):
    """A message as it is stored; times are UTC."""

    message_id: UUID
    seq: int
    created_at: datetime
    sender_id: int | None
    sender_name: str | None
    sender_profile_url: str | None
    message: str | None
    message_type: str | None
    attachments: Sequence[str] | None
    reply_to: UUID | None
    edited_at: datetime | None
    is_deleted: bool
    metadata: dict[str, str] | None
    reactions: dict[int, str] | None


class Activity(NamedTuple):
    """A message that a user sent."""

    event_id: int
    message_id: UUID
    message: str
    created_at: datetime


async def head(scylla: AsyncScylla, event_id: int) -> int:
    """The seq of the event's last message stored, 0 if none. Raises Away."""
    rows = await scylla.execute(SELECT_HEAD, (event_id,))
    return int(rows[0][0]) if rows else 0


async def find(scylla: AsyncScylla, event_id: int, message: MessageId) -> Found | None:
    """The cells of a message's row that never change, None if it is not (yet) there. Raises Away."""
    address = (event_id, message.bucket, message.created_at_ms, message.uuid)
    rows = await scylla.execute(SELECT_FOUND, address)
    return Found(*rows[0]) if rows and rows[0][0] is not None else None


async def newest(scylla: AsyncScylla, event_id: int, limit: int) -> list[StoredMessage]:
    """The last messages, newest first. Raises Away."""
    last = await head(scylla, event_id)
    return await _downwards(scylla, event_id, bucket_of(last), None, limit) if last else []


async def before(scylla: AsyncScylla, event_id: int, cursor: MessageId, limit: int) -> list[StoredMessage]:
    """The messages said before this one, newest first. Raises Away."""
    return await _downwards(scylla, event_id, cursor.bucket, (cursor.created_at_ms, cursor.uuid), limit)


async def after(scylla: AsyncScylla, event_id: int, cursor: MessageId | None, limit: int) -> list[StoredMessage]:
    """The messages said after this one (None: from the first), oldest first; gaps are not looked at. Raises Away."""
    place: tuple[int, UUID] = (cursor.created_at_ms, cursor.uuid) if cursor else (0, NIL)
    bucket = bucket_of(cursor.seq + 1) if cursor else 0
    found: list[StoredMessage] = []
    while True:
        wanted = limit - len(found)
        rows = await _read(scylla, SELECT_AFTER, (event_id, bucket, *place, wanted), wanted)
        found += _shown(rows)
        if len(rows) == wanted and len(found) < limit:  # ghosts among them: the bucket may hold more
            place = _place_of(rows[-1])
        elif len(found) < limit and found and found[-1].seq == (bucket + 1) * BUCKET_MESSAGES:
            bucket += 1
        else:
            return found


async def between(
    scylla: AsyncScylla, event_id: int, since: datetime, until: datetime, limit: int
) -> list[StoredMessage]:
    """The messages said from one time to another (both in), oldest first. Raises Away."""
    since_ms, until_ms = (int(moment.timestamp() * 1_000) for moment in (since, until))
    last_bucket = bucket_of(max(1, await head(scylla, event_id)))
    bucket = await _bucket_at(scylla, event_id, since_ms, last_bucket)
    found: list[StoredMessage] = []
    place = since_ms, NIL
    while bucket <= last_bucket and len(found) < limit:
        wanted = limit - len(found)
        rows = await _read(scylla, SELECT_BETWEEN, (event_id, bucket, *place, until_ms, wanted), wanted)
        found += _shown(rows)
        if len(rows) == wanted:
            place = _place_of(rows[-1])
        else:
            bucket += 1
    return found


async def activity(scylla: AsyncScylla, user_id: int, years: Sequence[int], limit: int) -> list[Activity]:
    """The last messages that a user sent and did not delete, newest first; `years` newest first. Raises Away."""
    found: list[Activity] = []
    for year in years:
        place: tuple[object, ...] = ()
        while len(found) < limit:
            cql = SELECT_ACTIVITY_BEFORE if place else SELECT_ACTIVITY
            rows = await scylla.execute(cql, (user_id, year, *place, limit), limit)
            found += [Activity(*row[:4]) for row in rows if row[4] is False]
            if len(rows) < limit:
                break
            place = (rows[-1][3], rows[-1][0], rows[-1][1])
    return found[:limit]


async def _downwards(
    scylla: AsyncScylla, event_id: int, bucket: int, place: tuple[int, UUID] | None, limit: int
) -> list[StoredMessage]:
    found: list[StoredMessage] = []
    while bucket >= 0 and len(found) < limit:
        wanted = limit - len(found)
        cql = SELECT_BEFORE if place else SELECT_NEWEST
        rows = await _read(scylla, cql, (event_id, bucket, *(place or ()), wanted), wanted)
        found += _shown(rows)
        if len(rows) == wanted:
            place = _place_of(rows[-1])
        else:
            bucket, place = bucket - 1, None
    return found


async def _bucket_at(scylla: AsyncScylla, event_id: int, at_ms: int, last_bucket: int) -> int:
    """The bucket that was being filled at a time, by bisection over the buckets' first rows."""
    low, high = 0, last_bucket
    while low < high:
        middle = (low + high + 1) // 2
        rows = await scylla.execute(SELECT_FIRST, (event_id, middle))
        if rows and rows[0][0].int >> 80 <= at_ms:
            low = middle
        else:
            high = middle - 1
    return low


async def _read(scylla: AsyncScylla, cql: str, parameters: tuple[object, ...], rows_max: int) -> list[StoredMessage]:
    return [StoredMessage(*row) for row in await scylla.execute(cql, parameters, rows_max)]


def _shown(rows: list[StoredMessage]) -> list[StoredMessage]:
    return [row for row in rows if row.seq is not None]


def _place_of(row: StoredMessage) -> tuple[int, UUID]:
    return row.message_id.int >> 80, row.message_id
