"""stores.history_pages: an event's history from ScyllaDB, newest first."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from domain.history import GENESIS, Entry, made_at_ms
from domain.history_verify import FaultKind, verify
from local.stack import Stack
from stores import history_pages
from stores.connections import AsyncStores
from tests.histories import BEGAN, created, entries_of, entry_of, whole
from tests.integration.as_ingest import unused_event
from tests.integration.own import Own, own_place

pytestmark = pytest.mark.asyncio(loop_scope="module")
INSERT = f"INSERT INTO event_history ({history_pages.COLUMNS}) VALUES ({', '.join('?' * len(Entry.__struct_fields__))})"


@pytest.fixture(scope="module")
def own_stores(stack: Stack) -> Iterator[Own]:
    """A place of this module's own: its histories have ids that others may have, too."""
    with own_place(stack.env) as made:
        yield made


def put(own: Own, entries: list[Entry]) -> None:
    """As a relay would."""
    rows = [[getattr(entry, name) for name in Entry.__struct_fields__] for entry in entries]
    list(own.stores.scylla.read_many(INSERT, rows))


async def test_pages_are_newest_first_and_meet_without_gap_or_repeat(stores: AsyncStores, own_stores: Own) -> None:
    event_id = unused_event()
    entries = entries_of([created()] * 25, event_id)
    put(own_stores, entries)
    newest_first = list(reversed(entries))
    assert await history_pages.newest(stores.scylla, event_id, 10) == newest_first[:10]
    assert await history_pages.before(stores.scylla, event_id, newest_first[9].change_id, 10) == newest_first[10:20]
    assert await history_pages.before(stores.scylla, event_id, newest_first[19].change_id, 10) == newest_first[20:]
    assert await history_pages.before(stores.scylla, event_id, newest_first[24].change_id, 10) == []
    assert await history_pages.newest(stores.scylla, unused_event(), 10) == []


async def test_every_page_is_full_though_entries_share_a_time(stores: AsyncStores, own_stores: Own) -> None:
    """Those of one change do."""
    event_id = unused_event()
    entries: list[Entry] = []
    for seq in range(1, 101):
        prev = entries[-1].entry_hash if entries else GENESIS
        entries.append(entry_of(created(), event_id, seq, prev, 11, BEGAN + timedelta(milliseconds=(seq - 1) // 9)))
    put(own_stores, entries)
    pages = [await history_pages.newest(stores.scylla, event_id, 7)]
    while len(pages[-1]) == 7:
        pages.append(await history_pages.before(stores.scylla, event_id, pages[-1][-1].change_id, 7))
    assert [entry.chain_seq for page in pages for entry in page] == list(range(100, 0, -1))
    assert [len(page) for page in pages] == [7] * 14 + [2]


@pytest.mark.usefixtures("cut_short")
async def test_a_page_that_scylladb_cuts_short_is_read_on_until_it_is_full(
    stores: AsyncStores, own_stores: Own
) -> None:
    event_id = unused_event()
    entries = entries_of([created()] * 20, event_id)
    put(own_stores, entries)
    assert await history_pages.newest(stores.scylla, event_id, 10) == entries[:9:-1]
    assert await history_pages.before(stores.scylla, event_id, entries[10].change_id, 11) == entries[9::-1]


@pytest.mark.parametrize("altered", ["NULL", "1", "1000"])
async def test_a_page_goes_by_keys_alone_whatever_stands_in_the_rows(
    stores: AsyncStores, own_stores: Own, altered: str
) -> None:
    """P6. So no row before it is looked at, and none on it hidden: ScyllaDB's own filling of what it filters is not
    that of the local engine."""
    assert "FILTERING" not in history_pages.SELECT_BEFORE
    event_id = unused_event()
    entries = entries_of([created()] * 30, event_id)
    put(own_stores, entries)
    for entry in entries[::3]:
        own_stores.cql(
            f"UPDATE event_history SET chain_seq = {altered} WHERE event_id = {event_id}"
            f" AND changed_at = {made_at_ms(entry.change_id)} AND change_id = {entry.change_id}"
        )
    page = await history_pages.before(stores.scylla, event_id, entries[20].change_id, 10)
    assert [entry.change_id for entry in page] == [entry.change_id for entry in reversed(entries[10:20])]


async def test_what_was_stored_is_read_back_whole(stores: AsyncStores, own_stores: Own) -> None:
    """P6. Times, texts, maps and nulls survive both stores."""
    entries, event = whole()
    put(own_stores, entries)
    found = await history_pages.newest(stores.scylla, event.id, 100)
    assert verify(reversed(found), event) == []
    assert found == list(reversed(entries))


@pytest.mark.parametrize("column", ["hashed_bytes", "entry_hash", "prev_hash", "chain_seq", "change_type", "salts"])
async def test_a_cell_that_was_taken_away_is_a_fault_and_no_crash(
    stores: AsyncStores, own_stores: Own, column: str
) -> None:
    """P6."""
    entries, event = whole()
    put(own_stores, entries)
    third = entries[2]
    own_stores.stores.scylla._session.execute(
        f"UPDATE event_history SET {column} = NULL WHERE event_id = %s AND changed_at = %s AND change_id = %s",
        (third.event_id, third.changed_at, third.change_id),
    )
    found = await history_pages.newest(stores.scylla, event.id, 100)
    (fault,) = verify(reversed(found), event)
    assert fault.chain_seq == 3
    assert fault.kind is (FaultKind.ALTERED_BYTES if column == "hashed_bytes" else FaultKind.ALTERED_COLUMN)
