"""PostgreSQL: event_history_outbox, as workers and the command line read it.

Rows stay for 35 days and are relayed to ScyllaDB meanwhile, from where they can be read for ever. The only column that
anybody changes is relayed_at.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row, kwargs_row
from psycopg_pool import ConnectionPool

from domain.event_state import Event
from domain.history import Entry
from domain.message import INT8_MAX
from domain.payment_history import PaymentState
from stores.errors import postgres_errors
from stores.events import SELECT_EVENT, event_of

Key = tuple[int, int]
"""(event_id, chain_seq)."""
BEGINNING: Final[Key] = (0, 0)
KEEP_DAYS: Final = 35
"""As long as the trigger refuses to let a row go (migration 000022)."""
PAGE_ROWS: Final = 500
"""Rows of 1 kB, 40 kB at most: some milliseconds of reading, and what one relay writes before it says so."""
COLUMNS: Final = ", ".join(Entry.__struct_fields__)
SELECT_UNRELAYED: Final = f"""
    SELECT {COLUMNS} FROM event_history_outbox WHERE relayed_at IS NULL AND (event_id, chain_seq) > (%s, %s)
    ORDER BY event_id, chain_seq LIMIT %s"""  # noqa: S608
SELECT_PAGE: Final = f"""
    SELECT {COLUMNS} FROM event_history_outbox WHERE (event_id, chain_seq) > (%s, %s) AND event_id <= %s
    ORDER BY event_id, chain_seq LIMIT %s"""  # noqa: S608
SELECT_CHAIN: Final = f"SELECT {COLUMNS} FROM event_history_outbox WHERE event_id = %s ORDER BY chain_seq"  # noqa: S608
SELECT_UNRELAYED_SEQS: Final = """
    SELECT chain_seq FROM event_history_outbox WHERE event_id = %s AND relayed_at IS NULL"""
SELECT_PAYMENTS: Final = """
    SELECT id AS payment_id, payer_id, receiver_id, amount, currency, refunded_amount, status FROM payments
    WHERE event_id = %s ORDER BY id"""
SELECT_IS_RELAYED: Final = """
    SELECT NOT EXISTS (
        SELECT FROM event_history_outbox WHERE event_id = %s AND chain_seq <= %s AND relayed_at IS NULL)"""
COUNT_ROWS: Final = "SELECT count(*) FROM event_history_outbox"
COUNT_CHAIN: Final = "SELECT count(*) FROM event_history_outbox WHERE event_id = %s"
SELECT_CLOCK: Final = "SELECT clock_timestamp()"
# Between the first and the last of them: or all that waits would be read for each page of it.
MARK_RELAYED: Final = """
    UPDATE event_history_outbox AS h SET relayed_at = now()
    FROM unnest(%s::bigint[], %s::bigint[]) AS done (event_id, chain_seq)
    WHERE h.event_id = done.event_id AND h.chain_seq = done.chain_seq AND h.relayed_at IS NULL
        AND (h.event_id, h.chain_seq) BETWEEN (%s, %s) AND (%s, %s)"""
# Both times: relayed_at finds them by an index, and only when both are over does the trigger let them go.
TRIM_RELAYED: Final = """
    DELETE FROM event_history_outbox AS h USING (
        SELECT event_id, chain_seq FROM event_history_outbox
        WHERE relayed_at < now() - %(days)s * interval '1 day' AND changed_at < now() - %(days)s * interval '1 day'
        ORDER BY relayed_at LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    ) AS old
    WHERE h.event_id = old.event_id AND h.chain_seq = old.chain_seq"""


def key(entry: Entry) -> Key:
    """An entry's place among all."""
    return entry.event_id, entry.chain_seq


def unrelayed(pool: ConnectionPool, after: Key, limit: int) -> list[Entry]:
    """Entries that ScyllaDB may not have, by their keys, from beyond this one on. Raises Away."""
    return _read(pool, SELECT_UNRELAYED, (*after, limit))


def pages(pool: ConnectionPool, event_id: int | None = None) -> Iterator[list[Entry]]:
    """What is kept, relayed or not, of one event or of all, by key, PAGE_ROWS at a time. Raises Away."""
    after, last = (BEGINNING, INT8_MAX) if event_id is None else ((event_id, 0), event_id)
    while page := _read(pool, SELECT_PAGE, (*after, last, PAGE_ROWS)):
        yield page
        after = key(page[-1])


def of_event(pool: ConnectionPool, event_id: int) -> list[Entry]:
    """All that is kept of an event's chain, oldest first. Raises Away."""
    return _read(pool, SELECT_CHAIN, (event_id,))


def unrelayed_seqs(pool: ConnectionPool, event_id: int) -> set[int]:
    """The entries of an event that ScyllaDB may not have. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return {row[0] for row in connection.execute(SELECT_UNRELAYED_SEQS, (event_id,))}


def is_relayed(pool: ConnectionPool, event_id: int, until: int) -> bool:
    """Does ScyllaDB have all of an event's entries up to this place? Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_IS_RELAYED, (event_id, until)).fetchone()
    return bool(row and row[0])


def count(pool: ConnectionPool) -> int:
    """How many entries are kept. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(COUNT_ROWS).fetchone()
    assert row is not None, "a count is always there"
    return int(row[0])


def count_of_event(pool: ConnectionPool, event_id: int) -> int:
    """How many entries are kept of an event's chain. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(COUNT_CHAIN, (event_id,)).fetchone()
    assert row is not None, "a count is always there"
    return int(row[0])


def clock(pool: ConnectionPool) -> datetime:
    """What the time is now, by which entries are made. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_CLOCK).fetchone()
    assert row is not None, "there is always a time"
    at: datetime = row[0]
    return at


def mark_relayed(pool: ConnectionPool, entries: Sequence[Entry]) -> None:
    """Note that ScyllaDB has these, which come by their keys. Raises Away."""
    if not entries:
        return
    keys = [entry.event_id for entry in entries], [entry.chain_seq for entry in entries]
    with postgres_errors(), pool.connection() as connection:
        connection.execute(MARK_RELAYED, (*keys, *key(entries[0]), *key(entries[-1])))


def trim(pool: ConnectionPool, limit: int) -> int:
    """Let so many rows go that were relayed and are older than KEEP_DAYS; how many there were. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return connection.execute(TRIM_RELAYED, {"days": KEEP_DAYS, "rows": limit}).rowcount


def present(pool: ConnectionPool, event_id: int) -> Event | None:
    """An event as it stands, with the end of its chain, to be compared with that. Raises Away."""
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=kwargs_row(event_of)) as cursor,
    ):
        return cursor.execute(SELECT_EVENT, (event_id,)).fetchone()


def payments(pool: ConnectionPool, event_id: int) -> tuple[PaymentState, ...]:
    """An event's payments as they stand, to be compared too, whatever somebody has made of them. Raises Away."""
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(PaymentState)) as cursor,
    ):
        return tuple(cursor.execute(SELECT_PAYMENTS, (event_id,)))


def _read(pool: ConnectionPool, statement: str, parameters: tuple[object, ...]) -> list[Entry]:
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=kwargs_row(entry_of)) as cursor,
    ):
        return cursor.execute(statement, parameters).fetchall()


def entry_of(*, metadata: object, salts: object, **columns: Any) -> Entry:
    """A row as an entry; salts are hexadecimal.

    What is not what it must be is read as far as it goes: verifying can then name it, and one bad row hides no other.
    """
    return Entry(
        metadata=_texts(metadata), salts={name: _salt(text) for name, text in _texts(salts).items()}, **columns
    )


def _texts(found: object) -> dict[str, str]:
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _salt(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
