"""stores.participants: how users stand to events, many in one statement."""

import pytest

from stores.connections import AsyncStores
from stores.participants import Standing, standings
from tests.integration.as_ingest import let_in, new_event, new_user, new_users
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOWHERE = 2**62


async def test_taking_part_is_told_apart_from_not_and_from_not_there(stores: AsyncStores) -> None:
    creator, friend, stranger = await new_users(stores, 3)
    event = (await new_event(stores, creator, friend)).id
    pairs = [(event, creator), (event, friend), (event, stranger), (event, NOWHERE), (NOWHERE, creator), (0, 0)]
    found = await standings(stores.postgres, pairs)
    assert [(s.event_id, s.user_id) for s in found] == pairs
    assert [(s.event_exists, s.takes_part, s.is_active) for s in found] == [
        (True, True, True),
        (True, True, True),
        (True, False, True),
        (True, False, False),
        (False, False, True),
        (False, False, False),
    ]
    assert [s.journal for s in found] == [0, 0, 0, 0, None, None]
    assert [s.joined_seq for s in found] == [0, 0, None, None, None, None]


async def test_a_message_shows_the_display_name_else_the_name_else_none(stores: AsyncStores) -> None:
    picture = "https://salon.example/me.png"
    people = [
        (await new_user(stores, name="박민지", display_name="민지", profile_image_url=picture)).id,
        (await new_user(stores, name="이도현")).id,
        (await new_user(stores)).id,
    ]
    event = (await new_event(stores, *people)).id
    found = await standings(stores.postgres, [(event, user) for user in people])
    assert [(s.name, s.picture) for s in found] == [("민지", picture), ("이도현", None), ("", None)]


@pytest.mark.parametrize("gone", ["is_active = FALSE", "deleted_at = now()"])
async def test_who_is_gone_or_inactive_takes_part_still_but_is_not_active(
    stores: AsyncStores, own_stores: Own, gone: str
) -> None:
    creator, friend = await new_users(stores, 2)
    event = (await new_event(stores, creator, friend)).id
    own_stores.sql(f"UPDATE users SET {gone} WHERE id = %s", friend)
    (found,) = await standings(stores.postgres, [(event, friend)])
    assert (found.takes_part, found.is_active) == (True, False)


async def test_the_seq_that_a_user_joined_at_is_told(stores: AsyncStores) -> None:
    creator, late = await new_users(stores, 2)
    event = await let_in(stores, await new_event(stores, creator), late, 41)
    (found,) = await standings(stores.postgres, [(event.id, late)])
    assert (found.takes_part, found.joined_seq) == (True, 41)


async def test_a_thousand_pairs_come_in_their_order_twice_if_asked_twice(stores: AsyncStores) -> None:
    creator, friend = await new_users(stores, 2)
    events = [(await new_event(stores, creator, friend)).id for _ in range(5)]
    pairs = [(events[n % 5], (creator, friend, NOWHERE)[n % 3]) for n in range(1_000)]
    found: list[Standing] = await standings(stores.postgres, pairs)
    assert [(s.event_id, s.user_id) for s in found] == pairs
    assert [s.takes_part for s in found] == [user != NOWHERE for _, user in pairs]
