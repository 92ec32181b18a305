"""PostgreSQL: users.phone_hash, the blind index of phone numbers. Moves it to the newest index key, a batch at a time.

A hash does not say under which key it is, so every number is decrypted and hashed anew: also those of users who were
deleted, for whoever has the old key could try all numbers on them. What holds for `stores.keys` holds here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from psycopg_pool import ConnectionPool

from domain.errors import Wrong
from domain.keyring import KeyRing, NotDecryptable
from domain.phone import blind_indexes
from stores.errors import UNIQUE_VIOLATION, postgres_errors
from stores.keys import ROWS_A_BATCH, Batch, pages
from stores.users import place_of_phone

SELECT_PHONES: Final = """
    SELECT id, phone_encrypted, phone_hash FROM users WHERE id > %s ORDER BY id LIMIT %s"""
REPLACE_HASH: Final = "UPDATE users SET phone_hash = %s WHERE id = %s AND phone_hash = %s"
UNKNOWN: Final = -1

Phone = tuple[int, bytes, list[bytes]]
"""A user's id, their hash, and what it is under each key, the newest first; nothing if the number cannot be read."""


def move(pool: ConnectionPool, keys: KeyRing, index_keys: Sequence[bytes]) -> Iterator[Batch]:
    """Hash under the newest key what is under another one. Raises Away; what was moved stays so."""
    for phones in _phones(pool, keys, index_keys):
        older = [(hashes[0], user_id, kept) for user_id, kept, hashes in phones if hashes and hashes[0] != kept]
        moved, doubled = _replace(pool, older)
        unreadable = tuple(user_id for user_id, _, hashes in phones if not hashes)
        yield Batch(len(phones), moved, unreadable, doubled)


def count_by_key(pool: ConnectionPool, keys: KeyRing, index_keys: Sequence[bytes]) -> Counter[int]:
    """How many numbers are found under which key, by its place; UNKNOWN: under none, or unreadable. Raises Away."""
    return Counter(
        hashes.index(kept) if kept in hashes else UNKNOWN
        for phones in _phones(pool, keys, index_keys)
        for _, kept, hashes in phones
    )


def count_users(pool: ConnectionPool) -> int:
    """How many there are, deleted ones too. Raises Away."""
    return sum(page.rows for page in pages(pool, "users"))


def _phones(pool: ConnectionPool, keys: KeyRing, index_keys: Sequence[bytes]) -> Iterator[list[Phone]]:
    last = 0
    while True:
        with postgres_errors(), pool.connection() as connection:
            rows = connection.execute(SELECT_PHONES, (last, ROWS_A_BATCH)).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield [(user_id, kept, _hashes(keys, index_keys, user_id, sealed)) for user_id, sealed, kept in rows]


def _hashes(keys: KeyRing, index_keys: Sequence[bytes], user_id: int, sealed: bytes) -> list[bytes]:
    try:
        return blind_indexes(keys.decrypt(sealed, place_of_phone(user_id)).decode(), index_keys)
    except NotDecryptable:
        return []


def _replace(pool: ConnectionPool, hashes: Sequence[tuple[bytes, int, bytes]]) -> tuple[int, tuple[int, ...]]:
    """Replace hashes: how many were, and the ids of those that another user has already, which stay as they are."""
    try:
        with postgres_errors(), pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(REPLACE_HASH, hashes)
            return cursor.rowcount, ()
    except Wrong as wrong:
        if wrong.code != UNIQUE_VIOLATION:
            raise
        if len(hashes) == 1:
            return 0, (hashes[0][1],)
        half = len(hashes) // 2
        (moved, doubled), (also_moved, also_doubled) = _replace(pool, hashes[:half]), _replace(pool, hashes[half:])
        return moved + also_moved, doubled + also_doubled
