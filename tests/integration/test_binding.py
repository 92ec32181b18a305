"""stores.binding: our packers make the bytes that the driver's own make, for every column that a drain writes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cassandra.query import UNSET_VALUE
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.message import INT8_MAX
from stores import messages, registers
from stores.binding import Prepared
from tests.integration.own import Own

STATEMENTS = [
    messages.INSERT_MESSAGE,
    messages.INSERT_STUB,
    messages.INSERT_ACTIVITY,
    messages.EDIT_MESSAGE,
    messages.REACT_TO_MESSAGE,
    messages.INSERT_REACTION,
    registers.ADVANCE_HEAD,
    registers.ADVANCE_READ_SEQ,
]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
MS = st.integers(0, 4_000_000_000_000)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-INT8_MAX - 1, INT8_MAX),
    "int": st.integers(-(2**31), 2**31 - 1),
    "timestamp": MS | MS.map(lambda ms: datetime.fromtimestamp(ms / 1_000, UTC)),
    "uuid": st.uuids(),
    "varchar": TEXTS,
    "list<varchar>": st.lists(TEXTS, max_size=4) | st.lists(TEXTS, max_size=4).map(tuple),
    "map<varchar, varchar>": st.dictionaries(TEXTS, TEXTS, max_size=4),
}


@pytest.mark.parametrize("cql", STATEMENTS, ids=lambda cql: " ".join(cql.split()[:3]))
def test_values_are_bound_to_the_bytes_that_the_driver_makes(own_stores: Own, cql: str) -> None:
    prepared = own_stores.stores.scylla.prepared(cql)
    types = [column.type.cql_parameterized_type() for column in prepared.statement.column_metadata]

    keys = set(prepared.statement.routing_key_indexes or ())
    of_each = [
        VALUES[one] if place in keys else VALUES[one] | st.none() | st.just(UNSET_VALUE)
        for place, one in enumerate(types)
    ]

    @settings(max_examples=50)
    @given(st.tuples(*of_each))
    def alike(values: tuple[object, ...]) -> None:
        assert prepared.bind(values).values == prepared.statement.bind(values).values

    alike()


def test_a_type_that_no_packer_knows_is_packed_by_the_driver(own_stores: Own) -> None:
    prepared = Prepared(
        own_stores.stores.scylla._session.prepare(
            "SELECT key FROM system.local WHERE key = ? AND listen_address = ? ALLOW FILTERING"
        )
    )
    assert prepared.bind(["local", "127.0.0.1"]).values == [b"local", bytes([127, 0, 0, 1])]
