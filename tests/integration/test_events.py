"""stores.events under row-level security: only its creator makes an event, only who takes part sees it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from domain.errors import NotThere
from domain.event import EventChange
from domain.event_changes import edit
from stores import events
from stores.connections import AsyncStores
from stores.row_security import SET_CURRENT_USER, as_user
from tests.integration.as_ingest import change, new_event, new_users
from tests.integration.own import Own
from tests.integration.tampering import forget

ALIVE = ""
"""What a pool asks a connection before it lends it."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_event_is_read_as_it_was_made(stores: AsyncStores) -> None:
    creator, first, second = await new_users(stores, 3)
    event = await new_event(stores, creator, second, first, second, creator, description="두 시간", location="마포")
    assert (event.title, event.description, event.location) == ("컷", "두 시간", "마포")
    assert (event.creator_id, event.status, event.canceled_reason, event.journal) == (creator, "PROPOSED", None, 0)
    assert [tuple(one) for one in event.participants] == [(creator, True, 0), (first, False, 0), (second, False, 0)]
    assert (event.start_time.isoformat(), event.end_time.isoformat()) == (
        "2099-01-01T01:00:00+00:00",
        "2099-01-01T02:00:00+00:00",
    )
    assert event.created_at == event.updated_at
    for reader in (creator, first, second):
        async with as_user(stores.postgres, reader) as connection:
            assert await events.get(connection, event.id) == event


async def test_what_was_left_out_is_none(stores: AsyncStores) -> None:
    (creator,) = await new_users(stores, 1)
    event = await new_event(stores, creator)
    assert (event.description, event.location) == (None, None)
    assert [tuple(one) for one in event.participants] == [(creator, True, 0)]


async def test_a_stranger_sees_no_event_and_nobody_one_that_is_not_there(stores: AsyncStores) -> None:
    creator, stranger = await new_users(stores, 2)
    event = await new_event(stores, creator)
    for reader, event_id in ((stranger, event.id), (creator, 2**62)):
        async with as_user(stores.postgres, reader) as connection:
            with pytest.raises(NotThere):
                await events.get(connection, event_id)


async def test_a_pooled_connection_remembers_nobody(stores: AsyncStores) -> None:
    (creator,) = await new_users(stores, 1)
    event = await new_event(stores, creator)
    for _ in range(20):
        async with as_user(stores.postgres, creator) as connection:
            await events.get(connection, event.id)
        async with stores.postgres.connection() as connection:
            with pytest.raises(NotThere):
                await events.get(connection, event.id)


async def test_nobody_makes_an_event_in_anothers_name(stores: AsyncStores, own_stores: Own) -> None:
    creator, other = await new_users(stores, 2)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with as_user(stores.postgres, other) as connection:
            await connection.execute(
                events.INSERT_EVENT, ("컷", None, "2099-01-01T10:00Z", "2099-01-01T11:00Z", None, creator, 0, None)
            )
    assert own_stores.sql("SELECT count(*) FROM events WHERE creator_id = %s", creator) == [(0,)]


async def test_first_participants_are_let_in_once_and_by_the_creator_alone(stores: AsyncStores) -> None:
    creator, other = await new_users(stores, 2)
    event = await new_event(stores, creator)
    for actor in (creator, other):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with as_user(stores.postgres, actor) as connection:
                await connection.execute(events.ADD_FIRST_PARTICIPANTS, (event.id, [other]))


async def test_what_is_to_come_is_read_by_one_statement_however_much_it_is(
    stores: AsyncStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    creator, *others = await new_users(stores, 4)
    made = [(await new_event(stores, creator, *others)).id for _ in range(12)]
    statements: list[object] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, *more: Any, **options: Any) -> Any:
        statements.append(query)
        return await execute(self, query, *more, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    found = await events.upcoming(stores.postgres, others[0])
    assert [(event.id, len(event.participants)) for event in found] == [(event_id, 4) for event_id in made]
    assert [query for query in statements if query not in (ALIVE, SET_CURRENT_USER)] == [events.SELECT_UPCOMING]


async def test_no_function_is_called_for_each_row_that_is_looked_at_for_what_is_to_come(stores: AsyncStores) -> None:
    """It made 5,000 events of others cost 20 ms."""
    (user,) = await new_users(stores, 1)
    async with as_user(stores.postgres, user) as connection:
        cursor = await connection.execute(f"EXPLAIN {events.SELECT_UPCOMING}", (events.UPCOMING_MAX, user))
        plan = "\n".join(row[0] for row in await cursor.fetchall())
    assert "idx_participants_upcoming" in plan, plan
    assert re.search(r"Index Cond: \(\(user_id = u\.id\) AND \(start_time >= now\(\)\)\)", plan), plan
    assert "takes_part" not in plan


async def test_a_participants_start_is_its_events_whoever_writes_it(own: Own, stores: AsyncStores) -> None:
    """By this copy a user's next events are found. It follows even when the entries of participants are gone."""
    copies = "SELECT DISTINCT start_time FROM event_participants WHERE event_id = %s"
    creator, friend = await new_users(stores, 2)
    event = await new_event(stores, creator, friend)
    own.sql("UPDATE event_participants SET start_time = '2000-01-01' WHERE event_id = %s", event.id)
    assert own.sql(copies, event.id) == [(event.start_time,)]
    with own.stores.postgres.connection() as connection:
        forget(connection, event.id)
    asked = EventChange(actor_id=creator, start_time=event.start_time - timedelta(hours=1))
    moved = await change(stores, event.id, creator, lambda now: edit(now, asked, datetime.now(UTC)))
    assert own.sql(copies, event.id) == [(moved.start_time,)]
    assert moved.start_time == asked.start_time
