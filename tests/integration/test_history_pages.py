"""stores.history_pages: an event's history from ScyllaDB, newest first."""

from collections.abc import Iterator

import pytest

from domain.history import Entry
from domain.history_verify import FaultKind, verify
from local.stack import Stack
from stores import history_pages
from stores.connections import AsyncStores
from tests.histories import created, entries_of, whole
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
    assert await history_pages.before(stores.scylla, event_id, 16, 10) == newest_first[10:20]
    assert await history_pages.before(stores.scylla, event_id, 6, 10) == newest_first[20:]
    assert await history_pages.before(stores.scylla, event_id, 1, 10) == []
    assert await history_pages.newest(stores.scylla, unused_event(), 10) == []


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
