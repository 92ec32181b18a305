"""stores.pages: an event's messages across partitions of 5,000, without ghosts; a user's messages across years."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.entries import Placed
from domain.ids import BUCKET_MESSAGES, MessageId, year_of
from domain.operations import Create, Delete, Edit
from domain.plan import Found
from stores import messages, pages
from stores.connections import AsyncStores
from stores.pages import StoredMessage
from tests.integration.as_ingest import placed, store, unused_event
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOON_MS = 1_921_406_400_000
"""A moment in November 2030: a column that a test drops and adds again hides what was written before its drop."""
EDGE = BUCKET_MESSAGES


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, UTC)


def seqs(found: list[StoredMessage]) -> list[int]:
    return [message.seq for message in found]


def said(event_id: int, seqs: list[int], every_ms: int = 10) -> list[Placed[Create]]:
    """Messages with these seqs, so many milliseconds apart by seq."""
    return [placed(event_id, seq, NOON_MS + seq * every_ms) for seq in seqs]


def leave_ghost(own: Own, event_id: int, seq: int, every_ms: int = 10) -> MessageId:
    """What an edit writes whose message is gone."""
    (create,) = said(event_id, [seq], every_ms)
    named = MessageId(create.version, seq, create.operation.random)
    edit = Placed(Edit(event_id, named.uuid, 7, "유령"), create.version + 1_000_000, 0, "")
    rows, _ = own.stores.scylla.bind([edit], messages.change_rows)
    assert own.stores.scylla.write(rows) == []
    return named


class Edgy:
    """An event whose stored messages lie on both sides of the two edges between three partitions."""

    def __init__(self, own: Own) -> None:
        self.event_id = unused_event()
        self.seqs = [*range(EDGE - 12, EDGE + 13), *range(2 * EDGE - 3, 2 * EDGE + 4)]
        self.ids = dict(zip(self.seqs, store(own, said(self.event_id, self.seqs)), strict=True))


@pytest.fixture(scope="module")
def edgy(own_stores: Own) -> Edgy:
    return Edgy(own_stores)


async def test_the_head_is_the_highest_seq_and_0_without_any(stores: AsyncStores, edgy: Edgy) -> None:
    assert await pages.head(stores.scylla, edgy.event_id) == edgy.seqs[-1]
    assert await pages.head(stores.scylla, unused_event()) == 0


async def test_a_message_is_found_by_its_id_in_its_own_event_only(
    stores: AsyncStores, own_stores: Own, edgy: Edgy
) -> None:
    for seq in (EDGE, EDGE + 1):
        assert await pages.find(stores.scylla, edgy.event_id, edgy.ids[seq]) == Found(seq, 7)
        assert await pages.find(stores.scylla, unused_event(), edgy.ids[seq]) is None
    ghost = leave_ghost(own_stores, edgy.event_id, EDGE - 200)
    assert await pages.find(stores.scylla, edgy.event_id, ghost) is None
    event_id = unused_event()
    (system,) = store(own_stores, [placed(event_id, 1, NOON_MS, sender_id=None)])
    assert await pages.find(stores.scylla, event_id, system) == Found(1, None)


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 12, 100])
async def test_newest_and_before_walk_down_through_every_partition(stores: AsyncStores, edgy: Edgy, limit: int) -> None:
    page = await pages.newest(stores.scylla, edgy.event_id, limit)
    found = seqs(page)
    while page:
        page = await pages.before(stores.scylla, edgy.event_id, edgy.ids[found[-1]], limit)
        assert len(page) == min(limit, len(edgy.seqs) - len(found)), "a page is full until the end"
        found += seqs(page)
    assert found == edgy.seqs[::-1]


@pytest.mark.usefixtures("cut_short")
async def test_no_message_is_passed_over_where_scylladb_cuts_a_page_short(stores: AsyncStores, edgy: Edgy) -> None:
    """P3. A short page is not the end of a partition."""
    assert seqs(await pages.newest(stores.scylla, edgy.event_id, 100)) == edgy.seqs[::-1]
    assert seqs(await pages.after(stores.scylla, edgy.event_id, edgy.ids[edgy.seqs[0]], 100)) == edgy.seqs[1:]


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 12, 100])
async def test_after_walks_up_from_one_partition_into_the_next(stores: AsyncStores, edgy: Edgy, limit: int) -> None:
    found = [edgy.seqs[0]]
    while page := await pages.after(stores.scylla, edgy.event_id, edgy.ids[found[-1]], limit):
        assert len(page) == min(limit, len(edgy.seqs) - len(found)), "a page is full until the end"
        found += seqs(page)
    assert found == edgy.seqs


async def test_after_enters_no_partition_before_the_one_below_is_full(stores: AsyncStores, own_stores: Own) -> None:
    """P3. Its last message may still be on its way."""
    event_id = unused_event()
    below = [EDGE - 3, EDGE - 2, EDGE - 1]
    first = store(own_stores, said(event_id, [*below, EDGE + 1, EDGE + 2]))[0]
    assert seqs(await pages.after(stores.scylla, event_id, first, 100)) == below[1:]
    store(own_stores, said(event_id, [EDGE]))
    assert seqs(await pages.after(stores.scylla, event_id, first, 100)) == [*below[1:], EDGE, EDGE + 1, EDGE + 2]


async def test_after_nothing_begins_with_the_first_message(stores: AsyncStores, own_stores: Own) -> None:
    event_id = unused_event()
    assert await pages.after(stores.scylla, event_id, None, 10) == []
    store(own_stores, said(event_id, [1, 2, 3]))
    assert seqs(await pages.after(stores.scylla, event_id, None, 2)) == [1, 2]
    assert seqs(await pages.newest(stores.scylla, unused_event(), 10)) == []


async def test_a_ghost_is_never_shown_and_no_page_is_short_because_of_one(stores: AsyncStores, own_stores: Own) -> None:
    """P5."""
    event_id = unused_event()
    kept = [seq for seq in range(1, 41) if seq % 3 == 0]
    ids = dict(zip(kept, store(own_stores, said(event_id, kept)), strict=True))
    for seq in range(1, 41):
        if seq % 3:
            leave_ghost(own_stores, event_id, seq)
    for limit in (1, 2, 5, 13):
        assert seqs(await pages.newest(stores.scylla, event_id, limit)) == kept[::-1][:limit]
        assert (
            seqs(await pages.before(stores.scylla, event_id, ids[30], limit))
            == [s for s in kept[::-1] if s < 30][:limit]
        )
        assert seqs(await pages.after(stores.scylla, event_id, ids[9], limit)) == [s for s in kept if s > 9][:limit]
        found = await pages.between(stores.scylla, event_id, at(NOON_MS + 100), at(NOON_MS + 300), limit)
        assert seqs(found) == [s for s in kept if 10 <= s <= 30][:limit]


@pytest.mark.parametrize("limit", [1, 5, 100])
async def test_a_time_range_is_found_in_whatever_partitions_it_lies(
    stores: AsyncStores, edgy: Edgy, limit: int
) -> None:
    for first, last in (
        (EDGE - 12, EDGE - 1),
        (EDGE, EDGE + 1),
        (EDGE + 1, EDGE + 5),
        (EDGE - 3, 2 * EDGE + 2),
        (2 * EDGE - 1, 2 * EDGE + 1),
        (2 * EDGE + 3, 3 * EDGE),
        (1, EDGE - 13),
        (3 * EDGE, 4 * EDGE),
    ):
        since, until = at(NOON_MS + first * 10), at(NOON_MS + last * 10)
        found = await pages.between(stores.scylla, edgy.event_id, since, until, limit)
        assert seqs(found) == [s for s in edgy.seqs if first <= s <= last][:limit]
    assert await pages.between(stores.scylla, edgy.event_id, at(NOON_MS + 10**9), at(NOON_MS), 9) == []


async def test_messages_of_one_millisecond_are_all_shown_in_their_order(stores: AsyncStores, own_stores: Own) -> None:
    event_id = unused_event()
    ids = store(own_stores, said(event_id, list(range(1, 31)), every_ms=0))
    found: list[StoredMessage] = []
    cursor: MessageId | None = None
    while page := await pages.after(stores.scylla, event_id, cursor, 7):
        found += page
        assert len(found) <= len(ids)
        cursor = MessageId.of(page[-1].message_id)
    assert [m.message_id for m in found] == [one.uuid for one in ids]
    assert seqs(await pages.between(stores.scylla, event_id, at(NOON_MS), at(NOON_MS), 100)) == list(range(1, 31))


async def test_a_message_is_read_as_it_was_stored(stores: AsyncStores, own_stores: Own) -> None:
    event_id, reply_to = unused_event(), UUID("019ab697-e87b-71c8-8000-04e252345678")
    pictures = ("https://a.example/1", "https://a.example/2")
    create = Create(event_id, 5, 9, "민지", "https://a.example/me", "👋 안녕", "image", pictures, reply_to, {"a": "b"})
    (message,) = store(own_stores, [Placed(create, NOON_MS * 1_000 + 7, 1, "")])
    (found,) = await pages.newest(stores.scylla, event_id, 10)
    assert found == StoredMessage(
        message_id=message.uuid,
        seq=1,
        created_at=at(NOON_MS).replace(tzinfo=None),
        sender_id=9,
        sender_name="민지",
        sender_profile_url="https://a.example/me",
        message="👋 안녕",
        message_type="image",
        attachments=list(pictures),
        reply_to=reply_to,
        edited_at=None,
        is_deleted=False,
        metadata={"a": "b"},
        reactions=None,
    )


class Sender:
    """Somebody who says things at times of one's choice."""

    def __init__(self, own: Own) -> None:
        self._own = own
        self.id = unused_event()
        self.event_id = unused_event()
        self._seq = 0

    def say(self, *moments: datetime) -> list[MessageId]:
        told = []
        for moment in moments:
            self._seq += 1
            told.append(placed(self.event_id, self._seq, int(moment.timestamp() * 1_000), self.id, str(moment)))
        return store(self._own, told)

    def delete(self, message: MessageId) -> None:
        operation = Delete(self.event_id, message.uuid, self.id)
        rows, _ = self._own.stores.scylla.bind([Placed(operation, message.version + 1, 0, "")], messages.change_rows)
        assert self._own.stores.scylla.write(rows) == []


