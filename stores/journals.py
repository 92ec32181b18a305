"""PostgreSQL: journals. The note of each journal's clock, for the day its Redis comes back empty."""

from typing import Final

from psycopg_pool import ConnectionPool

from stores.errors import postgres_errors

NOTE_CLOCK: Final = """
    INSERT INTO journals (id, clock, noted_at) VALUES (%s, %s, now())
    ON CONFLICT (id) DO UPDATE SET clock = greatest(journals.clock, excluded.clock), noted_at = now()"""


def note_clock(pool: ConnectionPool, journal_id: int, clock: int) -> None:
    """Remember the last version given (µs); it never goes back. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(NOTE_CLOCK, (journal_id, clock))
