"""What may be asked of messages, at each limit: the last that passes and the first that does not."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.errors import BadInput
from domain.ids import MESSAGE_BYTES_MAX
from domain.message import INT8_MAX, EditMessage, NewMessage, NewMessageIn, Reaction, ReadMark, storable
from domain.operations import Create, Edit, decode, encode
from tests.strategies import creates, edits

PNG = "https://example.org/1.png"
MESSAGE = UUID("019ab697-e87b-71c8-8000-04e252345678")
GOOD: dict[str, Any] = {"actor_id": 42, "message": "안녕"}


def url(characters: int) -> str:
    return PNG.ljust(characters, "a")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"actor_id": 1},
        {"actor_id": INT8_MAX},
        {"message": "a"},
        {"message": "가" * 4_000},
        {"message_type": "image"},
        {"message_type": "file"},
        {"attachments": [PNG] * 10},
        {"attachments": [url(2_048)]},
        {"attachments": ["https://user@[::1]:8443/a?b=c#d"]},
        {"reply_to": str(MESSAGE)},
        {"metadata": {"": ""}},
        {"client_id": "a"},
        {"client_id": "a" * 64},
    ],
)
def test_what_is_within_the_limits_passes(asked: dict[str, Any]) -> None:
    assert msgspec.convert(GOOD | asked, NewMessage)


@pytest.mark.parametrize(
    "asked",
    [
        {"actor_id": 0},
        {"actor_id": INT8_MAX + 1},
        {"actor_id": True},
        {"actor_id": "42"},
        {"message": ""},
        {"message": "가" * 4_001},
        {"message": None},
        {"message_type": "system"},
        {"message_type": "Text"},
        {"attachments": [PNG] * 11},
        {"attachments": [url(2_049)]},
        {"attachments": ["http://example.org/1.png"]},
        {"attachments": ["https://"]},
        {"attachments": ["https:///1.png"]},
        {"attachments": ["https://example.org/1 2.png"]},
        {"attachments": ["javascript:alert(1)//https://"]},
        {"reply_to": "019ab697"},
        {"metadata": {"a": 1}},
        {"metadata": []},
        {"client_id": ""},
        {"client_id": "a" * 65},
        {"sender_name": "somebody else"},
        {"seq": 1},
    ],
)
def test_what_is_beyond_a_limit_is_refused_by_its_field(asked: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=rf"(?:\$\.|field `){next(iter(asked))}"):
        msgspec.convert(GOOD | asked, NewMessage)


def test_a_message_of_a_bulk_names_its_event() -> None:
    assert msgspec.convert(GOOD | {"event_id": 7}, NewMessageIn).event_id == 7
    with pytest.raises(msgspec.ValidationError, match="event_id"):
        msgspec.convert(GOOD, NewMessageIn)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (EditMessage, {"message": "가" * 4_000}, {"message": "가" * 4_001}),
        (EditMessage, {"message": "가"}, {"message": ""}),
        (Reaction, {"emoji": "👍" * 32}, {"emoji": "👍" * 33}),
        (Reaction, {"emoji": "👍"}, {"emoji": ""}),
        (ReadMark, {"up_to": str(MESSAGE)}, {"up_to": 5_001}),
    ],
)
def test_changes_have_the_same_limits(kind: type, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert msgspec.convert({"actor_id": 42} | good, kind)
    with pytest.raises(msgspec.ValidationError, match=next(iter(bad))):
        msgspec.convert({"actor_id": 42} | bad, kind)


PLAIN = Create(7, 99, 42, "민지", "", "안녕", "text")
HOLDING: dict[str, Callable[[str], Create | Edit]] = {
    "text": lambda strange: replace(PLAIN, message=f"a{strange}b"),
    "attachment": lambda strange: replace(PLAIN, attachments=(PNG, PNG + strange)),
    "name in metadata": lambda strange: replace(PLAIN, metadata={strange: ""}),
    "value in metadata": lambda strange: replace(PLAIN, metadata={"a": strange}),
    "new text": lambda strange: Edit(7, MESSAGE, 42, strange),
}


@pytest.mark.parametrize("strange", ["\0", "\ud800", "\ude00\ud83d"])
@pytest.mark.parametrize("place", HOLDING)
def test_no_nul_and_no_lone_surrogate_is_storable_wherever_it_stands(place: str, strange: str) -> None:
    """ScyllaDB takes only UTF-8, and whoever reads C strings ends at a NUL."""
    with pytest.raises(BadInput) as raised:
        storable(HOLDING[place](strange))
    assert raised.value.field == "message"


@pytest.mark.parametrize("place", HOLDING)
def test_a_message_may_have_16_kib_in_all_and_not_a_byte_more(place: str) -> None:
    """Of MessagePack, as the journal keeps it; a text over 255 bytes has a head of 3."""
    room = MESSAGE_BYTES_MAX - len(encode(HOLDING[place]("a" * 300))) + 300
    assert len(storable(HOLDING[place]("a" * room))) == MESSAGE_BYTES_MAX
    with pytest.raises(BadInput, match=r"16384 bytes in all; this one has 16385") as raised:
        storable(HOLDING[place]("a" * (room + 1)))
    assert raised.value.field == "message"


@given(st.one_of(creates, edits))
def test_what_is_storable_is_exactly_what_a_worker_reads(operation: Create | Edit) -> None:
    assert decode(b"\x91" + storable(operation)) == [operation]
