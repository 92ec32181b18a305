"""PostgreSQL: dead_letters. Operations that cannot be applied, each once, its payload encrypted (P10, P11)."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from domain.entries import Placed, UnreadableEntry
from domain.errors import Conflict, NotThere
from domain.ids import MessageId
from domain.keyring import KeyRing
from domain.operations import KINDS, Create, Operation, Read, decode, encode
from domain.plan import Refusal
from stores.errors import postgres_errors

INSERT_DEAD_LETTER: Final = """
    INSERT INTO dead_letters (journal, version, entry_id, kind, event_id, message_id, seq, actor_id,
        cause_class, cause_code, payload)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (journal, version) DO NOTHING"""
COLUMNS: Final = """id, journal, version, entry_id, kind, event_id, message_id, seq, actor_id, cause_class, cause_code,
    payload, state, created_at, resolved_at"""
SELECT_DEAD_LETTERS: Final = f"""
    SELECT {COLUMNS} FROM dead_letters WHERE state = ANY(%s) AND id < %s ORDER BY id DESC LIMIT %s"""  # noqa: S608
SELECT_DEAD_LETTER: Final = f"SELECT {COLUMNS} FROM dead_letters WHERE id = %s"  # noqa: S608
SELECT_LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM dead_letters WHERE event_id = %s"
COUNT_OPEN: Final = "SELECT count(*) FROM dead_letters WHERE state = 'open'"
RESOLVE_DEAD_LETTER: Final = """
    UPDATE dead_letters SET state = %s, resolved_at = now() WHERE id = %s AND state = 'open' RETURNING id"""
INT8_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One operation that could not be applied."""

    id: int
    journal: int
    version: int
    entry_id: str
    kind: str
    event_id: int | None
    message_id: UUID | None
    seq: int | None
    actor_id: int | None
    cause_class: str
    cause_code: str
    payload: bytes
    state: str
    created_at: datetime
    resolved_at: datetime | None

    def operation(self, keys: KeyRing) -> Placed[Operation]:
        """The operation in its place. Raises NotDecryptable; Conflict for an entry that cannot be read."""
        if self.kind == "unreadable":
            raise Conflict("This entry could not be read; a release that knows its format can replay it.")
        (operation,) = decode(b"\x91" + keys.decrypt(self.payload, place_of(self.journal, self.version)))
        return Placed(operation, self.version, self.seq or 0, self.entry_id)


def place_of(journal_id: int, version: int) -> str:
    """What a payload's encryption is bound to."""
    return f"dead_letters:{journal_id}:{version}"


def add(
    pool: ConnectionPool,
    keys: KeyRing,
    journal_id: int,
    refused: Iterable[Refusal],
    unreadable: Iterable[UnreadableEntry] = (),
) -> int:
    """Keep what cannot be applied; how many of them are new. One already kept stays as it is. Raises Away."""
    rows = [(journal_id, *_row(refusal), _seal(keys, journal_id, refusal.placed)) for refusal in refused]
    for entry in unreadable:
        sealed = keys.encrypt(entry.payload, place_of(journal_id, entry.version), os.urandom(12))
        rows.append((journal_id, entry.version, entry.id, "unreadable", *[None] * 4, "wrong", "unreadable", sealed))
    if not rows:
        return 0
    with postgres_errors(), pool.connection() as connection, connection.cursor() as cursor:
        cursor.executemany(INSERT_DEAD_LETTER, rows)
        return cursor.rowcount


def find(pool: ConnectionPool, states: Iterable[str], before: int = INT8_MAX, limit: int = 100) -> list[DeadLetter]:
    """Dead letters, newest first. Raises Away."""
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(DeadLetter)) as c,
    ):
        return c.execute(SELECT_DEAD_LETTERS, (list(states), before, limit)).fetchall()


async def count_open(pool: AsyncConnectionPool) -> int:
    """How many wait for somebody to look at them. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(COUNT_OPEN)).fetchone()
            return int(row[0]) if row else 0


async def last_seq(pool: AsyncConnectionPool, event_id: int) -> int:
    """The highest seq of the event's messages that could not be stored, 0 if none. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(SELECT_LAST_SEQ, (event_id,))).fetchone()
            return int(row[0]) if row else 0


def get(pool: ConnectionPool, dead_letter_id: int) -> DeadLetter:
    """One dead letter. Raises NotThere, Away."""
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(DeadLetter)) as c,
    ):
        letter = c.execute(SELECT_DEAD_LETTER, (dead_letter_id,)).fetchone()
    if letter is None:
        raise NotThere(f"There is no dead letter {dead_letter_id}.")
    return letter


def resolve(pool: ConnectionPool, dead_letter_id: int, state: str) -> None:
    """Mark an open one as replayed or discarded. Raises Conflict if it is open no more, Away."""
    with postgres_errors(), pool.connection() as connection:
        if connection.execute(RESOLVE_DEAD_LETTER, (state, dead_letter_id)).fetchone() is None:
            raise Conflict(f"Dead letter {dead_letter_id} is open no more.")


def _seal(keys: KeyRing, journal_id: int, placed: Placed[Operation]) -> bytes:
    return keys.encrypt(encode(placed.operation), place_of(journal_id, placed.version), os.urandom(12))


def _row(refusal: Refusal) -> tuple[object, ...]:
    placed = refusal.placed
    operation = placed.operation
    message: UUID | None = None
    if isinstance(operation, Create):
        message, actor = MessageId(placed.version, placed.seq, operation.random).uuid, operation.sender_id
    else:
        actor = operation.actor_id
        message = None if isinstance(operation, Read) else operation.message_id
    return (
        placed.version,
        placed.entry_id,
        KINDS[type(operation)],
        _int8(operation.event_id),
        message,
        placed.seq or None,
        _int8(actor),
        refusal.cause_class,
        refusal.cause_code,
    )


def _int8(number: int | None) -> int | None:
    """None for what no BIGINT holds: it may be the very reason of the refusal, and stands in the payload."""
    return number if number is not None and abs(number) <= INT8_MAX else None
