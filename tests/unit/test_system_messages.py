"""What the system says in an event's chat."""

import msgspec
import pytest

from domain.history import ChangeType, Entry
from domain.operations import Create, decode, encode
from domain.submissions import REPEAT_WINDOW_SYSTEM_MS
from domain.system_messages import is_told, submission
from tests.histories import erased, whole

ENTRIES, _ = whole()
TOLD = [entry for entry in ENTRIES if is_told(entry)]


def message(entry: Entry) -> Create:
    """What is taken into the journal."""
    (create,) = decode(b"\x91" + submission(entry).operation)
    assert isinstance(create, Create)
    return create


def test_changes_of_the_event_are_told_and_who_takes_part_is_not() -> None:
    assert [(entry.chain_seq, entry.change_type, entry.field_name) for entry in TOLD] == [
        (5, "UPDATED", "title"),
        (6, "UPDATED", "description"),
        (7, "UPDATED", "description"),
        (8, "UPDATED", "start_time"),
        (11, "CONFIRMED", "status"),
        (12, "CANCELED", None),
    ]
    done = msgspec.structs.replace(ENTRIES[10], change_type=ChangeType.DONE)
    assert is_told(done)


def test_what_is_said_is_korean_and_names_a_time_as_korea_has_it() -> None:
    assert message(TOLD[3]).message == "시작 시간이 바뀌었어요: 2099년 1월 1일 11:00"
    assert message(TOLD[4]).message == "약속이 확정되었어요."
    assert all(any("가" <= letter <= "힣" for letter in message(entry).message) for entry in TOLD)


def test_an_app_finds_in_metadata_what_it_needs_for_words_of_its_own() -> None:
    assert message(TOLD[3]).metadata == {
        "change_type": "UPDATED",
        "field_name": "start_time",
        "chain_seq": "8",
        "change_id": str(TOLD[3].change_id),
        "actor_id": "11",
        "old_value": "2099-01-01T01:00:00.000000Z",
        "new_value": "2099-01-01T02:00:00.000000Z",
    }
    by_the_clock = msgspec.structs.replace(TOLD[4], actor_id=None)
    assert "actor_id" not in message(by_the_clock).metadata


@pytest.mark.parametrize("entry", TOLD, ids=lambda entry: str(entry.chain_seq))
def test_no_word_that_can_be_erased_is_repeated(entry: Entry) -> None:
    """P11. And what is said stays the same when it has been."""
    said = encode(message(entry))
    for word in ("컷", "염색", "두 시간", "아파요", "민지", "2001:db8"):
        assert word.encode() not in said
    assert submission(erased(entry, *entry.salts)) == submission(entry)


def test_a_repeat_is_the_same_message_for_a_week() -> None:
    keys = {submission(entry).idempotency_key for entry in TOLD}
    assert len(keys) == len(TOLD)
    assert submission(TOLD[0]) == submission(TOLD[0])
    other_words = msgspec.structs.replace(TOLD[3], new_value='"2100-01-01T00:00:00.000000Z"')
    assert submission(other_words).body_hash == submission(TOLD[3]).body_hash
    assert submission(TOLD[0]).remember_ms == REPEAT_WINDOW_SYSTEM_MS == 7 * 24 * 3_600_000


def test_the_system_has_no_name_and_no_sender() -> None:
    said = message(TOLD[0])
    assert (said.sender_id, said.sender_name, said.sender_profile_url, said.message_type) == (None, "", "", "system")
