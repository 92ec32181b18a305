"""PostgreSQL: how far events are behind the clock, and ScyllaDB's copy of histories behind them (P6, P7)."""

from typing import Final, NamedTuple

from psycopg_pool import AsyncConnectionPool

from stores.errors import postgres_errors

SELECT_LAG: Final = "SELECT overdue_s, unrelayed, unrelayed_s FROM events_lag()"


class EventsLag(NamedTuple):
    """What a sweep has still to do."""

    overdue_s: float
    """Seconds since the oldest event ended that is still CONFIRMED; 0 if none is due."""
    unrelayed: int
    """Entries of histories that were not relayed."""
    unrelayed_s: float
    """Seconds that the oldest of these waits."""


async def look(pool: AsyncConnectionPool) -> EventsLag:
    """How it stands now. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(SELECT_LAG)).fetchone()
    assert row is not None, "a count is always there"
    return EventsLag(*row)
