"""PostgreSQL: who acts, for row-level security (`current_user_id()`, migration 000020)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from stores.errors import postgres_errors

SET_CURRENT_USER: Final = "SELECT set_config('timingle.user_id', %s, true)"

Connection = AsyncConnection[tuple[Any, ...]]
"""A connection in a transaction."""


async def act_as(connection: Connection, user_id: int) -> None:
    """Let this user act for the rest of the transaction; a pooled connection remembers nobody afterwards."""
    await connection.execute(SET_CURRENT_USER, (str(user_id),))


@asynccontextmanager
async def as_user(pool: AsyncConnectionPool, user_id: int) -> AsyncIterator[Connection]:
    """A transaction in which this user acts. Raises Away, Wrong."""
    with postgres_errors():
        async with pool.connection() as connection:
            await act_as(connection, user_id)
            yield connection
