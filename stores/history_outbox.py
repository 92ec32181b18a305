"""PostgreSQL: event_history_outbox, as workers and the command line read it.

Rows stay for 35 days and are relayed to ScyllaDB meanwhile, from where they can be read for ever. The only column that
anybody changes is relayed_at.
"""

from collections.abc import Sequence
from typing import Any, Final

from psycopg.rows import kwargs_row
from psycopg_pool import ConnectionPool

from domain.event_state import Event
from domain.history import Entry
from stores.errors import postgres_errors
from stores.events import SELECT_EVENT, event_of

COLUMNS: Final = ", ".join(Entry.__struct_fields__)
SELECT_UNRELAYED: Final = f"""
    SELECT {COLUMNS} FROM event_history_outbox WHERE relayed_at IS NULL AND (event_id, chain_seq) > (%s, %s)
    ORDER BY event_id, chain_seq LIMIT %s"""  # noqa: S608
SELECT_CHAIN: Final = f"SELECT {COLUMNS} FROM event_history_outbox WHERE event_id = %s ORDER BY chain_seq"  # noqa: S608
MARK_RELAYED: Final = """
    UPDATE event_history_outbox AS h SET relayed_at = now()
    FROM unnest(%s::bigint[], %s::bigint[]) AS done (event_id, chain_seq)
    WHERE h.event_id = done.event_id AND h.chain_seq = done.chain_seq AND h.relayed_at IS NULL"""


def unrelayed(pool: ConnectionPool, after: tuple[int, int], limit: int) -> list[Entry]:
    """Entries that ScyllaDB may not have, by (event_id, chain_seq), from beyond this one on. Raises Away."""
    return _read(pool, SELECT_UNRELAYED, (*after, limit))


def of_event(pool: ConnectionPool, event_id: int) -> list[Entry]:
    """What is kept of an event's chain, oldest first. Raises Away."""
    return _read(pool, SELECT_CHAIN, (event_id,))


def mark_relayed(pool: ConnectionPool, entries: Sequence[Entry]) -> None:
    """Note that ScyllaDB has these. Raises Away."""
    keys = [entry.event_id for entry in entries], [entry.chain_seq for entry in entries]
    with postgres_errors(), pool.connection() as connection:
        connection.execute(MARK_RELAYED, keys)


def present(pool: ConnectionPool, event_id: int) -> Event | None:
    """An event as it stands, with the end of its chain, to be compared with that. Raises Away."""
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=kwargs_row(event_of)) as cursor,
    ):
        return cursor.execute(SELECT_EVENT, (event_id,)).fetchone()


def _read(pool: ConnectionPool, statement: str, parameters: tuple[object, ...]) -> list[Entry]:
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=kwargs_row(entry_of)) as cursor,
    ):
        return cursor.execute(statement, parameters).fetchall()


def entry_of(*, salts: dict[str, str], **columns: Any) -> Entry:
    """A row as an entry: salts are hexadecimal."""
    return Entry(salts={name: bytes.fromhex(salt) for name, salt in salts.items()}, **columns)
