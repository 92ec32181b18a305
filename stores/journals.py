"""PostgreSQL: journals. The note of each journal's clock, for the day its Redis comes back empty; and its events."""

from collections.abc import Iterable
from typing import Final

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stores.errors import postgres_errors

SWEEP_US: Final = 2 * 1_000_000
"""The clock is noted by each sweep; a new one begins past whatever was given since."""
SELECT_CLOCK: Final = "SELECT clock FROM journals WHERE id = %s"
SELECT_JOURNALS: Final = "SELECT id, journal FROM events WHERE id = ANY(%s)"
NOTE_CLOCK: Final = """
    INSERT INTO journals (id, clock, noted_at) VALUES (%s, %s, now())
    ON CONFLICT (id) DO UPDATE SET clock = greatest(journals.clock, excluded.clock), noted_at = now()"""


async def clock_noted(pool: AsyncConnectionPool, journal_id: int) -> int:
    """The last version (µs) that was noted, 0 if none was. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(SELECT_CLOCK, (journal_id,))).fetchone()
            return int(row[0]) if row else 0


def note_clock(pool: ConnectionPool, journal_id: int, clock: int) -> None:
    """Remember the last version given (µs); it never goes back. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(NOTE_CLOCK, (journal_id, clock))


def last_clock(pool: ConnectionPool, journal_id: int) -> int:
    """The same as `clock_noted`, for a task that appends. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_CLOCK, (journal_id,)).fetchone()
        return int(row[0]) if row else 0


def of_events(pool: ConnectionPool, event_ids: Iterable[int]) -> dict[int, int]:
    """The journal of each event. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return dict(connection.execute(SELECT_JOURNALS, (list(event_ids),)).fetchall())
