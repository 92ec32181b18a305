"""PostgreSQL: events and event_participants. Each change goes into the event's history in its own transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

from psycopg.rows import kwargs_row
from psycopg_pool import AsyncConnectionPool

from domain.errors import EventIsDue, NotAllowed, NotThere
from domain.event import NewEvent
from domain.event_changes import Changed, creation
from domain.event_state import Event, Participant
from domain.event_status import EventStatus
from domain.history import Origin
from stores.errors import postgres_errors
from stores.history import append
from stores.row_security import Connection, as_user

UPCOMING_MAX: Final = 200
COLUMNS: Final = """
    e.id, e.title, e.description, e.start_time, e.end_time, e.location, e.creator_id, e.status, e.journal,
    e.history_length, encode(e.history_head, 'hex') AS history_head, e.canceled_reason, e.open_slot_id, e.created_at,
    e.updated_at,
    (SELECT jsonb_agg(jsonb_build_array(p.user_id, p.confirmed, p.joined_seq) ORDER BY p.user_id)
        FROM event_participants AS p WHERE p.event_id = e.id) AS participants"""
INSERT_EVENT: Final = """
    INSERT INTO events (title, description, start_time, end_time, location, creator_id, journal, open_slot_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id, created_at"""
ADD_FIRST_PARTICIPANTS: Final = "SELECT add_first_participants(%s, %s)"
SELECT_EVENT: Final = f"SELECT {COLUMNS} FROM events AS e WHERE e.id = %s"  # noqa: S608
# On its own, before the event is read: only then is seen what another transaction has changed meanwhile.
LOCK_EVENT: Final = """
    SELECT status = 'CONFIRMED' AND end_time <= clock_timestamp() FROM events WHERE id = %s FOR NO KEY UPDATE"""
COMPLETE_IF_DUE: Final = "SELECT complete_if_due(%s)"
UPDATE_EVENT: Final = """
    UPDATE events SET title = %s, description = %s, start_time = %s, end_time = %s, location = %s, status = %s,
        canceled_reason = %s
    WHERE id = %s"""
ADD_PARTICIPANT: Final = "INSERT INTO event_participants (event_id, user_id, joined_seq) VALUES (%s, %s, %s)"
SET_CONFIRMED: Final = "UPDATE event_participants SET confirmed = %s WHERE event_id = %s AND user_id = ANY(%s)"
REMOVE_PARTICIPANT: Final = "DELETE FROM event_participants WHERE event_id = %s AND user_id = %s"
SELECT_UPCOMING: Final = f"""
    SELECT {COLUMNS} FROM users AS u LEFT JOIN LATERAL (
        SELECT mine.* FROM event_participants AS me JOIN events AS mine ON mine.id = me.event_id
        WHERE me.user_id = u.id AND me.start_time >= now() AND mine.status IN ('PROPOSED', 'CONFIRMED')
        ORDER BY me.start_time, me.event_id LIMIT %s
    ) AS e ON TRUE
    WHERE u.id = %s AND u.deleted_at IS NULL ORDER BY e.start_time, e.id"""  # noqa: S608


async def create(
    connection: Connection, new: NewEvent, journal_id: int, origin: Origin, open_slot_id: int | None = None
) -> Event:
    """Add an event with its first participants. Its creator must act (`row_security.act_as`). Raises Away."""
    times = start_time, end_time = new.start_time.astimezone(UTC), new.end_time.astimezone(UTC)
    row = (new.title, new.description, *times, new.location, new.actor_id, journal_id, open_slot_id)
    with postgres_errors():
        inserted = await (await connection.execute(INSERT_EVENT, row)).fetchone()
        assert inserted is not None, "what is inserted is returned"
        event_id, created_at = inserted
        await connection.execute(ADD_FIRST_PARTICIPANTS, (event_id, list(new.participant_ids)))
    people = sorted({new.actor_id, *new.participant_ids})
    event = Event(
        id=event_id,
        title=new.title,
        description=new.description,
        start_time=start_time,
        end_time=end_time,
        location=new.location,
        creator_id=new.actor_id,
        status=EventStatus.PROPOSED,
        journal=journal_id,
        history_length=0,
        history_head=None,
        canceled_reason=None,
        open_slot_id=open_slot_id,
        created_at=created_at,
        updated_at=created_at,
        participants=tuple(Participant(user_id, user_id == new.actor_id, 0) for user_id in people),
    )
    return await _chained(connection, Changed(event, creation(event)), origin)


async def get(connection: Connection, event_id: int) -> Event:
    """An event that the acting user takes part in. Raises NotThere, Away."""
    with postgres_errors():
        async with connection.cursor(row_factory=kwargs_row(event_of)) as cursor:
            event = await (await cursor.execute(SELECT_EVENT, (event_id,))).fetchone()
    if event is None:
        raise NotThere("There is no such event.")
    return event


async def lock(connection: Connection, event_id: int) -> Event:
    """The same, and nobody else changes it until the transaction ends. Raises NotThere, EventIsDue, Away."""
    with postgres_errors():
        row = await (await connection.execute(LOCK_EVENT, (event_id,))).fetchone()
    if row is not None and row[0]:
        raise EventIsDue
    return await get(connection, event_id)


async def complete_if_due(pool: AsyncConnectionPool, event_id: int) -> None:
    """Let an event whose time is over be DONE, by the clock and not by whoever asks. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            await connection.execute(COMPLETE_IF_DUE, (event_id,))


async def store(connection: Connection, before: Event, changed: Changed, origin: Origin) -> Event:
    """Store a locked event as it is to be, and chain what changed. Raises NotAllowed, Away."""
    if not changed.changes:
        return before
    after = changed.event
    was = {one.user_id: one for one in before.participants}
    now = {one.user_id: one for one in after.participants}
    with postgres_errors():
        if _row(after) != _row(before):
            await connection.execute(UPDATE_EVENT, (*_row(after), after.id))
        for one in now.values():
            if one.user_id not in was:
                await connection.execute(ADD_PARTICIPANT, (after.id, one.user_id, one.joined_seq))
        for confirmed in (True, False):
            turned = [u for u, one in now.items() if one.confirmed is confirmed and u in was and was[u] != one]
            if turned:
                await connection.execute(SET_CONFIRMED, (confirmed, after.id, turned))
    after = await _chained(connection, changed, origin)
    for user_id in was.keys() - now.keys():  # last: who takes himself out has no right to anything above afterwards
        await _remove(connection, after.id, user_id)
    return after


async def upcoming(pool: AsyncConnectionPool, user_id: int) -> list[Event]:
    """What a user takes part in and has not begun, by its start. Raises NotThere, Away."""
    async with as_user(pool, user_id) as connection:
        cursor = await connection.execute(SELECT_UPCOMING, (UPCOMING_MAX, user_id))
        rows = await cursor.fetchall()
        names = [column.name for column in cursor.description or ()]
    if not rows:
        raise NotThere("There is no such user.")
    return [event_of(**dict(zip(names, row, strict=True))) for row in rows if row[0] is not None]


def event_of(*, status: str, participants: Sequence[Sequence[Any]] | None, **columns: Any) -> Event:
    """A row of COLUMNS as an event."""
    people = tuple(Participant(*one) for one in participants or ())
    return Event(status=EventStatus(status), participants=people, **columns)


async def _chained(connection: Connection, changed: Changed, origin: Origin) -> Event:
    end = await append(connection, changed.event.id, changed.changes, origin)
    return replace(changed.event, history_length=end.length, history_head=end.head, updated_at=end.updated_at)


async def _remove(connection: Connection, event_id: int, user_id: int) -> None:
    """A policy that hides a row lets its removal do nothing and say nothing: so the count is looked at."""
    with postgres_errors():
        if (await connection.execute(REMOVE_PARTICIPANT, (event_id, user_id))).rowcount != 1:
            raise NotAllowed("This user may not take that one out.")


def _row(event: Event) -> tuple[object, ...]:
    """The columns of UPDATE_EVENT."""
    times = (event.start_time, event.end_time)
    return event.title, event.description, *times, event.location, event.status, event.canceled_reason
