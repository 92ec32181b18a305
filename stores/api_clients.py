"""PostgreSQL: api_clients. The apps that may call; their keys are kept as SHA-256 only.

A plain hash is enough: a key is 32 random bytes, which no dictionary holds.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from domain.errors import Conflict, NotThere, Wrong
from stores.errors import UNIQUE_VIOLATION, postgres_errors

SELECT_CLIENT: Final = """
    SELECT id, name, scopes, rate_per_s, created_at, revoked_at FROM api_clients
    WHERE key_hash = %s AND revoked_at IS NULL"""
SELECT_CLIENTS: Final = """
    SELECT id, name, scopes, rate_per_s, created_at, revoked_at FROM api_clients ORDER BY id"""
INSERT_CLIENT: Final = "INSERT INTO api_clients (name, key_hash, scopes, rate_per_s) VALUES (%s, %s, %s, %s)"
REVOKE_CLIENT: Final = "UPDATE api_clients SET revoked_at = now() WHERE name = %s AND revoked_at IS NULL RETURNING id"
KEY_BYTES: Final = 32
KEY_PREFIX: Final = "timingle_"
"""Lets a scanner for leaked secrets know one when it sees it."""


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A calling app."""

    id: int
    name: str
    scopes: list[str]
    rate_per_s: int
    """Operations a second; a message of a bulk is one."""
    created_at: datetime
    revoked_at: datetime | None


def hash_of(key: str) -> bytes:
    """What is stored of a key."""
    return sha256(key.encode()).digest()


async def find(pool: AsyncConnectionPool, key: str) -> ApiClient | None:
    """The app whose key this is, None if nobody's or revoked. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection, connection.cursor(row_factory=class_row(ApiClient)) as cursor:
            await cursor.execute(SELECT_CLIENT, (hash_of(key),))
            return await cursor.fetchone()


def create(pool: ConnectionPool, name: str, scopes: Sequence[str], rate_per_s: int) -> str:
    """Add an app; its key, which is never to be seen again. Raises Conflict if the name is taken, Away."""
    key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    try:
        with postgres_errors(), pool.connection() as connection:
            connection.execute(INSERT_CLIENT, (name, hash_of(key), list(scopes), rate_per_s))
    except Wrong as wrong:
        if wrong.code != UNIQUE_VIOLATION:
            raise
        raise Conflict(f"There is a client named {name} already; choose another name.") from None
    return key


def listed(pool: ConnectionPool) -> list[ApiClient]:
    """All apps, revoked ones too. Raises Away."""
    with postgres_errors(), pool.connection() as connection, connection.cursor(row_factory=class_row(ApiClient)) as c:
        return c.execute(SELECT_CLIENTS).fetchall()


def revoke(pool: ConnectionPool, name: str) -> None:
    """End an app's key; ingest notices within seconds. Raises NotThere, Away."""
    with postgres_errors(), pool.connection() as connection:
        if connection.execute(REVOKE_CLIENT, (name,)).fetchone() is None:
            raise NotThere(f"There is no client named {name} that is not revoked; see `timingle clients list`.")
