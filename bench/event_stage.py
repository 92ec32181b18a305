"""Events by the hundred thousand beside a stage's own, made in SQL, and who works on them stopped or let go."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from bench.confirmed_events import make_confirmed
from bench.stage import Stage

CLOCKWORK: Final = ("beat", "worker-events")
DONE_S_MAX: Final = 600.0
LOOK_S: Final = 0.05
FAR_S: Final = 30 * 24 * 3_600.0
"""Nothing of them is due while anything is measured."""
COUNT_DONE: Final = "SELECT count(*) FROM events WHERE id = ANY(%s) AND status = 'DONE'"
IS_BEGUN: Final = "SELECT EXISTS (SELECT FROM events WHERE id = ANY(%s) AND status = 'DONE')"
COUNT_UNRELAYED: Final = "SELECT count(*) FROM event_history_outbox WHERE relayed_at IS NULL"
MARK_ALL_RELAYED: Final = "UPDATE event_history_outbox SET relayed_at = now() WHERE relayed_at IS NULL"

Connection = psycopg.Connection[TupleRow]


@contextmanager
def owner(stage: Stage) -> Iterator[Connection]:
    """PostgreSQL as the owner of the tables."""
    with psycopg.connect(stage.settings.postgres_url, autocommit=True) as connection:
        yield connection


@contextmanager
def standing_still(stage: Stage) -> Iterator[None]:
    """Nobody makes events DONE, and nobody relays."""
    stage.stack.stop(*CLOCKWORK)
    try:
        yield
    finally:
        stage.stack.start(*CLOCKWORK)


def make_events(stage: Stage, connection: Connection, count: int, ends_s: float, apart_s: float = 0.0) -> list[int]:
    """Confirmed events with three who take part each, as old ones: all of their histories but DONE was relayed."""
    made = make_confirmed(connection, stage.cast.user_ids, count, ends_s, apart_s)
    connection.execute(MARK_ALL_RELAYED)
    connection.execute("VACUUM ANALYZE events, event_participants, event_history_outbox")
    return made


def count_done(connection: Connection, event_ids: Sequence[int]) -> int:
    """How many of these are DONE."""
    row = connection.execute(COUNT_DONE, (list(event_ids),)).fetchone()
    return int(row[0]) if row else 0


def wait_begun(connection: Connection, event_ids: Sequence[int]) -> None:
    """Wait until the first of these are DONE."""
    _wait(connection, IS_BEGUN, (list(event_ids),), True)


def wait_done(connection: Connection, event_ids: Sequence[int]) -> None:
    """Wait until all of these are DONE."""
    _wait(connection, COUNT_DONE, (list(event_ids),), len(event_ids))


def wait_relayed(connection: Connection) -> None:
    """Wait until nothing is to be relayed."""
    _wait(connection, COUNT_UNRELAYED, (), 0)


def _wait(connection: Connection, query: str, parameters: tuple[object, ...], wanted: object) -> None:
    limit = time.monotonic() + DONE_S_MAX
    while connection.execute(query, parameters).fetchone() != (wanted,):
        if time.monotonic() > limit:
            raise RuntimeError(f"Not so after {DONE_S_MAX:.0f} s: {query}")
        time.sleep(LOOK_S)
