"""stores.unread: a user's events with what they have not read, from registers (P4)."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import AsyncCursor
from psycopg_pool import AsyncConnectionPool

from domain.entries import Placed
from domain.errors import NotThere
from domain.operations import Read
from stores import unread as unread_store
from stores.connections import AsyncStores
from stores.registers import head_rows, mark_rows
from stores.row_security import SET_CURRENT_USER
from stores.scylla_async import AsyncScylla
from stores.unread import SELECT_HEADS, SELECT_MARKS, SELECT_MY_EVENTS, unread
from tests.integration.as_ingest import let_in, new_event, new_users, placed
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")
LAST = 2**63 - 1
AT_MS = 1_795_557_600_123


def say(own: Own, event_id: int, *seqs: int) -> None:
    """The event's head, as messages with these seqs raise it, in this order."""
    for seq in seqs:
        write(own, head_rows, [placed(event_id, seq, AT_MS)])


def mark(own: Own, event_id: int, user_id: int, *seqs: int) -> None:
    for seq in seqs:
        write(own, mark_rows, [Placed(Read(event_id, user_id, seq), AT_MS * 1_000 + seq, 0, "")])


def write(own: Own, rows_of: Any, operations: Iterable[Placed[Any]]) -> None:
    rows, _ = own.stores.scylla.bind(operations, rows_of)
    assert own.stores.scylla.write(rows) == []


async def counts(stores: AsyncStores, user_id: int, before: int = LAST, limit: int = 100) -> list[tuple[int, int]]:
    found = await unread(stores.postgres, stores.scylla, user_id, before, limit)
    return [(one.event_id, one.unread_count) for one in found]


async def test_counts_come_from_the_head_the_mark_and_the_joining_newest_event_first(
    stores: AsyncStores, own_stores: Own
) -> None:
    creator, late = await new_users(stores, 2)
    made = [await new_event(stores, creator) for _ in range(5)]
    events = [event.id for event in made]
    for event, joined_seq, last_seq, read_seq in (
        (made[0], 0, 0, 0),
        (made[1], 0, 9, 0),
        (made[2], 4, 9, 0),
        (made[3], 4, 9, 7),
        (made[4], 4, 9, 2),
    ):
        await let_in(stores, event, late, joined_seq)
        if last_seq:
            say(own_stores, event.id, last_seq)
        if read_seq:
            mark(own_stores, event.id, late, read_seq)
    newest_first = list(zip(reversed(events), (5, 2, 5, 9, 0), strict=True))
    assert await counts(stores, late) == newest_first


async def test_registers_never_go_back_in_whatever_order_they_are_written(stores: AsyncStores, own_stores: Own) -> None:
    (user,) = await new_users(stores, 1)
    event_id = (await new_event(stores, user)).id
    say(own_stores, event_id, 7, 9, 3, 9, 8)
    mark(own_stores, event_id, user, 2, 6, 1, 6, 5)
    assert await counts(stores, user) == [(event_id, 3)]
    mark(own_stores, event_id, user, 12)
    assert await counts(stores, user) == [(event_id, 0)], "never below 0"


async def test_when_a_user_last_read_is_told_in_utc(stores: AsyncStores, own_stores: Own) -> None:
    (user,) = await new_users(stores, 1)
    read, unmarked = (await new_event(stores, user)).id, (await new_event(stores, user)).id
    mark(own_stores, read, user, 3)
    found = await unread(stores.postgres, stores.scylla, user, LAST, 10)
    assert [(one.event_id, one.last_read_at) for one in found if one.event_id == unmarked] == [(unmarked, None)]
    (at,) = [one.last_read_at for one in found if one.event_id == read]
    assert at == datetime.fromtimestamp(AT_MS / 1_000, UTC)


async def test_pages_go_on_before_an_event(stores: AsyncStores) -> None:
    (user,) = await new_users(stores, 1)
    events = [(await new_event(stores, user)).id for _ in range(7)][::-1]
    assert [event for event, _ in await counts(stores, user)] == events
    found: list[int] = []
    before = LAST
    while page := await counts(stores, user, before, 3):
        found += [event for event, _ in page]
        before = found[-1]
        assert len(found) <= len(events)
    assert found == events
    assert await counts(stores, user, events[-1], 3) == []


async def test_others_events_do_not_count(stores: AsyncStores, own_stores: Own) -> None:
    creator, stranger = await new_users(stores, 2)
    say(own_stores, (await new_event(stores, creator)).id, 5)
    assert await counts(stores, stranger) == []


async def test_a_user_who_is_not_there_or_deleted_is_not_there(stores: AsyncStores, own_stores: Own) -> None:
    (gone,) = await new_users(stores, 1)
    await new_event(stores, gone)
    own_stores.sql("UPDATE users SET deleted_at = now() WHERE id = %s", gone)
    for user_id in (gone, LAST):
        with pytest.raises(NotThere):
            await counts(stores, user_id)


class CountingScylla(AsyncScylla):
    """Remembers what it was asked."""

    asked: list[str]

    async def execute(self, cql: str, parameters: Sequence[object], rows_max: int = 100) -> list[tuple[Any, ...]]:
        self.asked.append(cql)
        return await super().execute(cql, parameters, rows_max)


class CountingCursor(AsyncCursor[Any]):
    """Remembers what it was asked."""

    asked: list[object]

    async def execute(self, query: Any, *arguments: Any, **more: Any) -> "CountingCursor":
        self.asked.append(query)
        await super().execute(query, *arguments, **more)
        return self


@asynccontextmanager
async def counting(own: Own) -> AsyncIterator[tuple[AsyncConnectionPool, CountingScylla]]:
    CountingCursor.asked = []
    scylla = CountingScylla(own.stores._addresses.scylla_contact_points, own.stores._addresses.scylla_keyspace)
    scylla.asked = []
    scylla.start()
    await scylla.wait_connected(30)
    url = own.env["TIMINGLE_POSTGRES_API_URL"]
    async with AsyncConnectionPool(url, min_size=1, open=False, kwargs={"cursor_factory": CountingCursor}) as pool:
        yield pool, scylla
    await scylla.close()


async def test_the_users_events_their_marks_and_their_heads_are_a_statement_each(
    stores: AsyncStores, own_stores: Own
) -> None:
    (user,) = await new_users(stores, 1)
    events = [(await new_event(stores, user)).id for _ in range(20)]
    async with counting(own_stores) as (pool, scylla):
        assert len(await unread(pool, scylla, user, LAST, 100)) == len(events)
        assert CountingCursor.asked == [SET_CURRENT_USER, SELECT_MY_EVENTS]
        assert scylla.asked == [SELECT_MARKS, SELECT_HEADS]


async def test_more_events_than_one_statement_may_name_are_all_counted(
    stores: AsyncStores, own_stores: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ScyllaDB refuses a longer list; Cassandra, which stands in for it here, does not."""
    (user,) = await new_users(stores, 1)
    events = [(await new_event(stores, user)).id for _ in range(7)]
    for n, event_id in enumerate(events):
        say(own_stores, event_id, 10 + n)
        mark(own_stores, event_id, user, n)
    monkeypatch.setattr(unread_store, "IN_EVENTS_MAX", 3)
    async with counting(own_stores) as (pool, scylla):
        found = await unread(pool, scylla, user, LAST, 100)
        assert [(one.event_id, one.unread_count) for one in found] == [(event_id, 10) for event_id in events[::-1]]
        assert sorted(scylla.asked) == sorted([SELECT_MARKS, SELECT_HEADS] * 3)
