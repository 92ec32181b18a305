"""The relay of histories to ScyllaDB, and what chats are told (P6)."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Final

import psycopg
import pytest

from bench.confirmed_events import make_confirmed, make_users
from domain.errors import Away
from domain.event import EventChange
from domain.event_changes import Changed, cancel, edit
from domain.event_state import Event
from domain.history import Change, ChangeType, Entry
from local.stack import Stack
from stores import due_events, history_copy, history_outbox, history_relay
from stores.connections import Stores
from stores.history_relay import RELAY_LOCK
from stores.journal import WRITE_S_MAX
from stores.session_lock import TRY_LOCK
from tasks.events import complete
from tasks.history import relay, relay_all
from tests.faults.road import free_port
from tests.integration.chained import Connection, chain_as_owner, read_chain, read_event
from tests.integration.own import Own, own_place
from tests.integration.tampering import unguarded
from tests.waiting import wait_until

CELLS: Final = (
    "actor_name",
    "change_type",
    "hashed_bytes",
    "entry_hash",
    "old_value",
    "new_value",
    "metadata",
    "salts",
)
TIMES: Final = ", ".join(f"WRITETIME({cell})" for cell in CELLS)
SELECT_TIMES: Final = f"SELECT chain_seq, changed_at, {TIMES} FROM event_history WHERE event_id = ?"
SELECT_OPEN_TRANSACTIONS: Final = """
    SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"""
SOON: Final = "2030-01-01T00:00:00.000000Z"
BEYOND_KOREA: Final = "9999-12-31T20:00:00.000000Z"
TOO_LARGE: Final = 9 * 1_048_576
"""Bytes of a row that the local engine refuses: over half a segment of its commit log."""


@pytest.fixture(scope="module")
def own_stores(stack: Stack) -> Iterator[Own]:
    """A place of this module's own: rows that other tests forged are not relayed again by these.

    Its journal is old enough for a relay to make a chat's register.
    """
    with own_place(stack.env) as made, made.redis() as client:
        wait_until("the journal is old enough", lambda: client.info("server")["uptime_in_seconds"] > WRITE_S_MAX)
        yield made


@pytest.fixture(scope="module")
def owner(own_stores: Own) -> Iterator[Connection]:
    with psycopg.connect(own_stores.env["TIMINGLE_POSTGRES_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def people(own: Own, owner: Connection) -> list[int]:
    """Nothing of what earlier tests left is to be relayed, and nobody is rung for."""
    owner.execute("UPDATE event_history_outbox SET relayed_at = now() WHERE relayed_at IS NULL")
    own.stores.groups[0].prepare()
    return make_users(owner, 3)


def relayed(own: Own, stores: Stores | None = None) -> None:
    """What one run of the task does; the bell is set already, so nobody is rung for."""
    own.stores.groups[0].set_bell()
    relay(stores or own.stores)


def waiting(own: Own) -> int:
    """How many entries are not relayed."""
    ((count,),) = own.sql("SELECT count(*) FROM event_history_outbox WHERE relayed_at IS NULL")
    return int(str(count))


def copy(own: Own, event_id: int) -> list[Entry]:
    return history_copy.of_event(own.stores.scylla, event_id)


def told(own: Own, event_id: int) -> list[tuple[int, str, str]]:
    """What the chat shows of the system: seq, type of change, field."""
    own.drain()
    messages = own.page(event_id)
    assert all(
        (m.sender_id, m.message_type, m.sender_name, m.is_deleted) == (None, "system", "", False) for m in messages
    )
    return [(m.seq, m.metadata["change_type"], m.metadata.get("field_name", "")) for m in messages]


def apply(owner: Connection, event_id: int, rule: Callable[[Event], Changed]) -> None:
    """Change an event as the owner of the tables, chained."""
    changed = rule(read_event(owner, event_id))
    with owner.transaction():
        owner.execute(
            "UPDATE events SET status = %s, location = %s, canceled_reason = %s WHERE id = %s",
            (changed.event.status, changed.event.location, changed.event.canceled_reason, event_id),
        )
        chain_as_owner(owner, event_id, *changed.changes)


def test_what_is_relayed_is_what_was_chained_column_by_column_and_marked(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P6."""
    made = make_confirmed(owner, people, 3, 3_600)
    apply(
        owner, made[0], lambda event: edit(event, EventChange(actor_id=people[0], location="마포 ✂️"), event.start_time)
    )
    assert waiting(own) == 3 * 5 + 1
    relayed(own)
    assert waiting(own) == 0
    for event_id in made:
        assert copy(own, event_id) == read_chain(owner, event_id)


