"""PostgreSQL: idempotency_keys. What was answered to a request, so that the same request is done once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from domain.errors import BadInput
from stores.errors import postgres_errors
from stores.row_security import Connection

KEPT_H: Final = 24
TAKE_KEY: Final = """
    INSERT INTO idempotency_keys (client_id, key, body_hash) VALUES (%s, %s, %s)
    ON CONFLICT (client_id, key) DO UPDATE SET body_hash = excluded.body_hash, status = NULL, answer = NULL,
        created_at = now()
    WHERE idempotency_keys.created_at < now() - make_interval(hours => %s) RETURNING client_id"""
SELECT_ANSWER: Final = "SELECT body_hash, status, answer FROM idempotency_keys WHERE client_id = %s AND key = %s"
KEEP_ANSWER: Final = "UPDATE idempotency_keys SET status = %s, answer = %s WHERE client_id = %s AND key = %s"
# What somebody is taking anew, or reading, is locked and passed over. By place: a join would read the whole table.
TRIM_KEYS: Final = """
    DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_keys WHERE created_at < now() - make_interval(hours => %s)
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
    ))"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given."""

    status: int
    body: bytes


async def once(
    pool: AsyncConnectionPool,
    client_id: int,
    key: str | None,
    body_hash: bytes,
    work: Callable[[Connection], Awaitable[Kept]],
) -> Kept:
    """Do a piece of work in one transaction, and with a key only once: a repeat within 24 h gets the first answer.

    The key is taken in the same transaction, so a repeat that comes meanwhile waits for the first, and work that fails
    leaves no key. Raises BadInput if the key was used with another body; Away; whatever `work` raises.
    """
    with postgres_errors():
        async with pool.connection() as connection:
            if key is None:
                return await work(connection)
            taken = await connection.execute(TAKE_KEY, (client_id, key, body_hash, KEPT_H))
            if await taken.fetchone() is None:
                return await _kept(connection, client_id, key, body_hash)
            kept = await work(connection)
            await connection.execute(KEEP_ANSWER, (kept.status, kept.body, client_id, key))
            return kept


def trim(pool: ConnectionPool, limit: int) -> int:
    """Let so many keys and answers go that are older than KEPT_H; how many there were. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return connection.execute(TRIM_KEYS, (KEPT_H, limit)).rowcount


async def _kept(connection: Connection, client_id: int, key: str, body_hash: bytes) -> Kept:
    row = await (await connection.execute(SELECT_ANSWER, (client_id, key))).fetchone()
    if row is None or row[0] != body_hash:
        raise BadInput("This Idempotency-Key was used for another request.", "Idempotency-Key")
    return Kept(row[1], row[2])
