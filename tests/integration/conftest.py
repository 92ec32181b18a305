"""What the tests of stores and commands share."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.integration.own import Own, empty, own_place


@pytest.fixture(scope="session")
def own_stores(stack: Stack) -> Iterator[Own]:
    with own_place(stack.env) as made:
        yield made


@pytest.fixture
def own(own_stores: Own) -> Own:
    """A database, a keyspace and a journal that no worker of the stack looks at, without dead letters and clients."""
    empty(own_stores)
    return own_stores
