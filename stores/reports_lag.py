"""PostgreSQL: which audit reports are not made yet, and which were given up (P10)."""

from dataclasses import dataclass
from typing import Final

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stores.errors import postgres_errors

SELECT_LAG: Final = "SELECT waiting, oldest_s, failed FROM reports_lag()"


@dataclass(frozen=True, slots=True)
class ReportsLag:
    """What has still to be made."""

    waiting: int
    oldest_s: float
    """Seconds since the oldest of them was asked for; 0 if none waits."""
    failed: int
    """Given up within the last 24 hours."""


async def look(pool: AsyncConnectionPool) -> ReportsLag:
    """How it stands now. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(SELECT_LAG)).fetchone()
    assert row is not None, "a count is always there"
    return ReportsLag(*row)


def seen(pool: ConnectionPool) -> ReportsLag:
    """The same for an operator's command. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_LAG).fetchone()
    assert row is not None, "a count is always there"
    return ReportsLag(*row)
