"""Events made by plain SQL, with their history: as ingest does it, and as a worker may."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import TupleRow, class_row, kwargs_row

from domain.event_changes import creation
from domain.event_state import Event
from domain.history import Change, Entry
from domain.payment_history import PaymentState
from stores.events import ADD_FIRST_PARTICIPANTS, SELECT_EVENT, event_of
from stores.history import APPEND_HISTORY
from stores.history_outbox import SELECT_CHAIN, SELECT_PAYMENTS, entry_of

Connection = psycopg.Connection[TupleRow]
INSERT_EVENT: Final = """
    INSERT INTO events (title, start_time, end_time, creator_id)
    VALUES ('cut', now() - interval '1 day', now() + %s * interval '1 hour', %s) RETURNING id"""
APPEND_CHANGES: Final = "SELECT length FROM append_changes(%s, %s, NULL, '{}')"


@contextmanager
def acting(api: Connection, user_id: int) -> Iterator[Connection]:
    """A transaction of ingest in which this user acts."""
    with api.transaction():
        api.execute("SELECT set_config('timingle.user_id', %s, true)", [str(user_id)])
        yield api


def value(connection: Connection, query: str, *parameters: object) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def read_event(connection: Connection, event_id: int) -> Event:
    with connection.cursor(row_factory=kwargs_row(event_of)) as cursor:
        event = cursor.execute(SELECT_EVENT, [event_id]).fetchone()
    assert event is not None
    return event


def read_chain(connection: Connection, event_id: int) -> list[Entry]:
    """As the owner sees it."""
    with connection.cursor(row_factory=kwargs_row(entry_of)) as cursor:
        return cursor.execute(SELECT_CHAIN, [event_id]).fetchall()


def read_payments(connection: Connection, event_id: int) -> list[PaymentState]:
    with connection.cursor(row_factory=class_row(PaymentState)) as cursor:
        return cursor.execute(SELECT_PAYMENTS, [event_id]).fetchall()


def make_event(api: Connection, creator: int, *others: int, hours: float = 1) -> int:
    """An event as its creator makes it, chained, which ends in so many hours."""
    with acting(api, creator):
        event_id = int(value(api, INSERT_EVENT, hours, creator))
        api.execute(ADD_FIRST_PARTICIPANTS, [event_id, list(others)])
        chain(api, event_id, creation(read_event(api, event_id)))
    return event_id


def chain(api: Connection, event_id: int, changes: Sequence[Change]) -> None:
    """Chain these for whoever acts."""
    api.execute(APPEND_HISTORY, [event_id, encoded(changes), "203.0.113.9", "test/1"])


def chain_as_owner(owner: Connection, event_id: int, *changes: Change) -> None:
    """Chain these, by nobody."""
    owner.execute(APPEND_CHANGES, [event_id, encoded(changes)])


def encoded(changes: Sequence[Change]) -> str:
    return msgspec.json.encode(changes).decode()
