"""A message's id: its parts come back, it sorts as messages were said, and no forged one passes."""

from datetime import UTC, datetime
from uuid import RFC_4122, UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.ids import (
    BUCKET_MESSAGES,
    NIL,
    RANDOM_BITS,
    RANDOM_MAX,
    SEQ_MAX,
    MessageId,
    bucket_of,
    year_of,
)
from tests.strategies import VERSION_MAX, message_ids


@given(message_ids)
def test_the_parts_of_an_id_come_back_from_its_uuid(message_id: MessageId) -> None:
    assert MessageId.of(message_id.uuid) == message_id


@given(message_ids)
def test_an_id_is_written_as_its_uuid_is(message_id: MessageId) -> None:
    assert str(message_id) == str(message_id.uuid)


@pytest.mark.parametrize("version", [0, 999, 1_000, VERSION_MAX])
@pytest.mark.parametrize("seq", [1, SEQ_MAX])
@pytest.mark.parametrize("random", [0, RANDOM_MAX])
def test_the_smallest_and_the_largest_parts_come_back(version: int, seq: int, random: int) -> None:
    message_id = MessageId(version, seq, random)
    assert MessageId.of(message_id.uuid) == message_id


@given(st.lists(message_ids, unique=True))
def test_uuids_sort_by_version_then_seq(ids: list[MessageId]) -> None:
    """By their bytes: that is how ScyllaDB sorts UUIDs of version 7 in a clustering column."""
    said = sorted(ids, key=lambda message_id: (message_id.version, message_id.seq, message_id.random))
    assert sorted(ids, key=lambda message_id: message_id.uuid.bytes) == said
    assert sorted(ids) == said


@given(message_ids)
def test_an_id_is_a_uuidv7_of_rfc_9562(message_id: MessageId) -> None:
    """Section 5.7: 48 bits unix_ts_ms, version 7, 12 bits rand_a, variant 0b10, 62 bits rand_b."""
    uuid = message_id.uuid
    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert int.from_bytes(uuid.bytes[:6], "big") == message_id.created_at_ms == message_id.version // 1_000
    rand_a, rand_b = uuid.int >> 64 & 0xFFF, uuid.int & ((1 << 62) - 1)
    assert rand_a == message_id.version % 1_000
    assert divmod(rand_b, 1 << RANDOM_BITS) == (message_id.seq, message_id.random)


def test_an_id_never_changes() -> None:
    """Apps, rows and cursors keep ids for years."""
    kept = MessageId(version=1_764_000_000_123_456, seq=5_001, random=0x1234_5678)
    assert kept.uuid == UUID("019ab697-e87b-71c8-8000-04e252345678")
    assert MessageId.of(UUID("019ab697-e87b-71c8-8000-04e252345678")) == kept


@given(st.integers(0, (1 << 128) - 1).map(lambda number: UUID(int=number)))
def test_any_uuid_is_either_refused_or_the_very_id_of_its_parts(uuid: UUID) -> None:
    try:
        message_id = MessageId.of(uuid)
    except BadInput:
        return
    assert message_id.uuid == uuid


@given(message_ids, st.integers(0, 15), st.integers(0, 3), st.integers(0, 0xFFF))
def test_an_id_of_another_kind_is_refused(message_id: MessageId, version: int, variant: int, rand_a: int) -> None:
    assume(version != 7 or variant != 0b10 or rand_a > 999)
    kept = message_id.uuid.int & ~(0xFFFF << 64) & ~(0b11 << 62)
    with pytest.raises(BadInput):
        MessageId.of(UUID(int=kept | version << 76 | rand_a << 64 | variant << 62))


@given(st.integers(0, VERSION_MAX), st.integers(0, RANDOM_MAX))
def test_an_id_without_a_seq_is_refused(version: int, random: int) -> None:
    with pytest.raises(BadInput):
        MessageId.of(MessageId(version, 0, random).uuid)


def test_a_forged_id_is_refused_by_its_field() -> None:
    with pytest.raises(BadInput) as raised:
        MessageId.of(NIL, "reply_to")
    assert raised.value.field == "reply_to"


@pytest.mark.parametrize(
    ("seq", "bucket"), [(1, 0), (4_999, 0), (5_000, 0), (5_001, 1), (10_000, 1), (10_001, 2), (SEQ_MAX, 858_993)]
)
def test_a_bucket_ends_with_its_five_thousandth_message(seq: int, bucket: int) -> None:
    assert bucket_of(seq) == bucket
    assert MessageId(0, seq, 0).bucket == bucket


@given(st.integers(0, SEQ_MAX // BUCKET_MESSAGES - 1))
def test_every_bucket_holds_five_thousand_messages(bucket: int) -> None:
    first = bucket * BUCKET_MESSAGES + 1
    assert bucket_of(first) == bucket_of(first + BUCKET_MESSAGES - 1) == bucket
    assert bucket_of(first + BUCKET_MESSAGES) == bucket + 1


def test_a_year_ends_by_utc() -> None:
    new_year_ms = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1_000)
    assert (year_of(new_year_ms - 1), year_of(new_year_ms)) == (2025, 2026)
