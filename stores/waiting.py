"""PostgreSQL: rows that are jobs, while they wait. The sweep rings for each at its next_try_at, ever less often.

Whoever works on one holds it until held_until, so that a doorbell that rings twice is heard once. What a dead worker
held is free by then, and the sweep rings for it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from psycopg.rows import args_row
from psycopg_pool import ConnectionPool

from stores.errors import postgres_errors

HOLD_S: Final = 120
"""Longer than all tries of a call to a provider last."""
PAUSE_S_FIRST: Final = 5
PAUSE_S_MAX: Final = 600
"""What waited for a provider that was away for a day moves within ten minutes of its return."""
PAGE_ROWS: Final = 500
IS_FREE: Final = "state = 'waiting' AND held_until <= now()"
HOLD: Final = f"""
    attempts = attempts + 1, held_until = now() + {HOLD_S} * interval '1 second',
    next_try_at = now() + {HOLD_S} * interval '1 second'"""
PAUSE: Final = f"now() + least({PAUSE_S_FIRST} * 2 ^ least(attempts, 30), {PAUSE_S_MAX}) * interval '1 second'"
"""After so many attempts."""
SELECT_NOW: Final = "SELECT now()"
SELECT_DUE: Final = """
    SELECT next_try_at, id FROM {table} WHERE state = 'waiting' AND next_try_at <= %s AND (next_try_at, id) > (%s, %s)
    ORDER BY next_try_at, id LIMIT %s"""
NOTE_RUNG: Final = f"""
    UPDATE {{table}} SET attempts = attempts + 1, next_try_at = {PAUSE}
    WHERE id = ANY(%s) AND state = 'waiting' AND next_try_at <= now()"""  # noqa: S608
PUT_OFF: Final = f"""
    UPDATE {{table}} SET held_until = {PAUSE}, next_try_at = {PAUSE} WHERE id = ANY(%s) AND state = 'waiting'"""  # noqa: S608


class Jobs(StrEnum):
    """The tables."""

    WEBHOOKS = "payment_webhooks"
    CONFIRMS = "payment_confirms"
    REFUNDS = "payment_refunds"


class Due(NamedTuple):
    """A row that is to be rung for; in the order of the index."""

    next_try_at: datetime
    id: int


Row = TypeVar("Row", bound=tuple[Any, ...])
"""Begins with when it is due, and its id."""
BEGINNING: Final = (datetime(1, 1, 1, tzinfo=UTC), 0)


def pages(pool: ConnectionPool, jobs: Jobs, page_rows: int = PAGE_ROWS) -> Iterator[list[int]]:
    """The ids of all that are due now, page by page. Raises Away."""
    for page in due_pages(pool, SELECT_DUE.format(table=jobs), Due, page_rows):
        yield [due.id for due in page]


def due_pages(pool: ConnectionPool, statement: str, row: type[Row], page_rows: int) -> Iterator[list[Row]]:
    """The rows that are due now, each page beyond the one before, whatever became of that. Raises Away.

    The statement's parameters are until when, the time and the id behind which it goes on, and how many rows.
    """
    with postgres_errors(), pool.connection() as connection:
        (until,) = connection.execute(SELECT_NOW).fetchone() or (None,)
    after: tuple[Any, ...] = BEGINNING
    while page := _page(pool, statement, row, (until, *after, page_rows)):
        yield page
        after = page[-1][:2]


def note_rung(pool: ConnectionPool, jobs: Jobs, ids: Sequence[int]) -> None:
    """Let the next ring for these be later; what a worker has taken meanwhile stays as that left it. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(NOTE_RUNG.format(table=jobs), (list(ids),))


def put_off(pool: ConnectionPool, jobs: Jobs, ids: Sequence[int]) -> None:
    """Nobody takes these before their next try: whom they need is away. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(PUT_OFF.format(table=jobs), (list(ids),))


def _page(pool: ConnectionPool, statement: str, row: type[Row], parameters: tuple[object, ...]) -> list[Row]:
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=args_row(row)) as cursor,
    ):
        return cursor.execute(statement, parameters).fetchall()
