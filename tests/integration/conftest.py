"""What the tests of stores and commands share."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from local.stack import Stack
from stores import consumer_group
from stores.connections import AsyncStores
from tests.integration.as_ingest import stores_of_ingest
from tests.integration.own import Own, empty, own_place


@pytest.fixture(autouse=True)
def _end_drains_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain waits half a second for more before it ends; here nobody sends more meanwhile."""
    monkeypatch.setattr(consumer_group, "BLOCK_MS", 1)


@pytest.fixture(scope="session")
def own_stores(stack: Stack) -> Iterator[Own]:
    with own_place(stack.env) as made:
        yield made


@pytest.fixture
def own(own_stores: Own) -> Own:
    """A database, a keyspace and a journal that no worker of the stack looks at, without dead letters and clients."""
    empty(own_stores)
    return own_stores


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stores(own_stores: Own) -> AsyncIterator[AsyncStores]:
    """The stores of the same place, as ingest has them."""
    async with stores_of_ingest(own_stores) as made:
        yield made


@pytest.fixture
def cut_short(stores: AsyncStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of ScyllaDB's that was cut where it had 1 MiB: the local engine cuts none, and is asked for few rows."""
    session = stores.scylla._session
    assert session is not None
    execute = session.execute_async

    def few(bound: Any) -> Any:
        bound.fetch_size = 3
        return execute(bound)

    monkeypatch.setattr(session, "execute_async", few)
