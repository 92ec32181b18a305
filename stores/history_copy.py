"""ScyllaDB: event_history, as the relay and the command line write and read it (P6).

An entry's row is written with a fixed time, that of the entry itself, so that it is the same row however often and in
whatever order it comes. What is written over it on purpose, should a person be erased or the copy filled again, has a
clock's time, taken before PostgreSQL was read: so the last word is PostgreSQL's.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from cassandra.query import UNSET_VALUE

from domain.history import COLUMNS_COMMITTED, Entry, said
from stores.history_outbox import PAGE_ROWS, Key, key
from stores.history_pages import COLUMNS, entry_of
from stores.scylla import UNBINDABLE, Scylla, Write

INSERT_ENTRY: Final = f"""
    INSERT INTO event_history ({COLUMNS}) VALUES ({", ".join("?" * len(Entry.__struct_fields__))})
    USING TIMESTAMP ?"""  # noqa: S608
SELECT_CHAIN: Final = f"""
    SELECT {COLUMNS} FROM event_history WHERE event_id = ? ORDER BY changed_at, change_id"""  # noqa: S608
ERASED: Final = ""
"""Overwrites a committed value that is gone: no tombstone is to hide it."""


def relay(scylla: Scylla, entries: Iterable[Entry]) -> dict[Key, str]:
    """Write entries as they were chained; by key why the store refuses one. Raises Away, Wrong."""
    return _write(scylla, ((entry, _us(entry.changed_at), UNSET_VALUE) for entry in entries))


def overwrite(scylla: Scylla, entries: Iterable[Entry], read_at: datetime) -> dict[Key, str]:
    """Write entries over whatever is there, as PostgreSQL has had them since before `read_at`; by key why the store
    refuses one. Raises Away, Wrong."""
    return _write(scylla, ((entry, _us(read_at), None) for entry in entries))


def of_event(scylla: Scylla, event_id: int) -> list[Entry]:
    """An event's entries in the order of their keys, oldest first. Raises Away."""
    (rows,) = scylla.read_many(SELECT_CHAIN, [(event_id,)])
    return [entry_of(row) for row in rows]


def read(scylla: Scylla, event_id: int, until: int) -> Iterator[Entry]:
    """The same up to this place in the chain, however long it is. Raises Away."""
    for row in scylla.read_paged(SELECT_CHAIN, (event_id,), PAGE_ROWS):
        entry = entry_of(row)
        if entry.chain_seq <= until:
            yield entry


def _write(scylla: Scylla, given: Iterable[tuple[Entry, int, object]]) -> dict[Key, str]:
    prepared = scylla.prepared(INSERT_ENTRY)
    writes: list[Write[Key]] = []
    refused: dict[Key, str] = {}
    for entry, timestamp_us, absent in given:
        try:
            writes.append(Write(prepared.bind((*_cells(entry, absent), timestamp_us)), key(entry)))
        except UNBINDABLE as error:
            refused[key(entry)] = type(error).__name__
    return refused | {write.of: code for write, code in scylla.write_rows(writes)}


def _cells(entry: Entry, absent: object) -> Iterable[object]:
    """The values of COLUMNS; `absent` where there never was one."""
    bytes_say = said(entry.hashed_bytes)
    erased = (bytes_say.commitments.keys() if bytes_say else set()) - entry.salts.keys()
    for column in Entry.__struct_fields__:
        value: object = getattr(entry, column)
        if value is None:
            value = ERASED if column in COLUMNS_COMMITTED and column in erased else absent
        yield value


def _us(moment: datetime) -> int:
    """Microseconds since 1970."""
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
