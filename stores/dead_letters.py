"""PostgreSQL: dead_letters. Operations that cannot be applied, each once, its payload encrypted (P10, P11)."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from domain.entries import Entry, UnreadableEntry, fields_of, read_entry
from domain.errors import NotThere
from domain.ids import MessageId
from domain.keyring import NONCE_BYTES, KeyRing
from domain.message import INT8_MAX
from domain.operations import KINDS, Create, Read
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
SELECT_OPEN_NAMED: Final = f"""
    SELECT {COLUMNS} FROM dead_letters AS letter
    WHERE state = 'open' AND (id = ANY(%(ids)s) OR EXISTS (
        SELECT FROM dead_letters AS said WHERE said.id = ANY(%(ids)s) AND said.kind = 'create'
            AND said.event_id = letter.event_id AND said.message_id = letter.message_id))
    ORDER BY journal, version"""  # noqa: S608
SELECT_OPEN_AFTER: Final = f"""
    SELECT {COLUMNS} FROM dead_letters WHERE state = 'open' AND (journal, version) > (%s, %s)
    ORDER BY journal, version LIMIT %s"""  # noqa: S608
SELECT_DEAD_LETTER: Final = f"SELECT {COLUMNS} FROM dead_letters WHERE id = %s"  # noqa: S608
SELECT_LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM dead_letters WHERE event_id = %s"
SELECT_LAST_SEQS: Final = "SELECT event_id, max(seq) FROM dead_letters WHERE event_id = ANY(%s) GROUP BY event_id"
COUNT_OPEN: Final = "SELECT count(*) FROM dead_letters WHERE state = 'open'"
COUNT_BY_STATE: Final = "SELECT state, count(*) FROM dead_letters GROUP BY state"
RESOLVE_DEAD_LETTERS: Final = """
    UPDATE dead_letters SET state = %s, resolved_at = now() WHERE id = ANY(%s) AND state = 'open' RETURNING id"""
PAGE_LETTERS: Final = 1_000
"""Their payloads, 16 KiB each at most, fit into memory at once."""


class State(StrEnum):
    """What has become of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


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
    state: State
    created_at: datetime
    resolved_at: datetime | None

    def entry(self, keys: KeyRing) -> Entry | UnreadableEntry:
        """The operation as the entry that holds it alone; an unreadable entry whole. Raises NotDecryptable."""
        fields = keys.decrypt(self.payload, place_of(self.journal, self.version))
        return read_entry(self.entry_id, msgspec.msgpack.decode(fields, type=dict[bytes, bytes]))


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
    rows = [
        (journal_id, *_row(refusal), _seal(keys, journal_id, refusal.placed.version, fields_of(refusal.placed)))
        for refusal in refused
    ]
    for entry in unreadable:
        sealed = _seal(keys, journal_id, entry.version, entry.fields)
        rows.append((journal_id, entry.version, entry.id, "unreadable", *[None] * 4, "wrong", "unreadable", sealed))
    if not rows:
        return 0
    with postgres_errors(), pool.connection() as connection, connection.cursor() as cursor:
        cursor.executemany(INSERT_DEAD_LETTER, rows)
        return cursor.rowcount


def find(pool: ConnectionPool, states: Iterable[State], before: int = INT8_MAX, limit: int = 100) -> list[DeadLetter]:
    """Dead letters, newest first. Raises Away."""
    return _select(pool, SELECT_DEAD_LETTERS, (list(states), before, limit))


def open_named(pool: ConnectionPool, dead_letter_ids: Iterable[int]) -> list[DeadLetter]:
    """Those of these that are open and, with a message, what was asked of it since; in their order. Raises Away."""
    return _select(pool, SELECT_OPEN_NAMED, {"ids": list(dead_letter_ids)})


def all_open(pool: ConnectionPool) -> Iterator[list[DeadLetter]]:
    """All that are open, in their order, PAGE_LETTERS at a time. Raises Away."""
    last = (-1, -1)
    while page := _select(pool, SELECT_OPEN_AFTER, (*last, PAGE_LETTERS)):
        yield page
        last = (page[-1].journal, page[-1].version)


def count_by_state(pool: ConnectionPool) -> dict[State, int]:
    """How many there are of each state. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return dict.fromkeys(State, 0) | dict(connection.execute(COUNT_BY_STATE).fetchall())


async def count_open(pool: AsyncConnectionPool) -> int:
    """How many wait for somebody to look at them. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(COUNT_OPEN)).fetchone()
    assert row is not None, "a count is always there"
    return int(row[0])


async def last_seq(pool: AsyncConnectionPool, event_id: int) -> int:
    """The highest seq of the event's messages that could not be stored, 0 if none. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(SELECT_LAST_SEQ, (event_id,))).fetchone()
    assert row is not None, "an aggregate is always there"
    return int(row[0])


def last_seqs(pool: ConnectionPool, event_ids: Iterable[int]) -> dict[int, int]:
    """The same for many events, for a task that appends; without those that have none. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return {event_id: seq or 0 for event_id, seq in connection.execute(SELECT_LAST_SEQS, (list(event_ids),))}


def get(pool: ConnectionPool, dead_letter_id: int) -> DeadLetter:
    """One dead letter. Raises NotThere, Away."""
    for letter in _select(pool, SELECT_DEAD_LETTER, (dead_letter_id,)):
        return letter
    raise NotThere(f"There is no dead letter {dead_letter_id}.")


def resolve(pool: ConnectionPool, dead_letter_ids: Iterable[int], state: State) -> set[int]:
    """Mark these as replayed or discarded; the ids of those that were still open. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return {row[0] for row in connection.execute(RESOLVE_DEAD_LETTERS, (state, list(dead_letter_ids)))}


def _select(pool: ConnectionPool, sql: str, parameters: tuple[object, ...] | dict[str, object]) -> list[DeadLetter]:
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(DeadLetter)) as c,
    ):
        return c.execute(sql, parameters).fetchall()


def _seal(keys: KeyRing, journal_id: int, version: int, fields: Mapping[bytes, bytes]) -> bytes:
    return keys.encrypt(msgspec.msgpack.encode(fields), place_of(journal_id, version), os.urandom(NONCE_BYTES))


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
