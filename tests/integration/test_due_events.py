"""DONE by the clock, as the sweep does it on PostgreSQL (P7)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from bench.confirmed_events import make_confirmed, make_users
from domain.history_verify import verify
from stores import due_events
from stores.due_events import COMPLETE_DUE, SELECT_DUE
from stores.events_lag import SELECT_LAG, EventsLag
from tasks import events
from tests.integration.chained import Connection, read_chain, read_event
from tests.integration.own import Own
from tests.integration.tampering import unguarded

COUNT_DONE_ONCE = """
    SELECT count(*) FROM events AS e WHERE e.id = ANY(%s) AND e.status = 'DONE' AND e.history_length = 6
        AND (SELECT count(*) FROM event_history_outbox AS h WHERE h.event_id = e.id AND h.change_type = 'DONE') = 1"""
SELECT_EVENTS_READ = "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'events'"
"""Rows of events that this connection has looked at, as far as they are not yet counted elsewhere."""
PAGE = 200
"""Events that one statement of these sweeps makes DONE: a tenth of what the real ones do."""
PAST_S = -3_600.0
FUTURE_S = 3_600.0


@pytest.fixture(scope="module")
def owner(own_stores: Own) -> Iterator[Connection]:
    with psycopg.connect(own_stores.env["TIMINGLE_POSTGRES_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_events, "PAGE_EVENTS", PAGE)


@pytest.fixture
def people(own: Own, owner: Connection) -> Iterator[list[int]]:
    """Nothing else is due meanwhile, and nothing afterwards."""
    sweep(own)
    yield make_users(owner, 9)
    sweep(own)


def sweep(own: Own) -> list[float]:
    """What one run of the task does, without its rings; by how many seconds each event was late."""
    return [late for page in due_events.pages(own.stores.postgres) for late in events.complete(own.stores, page)]


def done_once(own: Own, event_ids: list[int]) -> int:
    """How many of these are DONE, and say so once."""
    ((count,),) = own.sql(COUNT_DONE_ONCE, event_ids)
    return int(str(count))


def test_what_is_due_is_done_with_its_entry_and_what_is_not_is_left(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P7."""
    due = make_confirmed(owner, people, 3, PAST_S, apart_s=1.0)
    later = make_confirmed(owner, people, 3, FUTURE_S)
    late_s = sweep(own)
    assert done_once(own, due) == 3
    assert all(3_590 < late < 3_660 for late in late_s)
    assert len(late_s) == 3
    for event_id in due:
        event = read_event(owner, event_id)
        assert verify(read_chain(owner, event_id), event) == []
        last = read_chain(owner, event_id)[-1]
        assert (last.change_type, last.actor_id, last.old_value, last.new_value) == (
            "DONE", None, '"CONFIRMED"', '"DONE"'
        )  # fmt: skip
    assert {read_event(owner, event_id).status for event_id in later} == {"CONFIRMED"}
    assert sweep(own) == []


def test_of_many_sweeps_at_once_each_event_is_done_by_one(own: Own, owner: Connection, people: list[int]) -> None:
    """P7. Two beats, or one that comes back after a week."""
    due = make_confirmed(owner, people, PAGE * 2 + 1, -7 * 24 * 3_600.0)
    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(lambda _: sweep(own), range(2)))
    assert sum(map(len, runs)) == len(due)
    assert done_once(own, due) == len(due)


def test_events_that_somebody_holds_hide_none_behind_them(own: Own, owner: Connection, people: list[int]) -> None:
    """P7. A full first page of them."""
    held = make_confirmed(owner, people, PAGE, PAST_S)
    behind = make_confirmed(owner, people, 5, PAST_S + 60)
    with psycopg.connect(own.env["TIMINGLE_POSTGRES_URL"]) as other:
        other.execute("SELECT FROM events WHERE id = ANY(%s) FOR UPDATE", (held,))
        assert len(sweep(own)) == 5
        assert done_once(own, behind) == 5
        assert done_once(own, held) == 0
    assert len(sweep(own)) == PAGE


