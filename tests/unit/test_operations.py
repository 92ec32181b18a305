"""Operations as bytes: what goes in comes out, and what is none is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.operations import KINDS, Create, Operation, decode, encode
from tests.strategies import creates, operations


@given(st.lists(operations, max_size=5))
def test_operations_come_out_as_they_went_in(group: list[Operation]) -> None:
    assert decode(encode(group)) == group


@given(st.lists(operations, min_size=1, max_size=5))
def test_the_bytes_of_each_joined_behind_a_count_are_the_bytes_of_all(group: list[Operation]) -> None:
    """The journal's function joins what it does not read; 0xdc is an array of 16 bits' length (MessagePack)."""
    joined = b"\xdc" + len(group).to_bytes(2, "big") + b"".join(map(encode, group))
    assert decode(joined) == group


@given(creates, st.randoms())
def test_one_operation_has_one_form_whatever_the_order_of_its_metadata(create: Create, random: object) -> None:
    backwards = dict(reversed(create.metadata.items()))
    assert encode(msgspec.structs.replace(create, metadata=backwards)) == encode(create)


@given(st.lists(operations, min_size=1, max_size=3), st.data())
def test_bytes_that_were_cut_are_refused(group: list[Operation], data: st.DataObject) -> None:
    encoded = encode(group)
    with pytest.raises(msgspec.DecodeError):
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param([[9, 1, 2]], id="another kind"),
        pytest.param([[5, 1, 2]], id="a field too few"),
        pytest.param([[5, 1, 2, "3"]], id="a field of another type"),
        pytest.param([[5, 1, None, 3]], id="a field that is nothing"),
        pytest.param({"5": 1}, id="no list"),
    ],
)
def test_what_is_no_list_of_operations_is_refused(strange: object) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(msgspec.msgpack.encode(strange))


def test_every_kind_of_operation_has_a_name() -> None:
    assert set(KINDS) == set(Operation.__args__)
