"""stores.typing_indicators: who types, for ten seconds."""

import asyncio

import pytest

from stores import typing_indicators
from stores.connections import AsyncStores
from stores.typing_indicators import TYPISTS_MAX
from tests.integration.as_ingest import unused_event
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")
FORGOTTEN_AFTER_S = 10
SELECT_LEFT = "SELECT user_id, TTL(started_at) FROM typing_indicators WHERE event_id = ?"


async def test_each_event_has_its_own_typists_and_each_of_them_once(stores: AsyncStores) -> None:
    here, there = unused_event(), unused_event()
    for event_id, user_id in ((here, 2), (here, 1), (there, 3), (here, 2), (here, 2**63 - 1)):
        await typing_indicators.note(stores.scylla, event_id, user_id)
    assert await typing_indicators.who(stores.scylla, here) == [1, 2, 2**63 - 1]
    assert await typing_indicators.who(stores.scylla, there) == [3]
    assert await typing_indicators.who(stores.scylla, unused_event()) == []


async def test_a_note_lives_for_ten_seconds(stores: AsyncStores, own_stores: Own) -> None:
    """That it is gone then is seen by HTTP."""
    event_id = unused_event()
    await typing_indicators.note(stores.scylla, event_id, 1)
    (rows,) = own_stores.stores.scylla.read_many(SELECT_LEFT, [(event_id,)])
    ((user_id, left_s),) = rows
    assert user_id == 1
    assert FORGOTTEN_AFTER_S - 5 < left_s <= FORGOTTEN_AFTER_S


async def test_no_more_typists_are_read_than_anybody_would_show(stores: AsyncStores) -> None:
    event_id = unused_event()
    notes = (typing_indicators.note(stores.scylla, event_id, user_id) for user_id in range(1, TYPISTS_MAX + 6))
    await asyncio.gather(*notes)
    assert await typing_indicators.who(stores.scylla, event_id) == list(range(1, TYPISTS_MAX + 1))
