"""PostgreSQL: events, as the clock makes them DONE (P7). All of a batch in one statement, chained too."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from psycopg.rows import args_row
from psycopg_pool import ConnectionPool

from stores.errors import postgres_errors

PAGE_EVENTS: Final = 2_000
"""Their rows are locked for some 100 ms; more at once are hardly faster."""
SELECT_NOW: Final = "SELECT now()"
# Up to a time that stands still: it bounds the index, beyond which all future events lie, and the sweep.
SELECT_DUE: Final = """
    SELECT end_time, id FROM events WHERE status = 'CONFIRMED' AND end_time <= %s AND (end_time, id) > (%s, %s)
    ORDER BY end_time, id LIMIT %s"""
COMPLETE_DUE: Final = """
    SELECT done.event_id, done.changed_at FROM complete_events(ARRAY(
        SELECT done_change(e) FROM events AS e
        WHERE e.id = ANY(%s) AND e.status = 'CONFIRMED' AND e.end_time <= now() FOR NO KEY UPDATE SKIP LOCKED
    )) AS done"""


class Due(NamedTuple):
    """An event whose time is over; in the order of the index."""

    end_time: datetime
    id: int


BEGINNING: Final = Due(datetime(1, 1, 1, tzinfo=UTC), 0)


def pages(pool: ConnectionPool) -> Iterator[list[Due]]:
    """All that are due now, PAGE_EVENTS at a time, each beyond the one before, whatever became of that. Raises Away.

    What becomes due meanwhile is for the next sweep: or one would follow another's end for ever, an event at a time.
    """
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_NOW).fetchone()
    assert row is not None, "there is always a time"
    until: datetime = row[0]
    after = BEGINNING
    while page := _page(pool, until, after):
        yield page
        after = page[-1]


def complete(pool: ConnectionPool, due: Sequence[Due]) -> list[float]:
    """Make these DONE, all or none, but for those that somebody else holds; by how many seconds each is late.

    Raises Wrong if the history of one of them cannot be extended; Away.
    """
    ended = {one.id: one.end_time for one in due}
    with postgres_errors(), pool.connection() as connection:
        cursor = connection.execute(COMPLETE_DUE, (list(ended),), binary=True)  # a time as text costs twice as much
        done = cursor.fetchall()
    return [(changed_at - ended[event_id]).total_seconds() for event_id, changed_at in done]


def _page(pool: ConnectionPool, until: datetime | None, after: Due) -> list[Due]:
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=args_row(Due), binary=True) as cursor,
    ):
        return cursor.execute(SELECT_DUE, (until, *after, PAGE_EVENTS)).fetchall()
