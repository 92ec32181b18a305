"""PostgreSQL: users. A phone number is stored encrypted and found by its blind index."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from domain.errors import Conflict, NotThere, Wrong
from domain.event import Moment
from domain.keyring import NONCE_BYTES, KeyRing
from domain.phone import blind_indexes, masked
from domain.user import NewUser, UserChange
from stores.errors import UNIQUE_VIOLATION, postgres_errors
from stores.row_security import Connection

TAKE_ID: Final = "SELECT nextval('users_id_seq')"
COLUMNS: Final = """id, phone_encrypted, email, name, display_name, profile_image_url, region,
    coalesce(interests, '{}') AS interests, role, plan, is_active, created_at"""
SELECT_USER: Final = f"SELECT {COLUMNS} FROM users WHERE id = %s AND deleted_at IS NULL"  # noqa: S608
INSERT_USER: Final = f"""
    INSERT INTO users (id, phone_encrypted, phone_hash, email, name, display_name, profile_image_url, region, interests,
        role, plan)
    VALUES (%(id)s, %(phone_encrypted)s, %(phone_hash)s, %(email)s, %(name)s, %(display_name)s, %(profile_image_url)s,
        %(region)s, %(interests)s, %(role)s, %(plan)s) RETURNING {COLUMNS}"""  # noqa: S608
LOCK_USER: Final = f"{SELECT_USER} FOR NO KEY UPDATE"
UPDATE_USER: Final = """
    UPDATE users SET email = %(email)s, name = %(name)s, display_name = %(display_name)s,
        profile_image_url = %(profile_image_url)s, region = %(region)s, interests = %(interests)s, role = %(role)s,
        plan = %(plan)s, is_active = %(is_active)s
    WHERE id = %(id)s"""
UPDATE_PHONE: Final = "UPDATE users SET phone_encrypted = %s, phone_hash = %s WHERE id = %s"
DELETE_USER: Final = "UPDATE users SET deleted_at = now() WHERE id = %s AND deleted_at IS NULL RETURNING id"
LOCK_NUMBER: Final = "SELECT pg_advisory_xact_lock(%s)"
SELECT_BY_NUMBER: Final = f"""
    SELECT {COLUMNS} FROM users WHERE phone_hash = ANY(%s) AND deleted_at IS NULL ORDER BY id"""  # noqa: S608
SELECT_CREATED_AT: Final = "SELECT created_at FROM users WHERE id = %s AND deleted_at IS NULL"
SELECT_ACTIVE: Final = "SELECT id FROM users WHERE id = ANY(%s) AND is_active AND deleted_at IS NULL"
SELECT_GONE: Final = "SELECT id FROM users WHERE id = ANY(%s) AND deleted_at IS NOT NULL"
IN_USE: Final = "This phone number or email address is in use."
NO_USER: Final = "There is no such user."
LOCK_BYTES: Final = 8
"""What an advisory lock's number has."""


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


async def create(connection: Connection, keys: KeyRing, index_keys: Sequence[bytes], new: NewUser, e164: str) -> User:
    """Add a user. Raises Conflict if the phone number or the email address is in use, Away."""
    hashes = blind_indexes(e164, index_keys)
    with _in_use_is_a_conflict():
        taken = await (await connection.execute(TAKE_ID)).fetchone()
        assert taken is not None, "there is always another id"
        user_id: int = taken[0]
        await _check_free(connection, hashes, user_id)
        sealed = _sealed(keys, user_id, e164)
        asked = _columns(new) | {"id": user_id, "phone_encrypted": sealed, "phone_hash": hashes[0]}
        async with connection.cursor(row_factory=dict_row) as cursor:
            row = await (await cursor.execute(INSERT_USER, asked)).fetchone()
    assert row is not None, "what is inserted is returned"
    return _user(keys, row)


async def get(pool: AsyncConnectionPool, keys: KeyRing, user_id: int) -> User:
    """A user who is not deleted. Raises NotThere, NotDecryptable, Away."""
    with postgres_errors():
        async with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return _user(keys, await (await cursor.execute(SELECT_USER, (user_id,))).fetchone())


async def change(
    pool: AsyncConnectionPool,
    keys: KeyRing,
    index_keys: Sequence[bytes],
    user_id: int,
    asked: UserChange,
    e164: str | None,
) -> User:
    """Change a user, the number too if one is given. Raises NotThere, Conflict as `create`, NotDecryptable, Away."""
    with _in_use_is_a_conflict():
        async with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = await (await cursor.execute(LOCK_USER, (user_id,))).fetchone()
            if row is None:
                raise NotThere(NO_USER)
            if e164 is not None:
                hashes = blind_indexes(e164, index_keys)
                await _check_free(connection, hashes, user_id)
                row["phone_encrypted"] = _sealed(keys, user_id, e164)
                await cursor.execute(UPDATE_PHONE, (row["phone_encrypted"], hashes[0], user_id))
            row |= {name: value for name, value in _columns(asked).items() if name in row}
            await cursor.execute(UPDATE_USER, row)
            return _user(keys, row)


async def delete(pool: AsyncConnectionPool, user_id: int) -> None:
    """Delete a user, softly: number and address can be used again. Raises NotThere, Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            if await (await connection.execute(DELETE_USER, (user_id,))).fetchone() is None:
                raise NotThere(NO_USER)


def find(pool: ConnectionPool, keys: KeyRing, index_keys: Sequence[bytes], e164: str) -> list[User]:
    """Who has this number now. Raises NotDecryptable, Away."""
    with postgres_errors(), pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(SELECT_BY_NUMBER, (blind_indexes(e164, index_keys),))
        return [_user(keys, row) for row in cursor]


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


async def gone(pool: AsyncConnectionPool, user_ids: Sequence[int]) -> set[int]:
    """Which of these users have been deleted. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            cursor = await connection.execute(SELECT_GONE, (list(user_ids),))
            return {row[0] for row in await cursor.fetchall()}


async def _check_free(connection: Connection, hashes: Sequence[bytes], user_id: int) -> None:
    """Is the number nobody else's? Under one key the unique index tells; two need a lock, for it sees each alone."""
    if len(hashes) > 1:
        await connection.execute(LOCK_NUMBER, (int.from_bytes(min(hashes)[:LOCK_BYTES], signed=True),))
        holders = await (await connection.execute(SELECT_BY_NUMBER, (list(hashes),))).fetchall()
        if any(row[0] != user_id for row in holders):
            raise Conflict(IN_USE)


def _columns(asked: NewUser | UserChange) -> dict[str, object]:
    """What is asked for, without what is unset. PostgreSQL takes a list for an array, a tuple for a row."""
    given: dict[str, object] = msgspec.to_builtins(asked)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _sealed(keys: KeyRing, user_id: int, e164: str) -> bytes:
    return keys.encrypt(e164.encode(), place_of_phone(user_id), os.urandom(NONCE_BYTES))


def _user(keys: KeyRing, row: DictRow | None) -> User:
    if row is None:
        raise NotThere(NO_USER)
    phone = keys.decrypt(row.pop("phone_encrypted"), place_of_phone(row["id"])).decode()
    return User(phone=masked(phone), **row)


@contextmanager
def _in_use_is_a_conflict() -> Iterator[None]:
    try:
        with postgres_errors():
            yield
    except Wrong as wrong:
        if wrong.code != UNIQUE_VIOLATION:
            raise
        raise Conflict(IN_USE) from None
