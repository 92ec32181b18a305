"""PostgreSQL: journals. The note of each journal's clock, for the day its Redis comes back empty."""

from typing import Final

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stores.errors import postgres_errors

SELECT_CLOCK: Final = "SELECT clock FROM journals WHERE id = %s"
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