YEARS = [2027, 2026, 2025]


async def test_activity_goes_back_over_the_turn_of_the_year(stores: AsyncStores, own_stores: Own) -> None:
    sender = Sender(own_stores)
    moments = [
        datetime(2025, 6, 1, tzinfo=UTC),
        datetime(2025, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2027, 3, 1, tzinfo=UTC),
    ]
    ids = sender.say(*moments)
    assert [year_of(one.created_at_ms) for one in ids] == [2025, 2025, 2026, 2027]
    newest_first = [one.uuid for one in reversed(ids)]
    for limit in (1, 2, 3, 4, 100):
        found = await pages.activity(stores.scylla, sender.id, YEARS, limit)
        assert [one.message_id for one in found] == newest_first[:limit]
    assert [one.message for one in found] == [str(moment) for moment in reversed(moments)]
    assert [one.event_id for one in found] == [sender.event_id] * 4
    assert [one.message_id for one in await pages.activity(stores.scylla, sender.id, [2026], 9)] == [ids[2].uuid]
    assert await pages.activity(stores.scylla, unused_event(), YEARS, 9) == []


async def test_activity_shows_no_deleted_message_and_is_full_behind_any_number_of_them(
    stores: AsyncStores, own_stores: Own
) -> None:
    """P5. All of one millisecond: the next page begins in the middle of it."""
    sender = Sender(own_stores)
    ids = sender.say(*[datetime(2026, 5, 5, tzinfo=UTC)] * 40)
    for number, message in enumerate(ids):
        if number % 4:
            sender.delete(message)
    kept = [one.uuid for one in ids[::4]][::-1]
    for limit in (1, 3, 10, 40):
        found = await pages.activity(stores.scylla, sender.id, YEARS, limit)
        assert [one.message_id for one in found] == kept[:limit]
