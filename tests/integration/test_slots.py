"""stores.slots: what is listed and by which index, and that a slot is had by one at a time."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from domain.errors import Conflict, NotThere
from domain.slot import NewSlot, Slot, booking
from stores import events, slots
from stores.connections import AsyncStores
from stores.row_security import act_as, as_user
from tests.integration.as_ingest import ORIGIN, new_user, new_users
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


@pytest.fixture
def region() -> str:
    """Where no other test looks."""
    return f"구 {uuid4().hex}"


async def new_slot(stores: AsyncStores, business: int, **more: Any) -> Slot:
    async with stores.postgres.connection() as connection:
        asked = {"business_user_id": business, "service_type": "컷", "start_time": TOMORROW, **more}
        return await slots.create(connection, NewSlot(**asked))


async def business(stores: AsyncStores, region: str | None = None) -> int:
    return (await new_user(stores, role="BUSINESS", region=region)).id


async def take(stores: AsyncStores, slot_id: int) -> Slot:
    async with stores.postgres.connection() as connection:
        return await slots.take(connection, slot_id)


async def book(stores: AsyncStores, slot: Slot, actor: int) -> int:
    """The event's id; the slot itself is left as it is."""
    async with as_user(stores.postgres, actor) as connection:
        return (await events.create(connection, booking(slot, actor), 0, ORIGIN, slot.id)).id


async def test_a_slot_is_kept_as_given(stores: AsyncStores, region: str) -> None:
    owner = await business(stores)
    given: dict[str, Any] = {
        "title": "봄맞이 컷", "description": "한 시간", "duration_minutes": 90, "price": Decimal("35000.50"),
        "region": region,
    }  # fmt: skip
    slot = await new_slot(stores, owner, **given)
    assert {name: getattr(slot, name) for name in given} == given
    assert (slot.business_user_id, slot.start_time, slot.is_available) == (owner, TOMORROW, True)
    async with stores.postgres.connection() as connection:
        assert await slots.lock(connection, slot.id) == slot
        with pytest.raises(NotThere):
            await slots.lock(connection, 2**62)


async def test_without_a_region_it_is_where_its_business_is(stores: AsyncStores, region: str) -> None:
    owner = await business(stores, region)
    bare = await new_slot(stores, owner)
    assert (bare.region, bare.duration_minutes, bare.price, bare.title, bare.description) == (region, 60, *[None] * 3)
    assert (await new_slot(stores, await business(stores))).region is None


async def test_the_next_fifty_that_can_be_booked_are_listed_by_their_start(
    stores: AsyncStores, own_stores: Own, region: str
) -> None:
    owner, idle, gone = [await business(stores, region) for _ in range(3)]
    made = [await new_slot(stores, owner, start_time=TOMORROW + timedelta(hours=n * 7 % 53)) for n in range(53)]
    hidden = [await new_slot(stores, of) for of in (owner, owner, idle, gone)]
    await new_slot(stores, owner, region="elsewhere")
    await take(stores, hidden[0].id)
    own_stores.sql("UPDATE open_slots SET start_time = now() - interval '1 second' WHERE id = %s", hidden[1].id)
    own_stores.sql("UPDATE users SET is_active = FALSE WHERE id = %s", idle)
    own_stores.sql("UPDATE users SET deleted_at = now() WHERE id = %s", gone)
    listed = await slots.available(stores.postgres, region)
    assert listed == sorted(made, key=lambda slot: slot.start_time)[:50]
    assert await slots.available(stores.postgres, "") == []


async def test_slots_are_listed_by_the_index_of_those_that_can_be_booked(stores: AsyncStores, own_stores: Own) -> None:
    owner = await business(stores)
    with own_stores.stores.postgres.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            """INSERT INTO open_slots (business_user_id, service_type, start_time, region, is_available)
            SELECT %s, '컷', now() + (random() - 0.5) * interval '60 days', 'r' || n %% 200, n %% 10 > 0
            FROM generate_series(1, 20000) AS n""",
            (owner,),
        )
        connection.execute("ANALYZE open_slots, users")
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + slots.SELECT_AVAILABLE, ("r7", 50)))
    assert "idx_slots_region_time" in plan, plan
    assert "Seq Scan on open_slots" not in plan


async def test_of_many_who_take_a_slot_at_once_one_does(stores: AsyncStores, own_stores: Own) -> None:
    slot = await new_slot(stores, await business(stores))
    ends = await asyncio.gather(*(take(stores, slot.id) for _ in range(20)), return_exceptions=True)
    assert [end.is_available for end in ends if isinstance(end, Slot)] == [False]
    assert [type(end) for end in ends if not isinstance(end, Slot)] == [Conflict] * 19


async def test_what_is_over_or_not_there_is_not_taken(stores: AsyncStores, own_stores: Own) -> None:
    slot = await new_slot(stores, await business(stores))
    own_stores.sql("UPDATE open_slots SET start_time = now() WHERE id = %s", slot.id)
    with pytest.raises(Conflict):
        await take(stores, slot.id)
    with pytest.raises(NotThere):
        await take(stores, 2**62)
    assert own_stores.sql("SELECT is_available FROM open_slots WHERE id = %s", slot.id) == [(True,)]


async def test_a_slot_is_of_one_living_event_whoever_writes(stores: AsyncStores, own_stores: Own) -> None:
    slot = await new_slot(stores, await business(stores))
    (booker,) = await new_users(stores, 1)
    event_id = await book(stores, slot, booker)
    with pytest.raises(psycopg.errors.UniqueViolation, match="idx_events_open_slot"):
        own_stores.sql(
            """INSERT INTO events (title, start_time, end_time, creator_id, open_slot_id)
            SELECT title, start_time, end_time, creator_id, open_slot_id FROM events WHERE id = %s""",
            event_id,
        )


async def test_a_slot_is_known_as_booked_to_whoever_takes_no_part_in_its_event(stores: AsyncStores) -> None:
    slot, other = [await new_slot(stores, await business(stores)) for _ in range(2)]
    booker, stranger = await new_users(stores, 2)
    await book(stores, slot, booker)
    async with stores.postgres.connection() as connection:
        await act_as(connection, stranger)
        assert [await slots.is_booked(connection, one.id) for one in (slot, other)] == [True, False]


async def test_ingest_makes_no_slot_another_businesss(stores: AsyncStores) -> None:
    owner, other = [await business(stores) for _ in range(2)]
    slot = await new_slot(stores, owner)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with stores.postgres.connection() as connection:
            await connection.execute("UPDATE open_slots SET business_user_id = %s WHERE id = %s", (other, slot.id))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with stores.postgres.connection() as connection:
            await connection.execute("DELETE FROM open_slots WHERE id = %s", (slot.id,))


async def test_only_an_active_business_offers_slots_and_only_where_somebody_lives(
    stores: AsyncStores, own_stores: Own, region: str
) -> None:
    owner, idle, gone = [await business(stores) for _ in range(3)]
    user = await new_user(stores, region=region)
    own_stores.sql("UPDATE users SET is_active = FALSE WHERE id = %s", idle)
    own_stores.sql("UPDATE users SET deleted_at = now() WHERE id = %s", gone)
    async with stores.postgres.connection() as connection:
        found = [await slots.is_business(connection, one) for one in (owner, user.id, idle, gone, 2**62)]
        assert found == [True, False, False, False, False]
        assert [await slots.is_region(connection, one) for one in (region, region + "x", "")] == [True, False, False]
    own_stores.sql("UPDATE users SET deleted_at = now() WHERE id = %s", user.id)
    async with stores.postgres.connection() as connection:
        assert not await slots.is_region(connection, region)
