"""PostgreSQL event_participants, ScyllaDB unread_message_counts and event_heads: what a user has not read (P4).

One statement for the user's events, then one for how far they were read and one for their heads, side by side: a
statement a head was three quarters of the time. The price: on a cluster one node asks the others for the heads.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final, NamedTuple

from psycopg_pool import AsyncConnectionPool

from domain.errors import NotThere
from domain.unread import unread_count
from stores.row_security import as_user
from stores.scylla_async import AsyncScylla

IN_EVENTS_MAX: Final = 100
"""ScyllaDB refuses a longer list (its max_partition_key_ and max_clustering_key_restrictions_per_query)."""
SELECT_MY_EVENTS: Final = """
    SELECT mine.event_id, mine.joined_seq FROM users AS u
    LEFT JOIN LATERAL (
        SELECT p.event_id, p.joined_seq FROM event_participants AS p
        WHERE p.user_id = u.id AND p.event_id < %(before)s ORDER BY p.event_id DESC LIMIT %(limit)s
    ) AS mine ON TRUE
    WHERE u.id = %(user_id)s AND u.deleted_at IS NULL ORDER BY mine.event_id DESC"""
SELECT_MARKS: Final = """
    SELECT event_id, read_seq, last_read_at FROM unread_message_counts WHERE user_id = ? AND event_id IN ?"""
# With a limit that one page holds: Cassandra would read one partition after another to fill pages.
SELECT_HEADS: Final = f"SELECT event_id, last_seq FROM event_heads WHERE event_id IN ? LIMIT {IN_EVENTS_MAX}"  # noqa: S608


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
    marks, heads = await asyncio.gather(
        _read(scylla, SELECT_MARKS, (user_id,), event_ids), _read(scylla, SELECT_HEADS, (), event_ids)
    )
    read = {event_id: (read_seq or 0, at) for event_id, read_seq, at in marks}
    last = dict(heads)
    return [
        Unread(
            event_id,
            unread_count(last.get(event_id, 0), read.get(event_id, (0, None))[0], joined_seq),
            _utc(read.get(event_id, (0, None))[1]),
        )
        for event_id, joined_seq in mine
    ]


async def _read(
    scylla: AsyncScylla, cql: str, key: tuple[object, ...], event_ids: Sequence[int]
) -> list[tuple[Any, ...]]:
    """The rows of a statement whose last parameter is a list of events."""
    parts = [event_ids[n : n + IN_EVENTS_MAX] for n in range(0, len(event_ids), IN_EVENTS_MAX)]
    return list(chain.from_iterable(await asyncio.gather(*(scylla.execute(cql, (*key, part)) for part in parts))))


def _utc(naive: datetime | None) -> datetime | None:
    return naive.replace(tzinfo=UTC) if naive else None
