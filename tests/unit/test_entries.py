"""Journal entries outlive a deploy: their exact bytes are pinned, and what cannot be read becomes a dead letter."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.entries import Entry, EntryId, Placed, UnreadableEntry, fields_of, message_id, read_entry
from domain.ids import SEQ_MAX, MessageId
from domain.operations import Create, Delete, Edit, Operation, React, Read, encode
from tests.strategies import VERSION_MAX, creates, operations

MESSAGE = UUID("019ab697-e87b-71c8-8000-04e252345678")
PINNED: dict[str, tuple[Operation, str]] = {
    "create": (
        Create(
            event_id=7,
            random=0x1234_5678,
            sender_id=2**40,
            sender_name="미용실 민지",
            sender_profile_url="https://example.org/a.png",
            message="내일 3시 어때요? 💇",
            message_type="text",
            attachments=("https://example.org/1.png",),
            reply_to=MESSAGE,
            metadata={"b": "2", "a": "1"},
        ),
        (
            "9b0107ce12345678cf0000010000000000b0ebafb8ec9aa9ec8ba420ebafbceca780b968747470733a2f2f6578616d706c65"
            "2e6f72672f612e706e67bbeb82b4ec9dbc2033ec8b9c20ec96b4eb958cec9a943f20f09f9287a47465787491b96874747073"
            "3a2f2f6578616d706c652e6f72672f312e706e67c410019ab697e87b71c8800004e25234567882a161a131a162a132"
        ),
    ),
    "create of the system": (
        Create(7, 0, None, "", "", "예약이 확정되었습니다", "system"),
        "9b010700c0a0a0bfec9888ec95bdec9db420ed9995eca095eb9098ec9788ec8ab5eb8b88eb8ba4a673797374656d90c080",
    ),
    "edit": (Edit(7, MESSAGE, 42, "4시요"), "950207c410019ab697e87b71c8800004e2523456782aa734ec8b9cec9a94"),
    "delete": (Delete(7, MESSAGE, 42), "940307c410019ab697e87b71c8800004e2523456782a"),
    "react": (React(7, MESSAGE, 42, "👍"), "950407c410019ab697e87b71c8800004e2523456782aa4f09f918d"),
    "read": (Read(7, 42, 5_001), "9405072acd1389"),
}


@pytest.mark.parametrize("kind", PINNED)
def test_an_operation_has_the_bytes_that_every_release_wrote(kind: str) -> None:
    operation, pinned = PINNED[kind]
    assert encode(operation).hex() == pinned


def test_an_entry_written_by_the_first_release_is_read() -> None:
    """Fields f format, v first version, s seqs, o operations, as `append` joins them."""
    operations = list(PINNED.values())
    fields = {
        b"f": b"1",
        b"v": b"1764000000123456",
        b"s": b"1,2,0,0,0,0",
        b"o": bytes.fromhex("dc0006" + "".join(pinned for _, pinned in operations)),
    }
    assert read_entry("1764000000124-0", fields) == Entry(
        "1764000000124-0",
        tuple(
            Placed(operation, 1_764_000_000_123_456 + place, seq, "1764000000124-0")
            for place, ((operation, _), seq) in enumerate(zip(operations, (1, 2, 0, 0, 0, 0), strict=True))
        ),
    )


versions = st.integers(0, VERSION_MAX)


@given(operations, versions, st.integers(0, SEQ_MAX))
def test_an_operation_alone_in_an_entry_comes_back_in_its_place(operation: Operation, version: int, seq: int) -> None:
    placed = Placed(operation, version, seq, "17-3")
    assert read_entry("17-3", fields_of(placed)) == Entry("17-3", (placed,))


@given(creates, versions, st.integers(1, SEQ_MAX))
def test_a_message_s_id_is_made_of_its_place_and_its_random_bits(create: Create, version: int, seq: int) -> None:
    assert message_id(Placed(create, version, seq, "1-0")) == MessageId(version, seq, create.random)


GOOD = fields_of(Placed(PINNED["read"][0], 1_764_000_000_123_456, 0, "17-3"))


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({b"f": b"2"}, id="another format"),
        pytest.param({b"f": b""}, id="no format"),
        pytest.param({b"s": b"0,0"}, id="more seqs than operations"),
        pytest.param({b"s": b""}, id="no seqs"),
        pytest.param({b"s": b"one"}, id="a seq that is no number"),
        pytest.param({b"o": b""}, id="no operations"),
        pytest.param({b"o": GOOD[b"o"][:-1]}, id="operations cut short"),
        pytest.param({b"o": GOOD[b"o"] + b"\0"}, id="more than operations"),
        pytest.param({b"o": b"\x91\x93\x09\x01\x02"}, id="an operation of a later release"),
    ],
)
def test_an_entry_that_cannot_be_read_is_kept_whole_with_its_version(broken: dict[bytes, bytes]) -> None:
    fields = GOOD | broken
    assert read_entry("17-3", fields) == UnreadableEntry("17-3", 1_764_000_000_123_456, fields)


@pytest.mark.parametrize("field", [b"f", b"s", b"o"])
def test_an_entry_that_lacks_a_field_is_kept_whole_with_its_version(field: bytes) -> None:
    fields = {name: value for name, value in GOOD.items() if name != field}
    assert read_entry("17-3", fields) == UnreadableEntry("17-3", 1_764_000_000_123_456, fields)


@pytest.mark.parametrize("version", [None, b"", b"-1", b"soon", b"\xb2", b"1" * 19])
def test_without_a_version_an_unreadable_entry_takes_its_time_for_one(version: bytes | None) -> None:
    """Dead letters are unique by version, and a BIGINT holds it."""
    fields = {b"f": b"9"} if version is None else {b"f": b"9", b"v": version}
    assert read_entry("1764000000124-3", fields) == UnreadableEntry("1764000000124-3", 1_764_000_000_124_000, fields)


@given(st.dictionaries(st.sampled_from([b"f", b"v", b"s", b"o", b"x"]), st.binary(max_size=20)))
def test_no_fields_whatever_make_reading_fail(fields: dict[bytes, bytes]) -> None:
    assert isinstance(read_entry("17-3", fields), Entry | UnreadableEntry)


entry_ids = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


@given(entry_ids, entry_ids)
def test_entry_ids_are_ordered_by_number_not_by_letter(one: tuple[int, int], other: tuple[int, int]) -> None:
    ids = [EntryId.parse(f"{ms}-{n}") for ms, n in (one, other)]
    assert (ids[0] < ids[1]) == (one < other)
    assert [str(entry_id) for entry_id in ids] == [f"{ms}-{n}" for ms, n in (one, other)]
