"""PostgreSQL: users. A phone number is stored encrypted and found by its blind index."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg_pool import AsyncConnectionPool

from domain.errors import Conflict, Wrong
from domain.event import Moment
from domain.keyring import KeyRing
from domain.phone import blind_index, masked
from domain.user import NewUser
from stores.errors import postgres_errors
from stores.row_security import Connection

TAKE_ID: Final = "SELECT nextval('users_id_seq')"
INSERT_USER: Final = """
    INSERT INTO users (id, phone_encrypted, phone_hash, email, name, display_name, profile_image_url, region, interests,
        role, plan)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING created_at"""
SELECT_CREATED_AT: Final = "SELECT created_at FROM users WHERE id = %s AND deleted_at IS NULL"
SELECT_ACTIVE: Final = "SELECT id FROM users WHERE id = ANY(%s) AND is_active AND deleted_at IS NULL"
UNIQUE_VIOLATION: Final = "23505"


@dataclass(frozen=True, slots=True)
class User:
    """A user as others see them: the phone number masked."""

    id: int
    phone: str
    email: str | None
    name: str | None
    display_name: str | None
    profile_image_url: str | None
    region: str | None
    interests: Sequence[str]
    role: str
    plan: str
    is_active: bool
    created_at: Moment


def place_of_phone(user_id: int) -> str:
    """What a phone number's encryption is bound to."""
    return f"users:{user_id}:phone"


async def create(connection: Connection, keys: KeyRing, index_key: bytes, new: NewUser, e164: str) -> User:
    """Add a user. Raises Conflict if the phone number or the email address is in use, Away."""
    try:
        with postgres_errors():
            (user_id,) = await (await connection.execute(TAKE_ID)).fetchone() or (0,)
            sealed = keys.encrypt(e164.encode(), place_of_phone(user_id), os.urandom(12))
            shared = (new.email, new.name, new.display_name, new.profile_image_url, new.region)
            cursor = await connection.execute(
                INSERT_USER,
                (user_id, sealed, blind_index(e164, index_key), *shared, list(new.interests), new.role, new.plan),
            )
            (created_at,) = await cursor.fetchone() or (None,)
    except Wrong as wrong:
        if wrong.code != UNIQUE_VIOLATION:
            raise
        raise Conflict("This phone number or email address is in use.") from None
    return User(user_id, masked(e164), *shared, new.interests, new.role, new.plan, True, created_at)


async def created_at(pool: AsyncConnectionPool, user_id: int) -> datetime | None:
    """When a user registered, None if there is none. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(SELECT_CREATED_AT, (user_id,))).fetchone()
            return row[0] if row else None


async def active(connection: Connection, user_ids: Sequence[int]) -> set[int]:
    """Which of these users are there and may write. Raises Away."""
    with postgres_errors():
        cursor = await connection.execute(SELECT_ACTIVE, (list(user_ids),))
        return {row[0] for row in await cursor.fetchall()}