def test_events_whose_chain_cannot_be_extended_sink_none_beside_or_behind_them(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P7. Each is looked at again by every sweep, and is DONE once it is mended."""
    broken = make_confirmed(owner, people, 6, PAST_S)
    beside = make_confirmed(owner, people, 20, PAST_S)
    with unguarded(owner):
        owner.execute("UPDATE events SET history_length = history_length - 1 WHERE id = ANY(%s)", (broken,))
    assert len(sweep(own)) == len(beside)
    assert done_once(own, beside) == len(beside)
    assert sweep(own) == []
    with unguarded(owner):
        owner.execute("UPDATE events SET history_length = history_length + 1 WHERE id = ANY(%s)", (broken,))
    assert len(sweep(own)) == len(broken)
    assert done_once(own, broken) == len(broken)


def test_a_sweep_ends_though_other_events_become_due_meanwhile(own: Own, owner: Connection, people: list[int]) -> None:
    """P7. Or it would follow them one at a time, and never end."""
    make_confirmed(owner, people, 1, PAST_S)
    sweeping = due_events.pages(own.stores.postgres)
    assert [one.end_time for one in next(sweeping)]
    later = make_confirmed(owner, people, 1, ends_s=0.0)
    assert next(sweeping, None) is None
    assert len(sweep(own)) == 2
    assert done_once(own, later) == 1


def test_ingest_may_ask_how_late_events_and_the_copy_of_their_histories_are(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P7. Of all events, though each of its users sees only their own."""
    owner.execute("UPDATE event_history_outbox SET relayed_at = now() WHERE relayed_at IS NULL")
    with psycopg.connect(own.env["TIMINGLE_POSTGRES_API_URL"], autocommit=True) as api:
        assert api.execute(SELECT_LAG).fetchone() == (0, 0, 0)
        make_confirmed(owner, people, 2, PAST_S)
        overdue_s, unrelayed, unrelayed_s = EventsLag(*api.execute(SELECT_LAG).fetchone() or ())
        assert 3_590 < overdue_s < 3_660
        assert (unrelayed, 0 <= unrelayed_s < 60) == (2 * 5, True)
        sweep(own)
        assert EventsLag(*api.execute(SELECT_LAG).fetchone() or ())[:2] == (0, 2 * 6)


def test_the_sweep_reads_what_is_due_by_the_partial_index_and_no_future_event(
    owner: Connection, people: list[int]
) -> None:
    """P7. Or it would be slow where many events lie ahead."""
    make_confirmed(owner, people, 3_000, FUTURE_S)
    owner.execute("ANALYZE events")
    query = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {SELECT_DUE}"
    plan = "\n".join(row[0] for row in owner.execute(query, (datetime.now(UTC), *due_events.BEGINNING, PAGE)))
    assert "idx_events_confirmed_end" in plan
    assert "Rows Removed by Filter" not in plan
    assert "Sort" not in plan


def test_a_page_reads_no_row_of_another_event_however_many_there_are_and_are_due(
    owner: Connection, people: list[int]
) -> None:
    """P7."""
    make_confirmed(owner, people, 3_000, FUTURE_S)
    owner.execute("ANALYZE events")  # PostgreSQL knows of a time when none of these was due
    make_confirmed(owner, people, 3_000, PAST_S)
    due = owner.execute(SELECT_DUE, (datetime.now(UTC), *due_events.BEGINNING, PAGE)).fetchall()
    with owner.transaction():
        (before,) = owner.execute(SELECT_EVENTS_READ).fetchall()
        done = owner.execute(COMPLETE_DUE, ([event_id for _, event_id in due],)).fetchall()
        (after,) = owner.execute(SELECT_EVENTS_READ).fetchall()
    scanned, by_index = (now - then for then, now in zip(before, after, strict=True))
    assert (len(done), scanned) == (PAGE, 0)
    assert by_index <= 5 * PAGE
