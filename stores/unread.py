"""PostgreSQL event_participants, ScyllaDB unread_message_counts and event_heads: what a user has not read (P4).

One statement for the user's events, one partition for how far they were read, the heads side by side.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final, NamedTuple

from psycopg_pool import AsyncConnectionPool

from domain.errors import NotThere
from domain.unread import unread_count
from stores.pages import head
from stores.row_security import as_user
from stores.scylla_async import AsyncScylla

SELECT_MY_EVENTS: Final = """
    SELECT mine.event_id, mine.joined_seq FROM users AS u
    LEFT JOIN LATERAL (
        SELECT p.event_id, p.joined_seq FROM event_participants AS p
        WHERE p.user_id = u.id AND p.event_id < %(before)s ORDER BY p.event_id DESC LIMIT %(limit)s
    ) AS mine ON TRUE
    WHERE u.id = %(user_id)s AND u.deleted_at IS NULL ORDER BY mine.event_id DESC"""
SELECT_MARKS: Final = """
    SELECT event_id, read_seq, last_read_at FROM unread_message_counts WHERE user_id = ? AND event_id IN ?"""


class Unread(NamedTuple):
    """What a user has not read of one event."""

    event_id: int
    unread_count: int
    last_read_at: datetime | None


async def unread(
    pool: AsyncConnectionPool, scylla: AsyncScylla, user_id: int, before_event: int, limit: int
) -> list[Unread]:
    """A user's events, newest first, each with its unread count. Raises NotThere, Away."""
    async with as_user(pool, user_id) as connection:
        cursor = await connection.execute(
            SELECT_MY_EVENTS, {"user_id": user_id, "before": before_event, "limit": limit}
        )
        rows = await cursor.fetchall()
    if not rows:
        raise NotThere("There is no such user.")
    mine = [(event_id, joined_seq) for event_id, joined_seq in rows if event_id is not None]
    if not mine:
        return []
    event_ids = [event_id for event_id, _ in mine]
    marks, *heads = await asyncio.gather(
        scylla.execute(SELECT_MARKS, (user_id, event_ids), limit),
        *(head(scylla, event_id) for event_id in event_ids),
    )
    read = {event_id: (read_seq or 0, at) for event_id, read_seq, at in marks}
    return [
        Unread(
            event_id,
            unread_count(last_seq, read.get(event_id, (0, None))[0], joined_seq),
            _utc(read.get(event_id, (0, None))[1]),
        )
        for (event_id, joined_seq), last_seq in zip(mine, heads, strict=True)
    ]


def _utc(naive: datetime | None) -> datetime | None:
    return naive.replace(tzinfo=UTC) if naive else None
