"""PostgreSQL and ScyllaDB: do they answer?"""

from typing import Final

from psycopg_pool import AsyncConnectionPool

from stores.errors import postgres_errors
from stores.scylla import SELECT_GENERATION
from stores.scylla_async import AsyncScylla

SELECT_ONE: Final = "SELECT 1"


async def postgres(pool: AsyncConnectionPool) -> None:
    """Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            await connection.execute(SELECT_ONE)


async def scylla(scylla: AsyncScylla) -> None:
    """Raises Away."""
    await scylla.execute(SELECT_GENERATION, ())
