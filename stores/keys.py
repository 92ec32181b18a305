"""PostgreSQL: every column that holds what is encrypted. Moves it to the newest data key, a batch at a time.

A value says itself under which key it is, and is replaced only if it is still the one that was read. So this may run
while everything runs, twice at once, be killed anywhere and begun again: what was moved stays so, and is passed over.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from psycopg_pool import ConnectionPool

from domain.keyring import NONCE_BYTES, KeyRing, NotDecryptable
from stores import dead_letters
from stores.errors import postgres_errors
from stores.payment_places import place_of_metadata, place_of_payload, place_of_reason
from stores.users import place_of_phone

ROWS_A_BATCH: Final = 500
"""Their locks are held for some milliseconds; payloads, 16 KiB each at most, fit into memory."""
SELECT_OLDER: Final = """
    SELECT id, {read}, {bound_to} FROM {table}
    WHERE id > %s AND {read} IS NOT NULL AND substring({read} FROM 1 FOR %s) <> %s ORDER BY id LIMIT %s"""
REPLACE_VALUE: Final = "UPDATE {table} SET {column} = {write} WHERE id = %s AND {read} = %s"
COUNT_BY_KEY: Final = """
    SELECT CASE WHEN octet_length(value) < 2 THEN '' WHEN get_byte(value, 0) <> 1 THEN ''
        ELSE substring(value FROM 3 FOR get_byte(value, 1)) END AS key_id, count(*)
    FROM (SELECT {read} AS value FROM {table}) AS held WHERE value IS NOT NULL GROUP BY key_id"""
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


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some values."""

    seen: int
    moved: int = 0
    unreadable: tuple[int, ...] = ()
    """The ids of rows that no key of the ring decrypts."""
    doubled: tuple[int, ...] = ()
    """The ids of users whose number is another user's too."""


def move(pool: ConnectionPool, keys: KeyRing, column: EncryptedColumn) -> Iterator[Batch]:
    """Encrypt under the newest key what is under another one. Raises Away; what was moved stays so."""
    last = 0
    while rows := _older(pool, keys, column, last):
        last = rows[-1][0]
        moved, unreadable = [], []
        for row_id, sealed, *bound_to in rows:
            place = column.place(*bound_to)
            try:
                plaintext = keys.decrypt(sealed, place)
            except NotDecryptable:
                unreadable.append(row_id)
            else:
                moved.append((keys.encrypt(plaintext, place, os.urandom(NONCE_BYTES)), row_id, sealed))
        with postgres_errors(), pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(column.sql(REPLACE_VALUE), moved)
        yield Batch(len(rows), len(moved), tuple(unreadable))


def count_by_key(pool: ConnectionPool, column: EncryptedColumn) -> Counter[str]:
    """How many values are under the key of which id; "" is of those that were never encrypted. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        rows = connection.execute(column.sql(COUNT_BY_KEY)).fetchall()
        return Counter({bytes(key_id).decode("ascii", "replace"): count for key_id, count in rows})


def _older(pool: ConnectionPool, keys: KeyRing, column: EncryptedColumn, last: int) -> list[tuple[Any, ...]]:
    with postgres_errors(), pool.connection() as connection:
        parameters = (last, len(keys.head), keys.head, ROWS_A_BATCH)
        return connection.execute(column.sql(SELECT_OLDER), parameters).fetchall()
