"""PostgreSQL: events and event_participants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from domain.errors import NotThere
from domain.event import NewEvent
from stores.errors import postgres_errors
from stores.row_security import Connection

INSERT_EVENT: Final = """
    INSERT INTO events (title, description, start_time, end_time, location, creator_id, journal)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id"""
ADD_FIRST_PARTICIPANTS: Final = "SELECT add_first_participants(%s, %s)"
SELECT_EVENT: Final = """
    SELECT e.id, e.title, e.description, e.start_time, e.end_time, e.location, e.creator_id, e.status, e.journal,
        e.history_length, encode(e.history_head, 'hex') AS history_head, e.canceled_reason, e.created_at, e.updated_at,
        (SELECT jsonb_agg(jsonb_build_array(p.user_id, p.confirmed) ORDER BY p.user_id) FROM event_participants AS p
            WHERE p.event_id = e.id) AS participants
    FROM events AS e WHERE e.id = %s"""


@dataclass(frozen=True, slots=True)
class Event:
    """An event, with who takes part in it and whether they have confirmed."""

    id: int
    title: str
    description: str | None
    start_time: datetime
    end_time: datetime
    location: str | None
    creator_id: int
    status: str
    journal: int
    history_length: int
    history_head: str | None
    """Hexadecimal."""
    canceled_reason: str | None
    created_at: datetime
    updated_at: datetime
    participants: Sequence[tuple[int, bool]]


async def create(connection: Connection, new: NewEvent, journal_id: int) -> int:
    """Add an event with its first participants; its id. Its creator must act (`row_security.act_as`). Raises Away."""
    with postgres_errors():
        times = (new.start_time, new.end_time)
        cursor = await connection.execute(
            INSERT_EVENT, (new.title, new.description, *times, new.location, new.actor_id, journal_id)
        )
        (event_id,) = await cursor.fetchone() or (0,)
        await connection.execute(ADD_FIRST_PARTICIPANTS, (event_id, list(new.participant_ids)))
        return int(event_id)


async def get(connection: Connection, event_id: int) -> Event:
    """An event that the acting user takes part in. Raises NotThere, Away."""
    with postgres_errors():
        async with connection.cursor(row_factory=class_row(Event)) as cursor:
            event = await (await cursor.execute(SELECT_EVENT, (event_id,))).fetchone()
    if event is None:
        raise NotThere("There is no such event.")
    return event
