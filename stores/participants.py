"""PostgreSQL: event_participants, by the function that tells "not yours" from "not there" (migration 000020)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from psycopg_pool import AsyncConnectionPool

from stores.errors import postgres_errors
from stores.row_security import Connection

SELECT_TAKING_PART: Final = """
    SELECT event_id, user_id, event_exists, takes_part, is_active, name, picture, journal, joined_seq
    FROM taking_part(%s::bigint[], %s::bigint[])"""


class Standing(NamedTuple):
    """How a user stands to an event, and what a message of theirs shows of them."""

    event_id: int
    user_id: int
    event_exists: bool
    takes_part: bool
    is_active: bool
    """An inactive user may read, but not write."""
    name: str
    picture: str | None
    journal: int | None
    joined_seq: int | None


async def standings(pool: AsyncConnectionPool, pairs: Sequence[tuple[int, int]]) -> list[Standing]:
    """How each (event, user) stands, in their order; one statement for a whole bulk. Raises Away."""
    events, users = zip(*pairs, strict=True)
    with postgres_errors():
        async with pool.connection() as connection:
            cursor = await connection.execute(SELECT_TAKING_PART, (list(events), list(users)))
            return [Standing(*row) for row in await cursor.fetchall()]


async def standing(connection: Connection, event_id: int, user_id: int) -> Standing:
    """The same of one, in a transaction that is under way. Raises Away."""
    with postgres_errors():
        row = await (await connection.execute(SELECT_TAKING_PART, ([event_id], [user_id]))).fetchone()
    assert row is not None, "each pair has its row"
    return Standing(*row)