def test_however_often_an_entry_is_relayed_its_cells_keep_the_time_that_it_was_made(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P6. So a late relay undoes nothing that was written over it on purpose."""
    (event_id,) = make_confirmed(owner, people, 1, 3_600)
    seen = []
    for _ in range(2):
        relayed(own)
        (rows,) = own.stores.scylla.read_many(SELECT_TIMES, [(event_id,)])
        seen.append(rows)
        owner.execute("UPDATE event_history_outbox SET relayed_at = NULL WHERE event_id = %s", (event_id,))
    assert seen[0] == seen[1]
    for _, changed_at, *times in seen[0]:
        made_us = (changed_at - type(changed_at)(1970, 1, 1)) // timedelta(microseconds=1)
        assert {time for time in times if time is not None} == {made_us}


def test_the_chat_is_told_once_of_each_change_and_in_its_order(own: Own, owner: Connection, people: list[int]) -> None:
    (event_id,) = make_confirmed(owner, people, 1, 3_600)
    place = EventChange(actor_id=people[0], location="마포")
    relayed(own)
    apply(owner, event_id, lambda event: edit(event, place, event.start_time))
    apply(owner, event_id, lambda event: cancel(event, people[0], "아파요"))
    relayed(own)
    once = [(1, "CONFIRMED", "status"), (2, "UPDATED", "location"), (3, "CANCELED", "")]
    assert told(own, event_id) == once
    owner.execute("UPDATE event_history_outbox SET relayed_at = NULL WHERE event_id = %s", (event_id,))
    relayed(own)
    assert told(own, event_id) == once
    assert "아파요" not in str(own.page(event_id))
    assert (own.head(event_id), own.dead_letters()) == (3, [])


def test_a_chat_whose_register_is_gone_goes_on_where_it_was(own: Own, owner: Connection, people: list[int]) -> None:
    """P3."""
    (event_id,) = make_confirmed(owner, people, 1, 3_600)
    relayed(own)
    assert told(own, event_id) == [(1, "CONFIRMED", "status")]
    with own.redis() as client:
        client.delete(f"event:{event_id}", "journal:clock")
    apply(owner, event_id, lambda event: cancel(event, people[0], "x"))
    relayed(own)
    assert told(own, event_id) == [(1, "CONFIRMED", "status"), (2, "CANCELED", "")]


def test_while_a_store_is_away_nothing_is_marked_and_afterwards_all_is_there(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P6, P10."""
    (event_id,) = make_confirmed(owner, people, 1, 3_600)
    nowhere = replace(own.stores._addresses, scylla_contact_points=(("127.0.0.1", free_port()),))
    with closing(Stores(nowhere)) as stores, pytest.raises(Away):
        relayed(own, stores)
    assert waiting(own) == 5
    relayed(own)
    assert waiting(own) == 0
    assert copy(own, event_id) == read_chain(owner, event_id)


def test_pages_full_of_what_an_away_journal_is_to_hear_hide_nothing_behind_them(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P10."""
    first = make_confirmed(owner, people, 5, 3_600)
    behind = make_confirmed(owner, people, 3, 3_600)
    urls = (*own.stores._addresses.journal_urls, f"redis://127.0.0.1:{free_port()}/0")
    owner.execute("INSERT INTO journals (id) VALUES (1) ON CONFLICT DO NOTHING")
    owner.execute("UPDATE events SET journal = 1 WHERE id = ANY(%s)", (first,))
    owner.execute(
        "UPDATE event_history_outbox SET relayed_at = now() WHERE event_id = ANY(%s) AND change_type <> 'CONFIRMED'",
        (first,),
    )
    own.stores.groups[0].set_bell()
    with closing(Stores(replace(own.stores._addresses, journal_urls=urls))) as stores:
        assert relay_all(stores, page_rows=2) == 3 * 5
        assert relay_all(stores, page_rows=2) == 0
    assert waiting(own) == 5
    for event_id in behind:
        assert told(own, event_id) == [(1, "CONFIRMED", "status")]
    owner.execute("UPDATE events SET journal = 0 WHERE id = ANY(%s)", (first,))
    relayed(own)
    assert waiting(own) == 0


def test_pages_full_of_what_scylladb_refuses_hide_nothing_behind_them(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P10. Refused, an entry stays where it is, and is relayed once it is mended."""
    refused, behind = make_confirmed(owner, people, 2, 3_600)
    agent = "UPDATE event_history_outbox SET user_agent = %s WHERE event_id = %s AND chain_seq < 4"
    with unguarded(owner):
        owner.execute(agent, ("x" * TOO_LARGE, refused))
    own.stores.groups[0].set_bell()
    assert relay_all(own.stores, page_rows=2) == 2 + 5
    assert copy(own, behind) == read_chain(owner, behind)
    assert waiting(own) == 3
    with unguarded(owner):
        owner.execute(agent, (None, refused))
    relayed(own)
    assert waiting(own) == 0
    assert copy(own, refused) == read_chain(owner, refused)


@pytest.mark.parametrize(
    "change",
    [
        Change(change_type=ChangeType.UPDATED, field_name="end_time", old_value=SOON, new_value=BEYOND_KOREA),
        Change(change_type=ChangeType.UPDATED, field_name="end_time", new_value=BEYOND_KOREA),
    ],
    ids=["beyond Korea's calendar", "from no time"],
)
def test_an_entry_that_cannot_be_told_hides_nothing_behind_it(
    own: Own, owner: Connection, people: list[int], change: Change
) -> None:
    """P10."""
    odd, behind = make_confirmed(owner, people, 2, 3_600)
    with owner.transaction():
        owner.execute("UPDATE events SET end_time = %s WHERE id = %s", (BEYOND_KOREA, odd))
        chain_as_owner(owner, odd, change)
    own.stores.groups[0].set_bell()
    assert relay_all(own.stores, page_rows=2) == 2 * 5
    assert (told(own, odd), told(own, behind)) == ([(1, "CONFIRMED", "status")], [(1, "CONFIRMED", "status")])
    assert waiting(own) == 1


def test_one_relay_runs_at_a_time(own: Own, owner: Connection, people: list[int]) -> None:
    make_confirmed(owner, people, 1, 3_600)
    with psycopg.connect(own.env["TIMINGLE_POSTGRES_URL"]) as another:
        another.execute(TRY_LOCK, RELAY_LOCK)
        relayed(own)
        assert waiting(own) == 5
    relayed(own)
    assert waiting(own) == 0


def fail_in_a_turn(own: Own) -> None:
    with history_relay.turn(own.stores.postgres, lambda: "node:2", 0) as is_ours:
        assert (is_ours, own.sql(SELECT_OPEN_TRANSACTIONS)) == (True, [])
        raise Away("ScyllaDB", "timeout")


def test_what_was_seen_of_the_nodes_is_noted_though_the_turn_fails_and_nothing_holds_vacuum_meanwhile(
    own: Own, owner: Connection, people: list[int]
) -> None:
    """P6. Or what a turn did before a store went away would be done again by the next, and never end."""
    owner.execute("UPDATE history_relay SET generations = 'another:1'")
    with pytest.raises(Away):
        fail_in_a_turn(own)
    assert own.sql("SELECT generations FROM history_relay") == [("node:2",)]
    relayed(own)


def test_what_a_restarted_node_may_have_lost_is_relayed_again(own: Own, owner: Connection, people: list[int]) -> None:
    """P6. An acknowledged row is not on disk yet."""
    old, fresh = make_confirmed(owner, people, 2, 3_600)
    relayed(own)
    aged = "UPDATE event_history_outbox SET relayed_at = now() - interval '1 minute' WHERE event_id = %s"
    owner.execute(aged, (old,))
    assert waiting(own) == 0
    own.cql("TRUNCATE event_history")
    owner.execute("UPDATE history_relay SET generations = 'another:1'")
    relayed(own)
    assert copy(own, fresh) == read_chain(owner, fresh)
    assert copy(own, old) == []  # it was on disk long before
    assert told(own, fresh) == [(1, "CONFIRMED", "status")]


def test_what_was_relayed_and_kept_for_35_days_is_trimmed_and_nothing_else(
    own: Own, owner: Connection, people: list[int]
) -> None:
    kept, old, unrelayed = make_confirmed(owner, people, 3, 3_600)
    owner.execute("UPDATE event_history_outbox SET relayed_at = now() WHERE event_id = ANY(%s)", ([kept, old],))
    with unguarded(owner):
        owner.execute(
            """UPDATE event_history_outbox SET changed_at = changed_at - interval '36 days',
                relayed_at = relayed_at - interval '36 days' WHERE event_id = ANY(%s)""",
            ([old, unrelayed],),
        )
    assert [history_outbox.trim(own.stores.postgres, 3) for _ in range(3)] == [3, 2, 0]
    assert [len(read_chain(owner, event_id)) for event_id in (kept, old, unrelayed)] == [5, 0, 5]
    apply(owner, old, lambda event: cancel(event, people[0], "x"))  # a trimmed chain grows on
    assert [entry.chain_seq for entry in read_chain(owner, old)] == [6]


def test_who_is_done_by_the_clock_hears_of_it(own: Own, owner: Connection, people: list[int]) -> None:
    """P7."""
    (event_id,) = make_confirmed(owner, people, 1, -60)
    for page in due_events.pages(own.stores.postgres):
        complete(own.stores, page)
    relayed(own)
    assert told(own, event_id) == [(1, "CONFIRMED", "status"), (2, "DONE", "status")]
    assert [m.message for m in own.page(event_id)] == ["약속이 확정되었어요.", "약속이 완료되었어요."]
