"""PostgreSQL: every column that holds what is encrypted. Moves it to the newest data key, a batch at a time.

A value says itself under which key it is, and is replaced only if it is still the one that was read. So this may run
while everything runs, twice at once, be killed anywhere and begun again: what was moved stays so, and is passed over.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from psycopg_pool import ConnectionPool

from domain.keyring import NONCE_BYTES, KeyRing, NotDecryptable
from stores import dead_letters
from stores.errors import postgres_errors
from stores.payment_places import place_of_metadata, place_of_payload, place_of_reason
from stores.users import place_of_phone

ROWS_A_BATCH: Final = 500
"""Their locks are held for some milliseconds; payloads, 16 KiB each at most, fit into memory."""
PAGE_ROWS: Final = 10_000
"""What one statement looks at: at most some 100 ms, while a whole table may take longer than any statement is given."""
SELECT_PAGE_END: Final = """
    SELECT max(id), count(*) FROM (SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s) AS page"""
SELECT_OLDER: Final = """
    SELECT id, {read}, {bound_to} FROM {table}
    WHERE id > %s AND id <= %s AND {read} IS NOT NULL AND substring({read} FROM 1 FOR %s) <> %s ORDER BY id LIMIT %s"""
REPLACE_VALUE: Final = "UPDATE {table} SET {column} = {write} WHERE id = %s AND {read} = %s"
COUNT_BY_KEY: Final = """
    SELECT CASE WHEN octet_length(value) < 2 THEN '' WHEN get_byte(value, 0) <> 1 THEN ''
        ELSE substring(value FROM 3 FOR get_byte(value, 1)) END AS key_id, count(*)
    FROM (SELECT {read} AS value FROM {table} WHERE id > %s AND id <= %s) AS held
    WHERE value IS NOT NULL GROUP BY key_id"""
# What metadata says of a card or an account stands in its field `encrypted`, in hexadecimal.
READ_METADATA: Final = """
    CASE WHEN metadata ->> 'encrypted' ~ '^([0-9a-f]{2})+$' THEN decode(metadata ->> 'encrypted', 'hex') END"""
WRITE_METADATA: Final = "metadata || jsonb_build_object('encrypted', encode(%s, 'hex'))"


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """A column of a table whose rows have an `id`."""

    table: str
    column: str
    bound_to: str
    """The columns that make the place to which a value is bound."""
    place: Callable[..., str]
    """What a value is bound to, of the values of those columns."""
    read: str = ""
    """The encrypted bytes in SQL, where the column is not just they."""
    write: str = "%s"
    """What is written where it was read."""

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"

    def sql(self, statement: str) -> str:
        """One of the statements above, about this column."""
        return statement.format(
            table=self.table,
            column=self.column,
            bound_to=self.bound_to,
            read=self.read or self.column,
            write=self.write,
        )


ENCRYPTED: Final = (
    EncryptedColumn("users", "phone_encrypted", "id", place_of_phone),
    EncryptedColumn("dead_letters", "payload", "journal, version", dead_letters.place_of),
    EncryptedColumn("oauth_tokens", "access_token", "id", "oauth_tokens:{}:access_token".format),
    EncryptedColumn("oauth_tokens", "refresh_token", "id", "oauth_tokens:{}:refresh_token".format),
    EncryptedColumn("payments", "metadata", "id", place_of_metadata, READ_METADATA, WRITE_METADATA),
    EncryptedColumn("payment_webhooks", "payload_encrypted", "provider, body_hash", place_of_payload),
    EncryptedColumn("payment_refunds", "reason_encrypted", "key", place_of_reason),
)
"""All that is encrypted at rest. A column that is missing here would keep an old key in use unseen."""


class Page(NamedTuple):
    """Some rows of a table that follow each other: those beyond one id, up to another."""

    after: int
    until: int
    rows: int
    """How many they were when it was looked at."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some values."""

    seen: int
    moved: int = 0
    """Without those that somebody else changed meanwhile: they stay as that one left them."""
    unreadable: tuple[int, ...] = ()
    """The ids of rows that no key of the ring decrypts."""
    doubled: tuple[int, ...] = ()
    """The ids of users whose number is another user's too."""


def move(pool: ConnectionPool, keys: KeyRing, column: EncryptedColumn) -> Iterator[Batch]:
    """Encrypt under the newest key what is under another one. Raises Away; what was moved stays so."""
    for rows in _older(pool, keys, column):
        older, unreadable = [], []
        for row_id, sealed, *bound_to in rows:
            place = column.place(*bound_to)
            try:
                plaintext = keys.decrypt(sealed, place)
            except NotDecryptable:
                unreadable.append(row_id)
            else:
                older.append((keys.encrypt(plaintext, place, os.urandom(NONCE_BYTES)), row_id, sealed))
        with postgres_errors(), pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(column.sql(REPLACE_VALUE), older)
            moved = cursor.rowcount
        yield Batch(len(rows), moved, tuple(unreadable))


def count_by_key(pool: ConnectionPool, column: EncryptedColumn) -> Counter[str]:
    """How many values are under the key of which id; "" is of those that were never encrypted. Raises Away."""
    held = Counter[str]()
    for page in pages(pool, column.table):
        with postgres_errors(), pool.connection() as connection:
            for key_id, count in connection.execute(column.sql(COUNT_BY_KEY), (page.after, page.until)):
                held[bytes(key_id).decode("ascii", "replace")] += count
    return held


def pages(pool: ConnectionPool, table: str) -> Iterator[Page]:
    """All rows of a table by their ids, PAGE_ROWS at a time. Raises Away."""
    after = 0
    while True:
        with postgres_errors(), pool.connection() as connection:
            row = connection.execute(SELECT_PAGE_END.format(table=table), (after, PAGE_ROWS)).fetchone()
        assert row is not None, "a count is always there"
        until, rows = row
        if not rows:
            return
        yield Page(after, until, rows)
        after = until


def _older(pool: ConnectionPool, keys: KeyRing, column: EncryptedColumn) -> Iterator[list[tuple[Any, ...]]]:
    """What is not under the newest key, ROWS_A_BATCH at a time."""
    for page in pages(pool, column.table):
        after = page.after
        while rows := _older_between(pool, keys, column, after, page.until):
            yield rows
            after = rows[-1][0]


def _older_between(
    pool: ConnectionPool, keys: KeyRing, column: EncryptedColumn, after: int, until: int
) -> list[tuple[Any, ...]]:
    with postgres_errors(), pool.connection() as connection:
        parameters = (after, until, len(keys.head), keys.head, ROWS_A_BATCH)
        return connection.execute(column.sql(SELECT_OLDER), parameters).fetchall()
