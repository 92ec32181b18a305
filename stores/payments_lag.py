"""PostgreSQL: what of payments waits, and what was put aside for a person to look at (P8, P10)."""

from dataclasses import dataclass
from typing import Final

from psycopg.rows import args_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stores.errors import postgres_errors

SELECT_LAG: Final = "SELECT kind, state, reason, count, oldest_s FROM payments_lag()"


@dataclass(frozen=True, slots=True)
class PaymentsLag:
    """Jobs of one kind in one state."""

    kind: str
    """webhook, confirm or refund."""
    state: str
    """waiting or quarantined."""
    reason: str | None
    """Why it was quarantined."""
    count: int
    oldest_s: float
    """Seconds since the oldest of them came."""


async def look(pool: AsyncConnectionPool) -> list[PaymentsLag]:
    """How it stands now; what there is none of is left out. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            return [PaymentsLag(*row) for row in await (await connection.execute(SELECT_LAG)).fetchall()]


def seen(pool: ConnectionPool) -> list[PaymentsLag]:
    """The same for an operator's command. Raises Away."""
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=args_row(PaymentsLag)) as cursor,
    ):
        return cursor.execute(SELECT_LAG).fetchall()
