"""Phone numbers: one spelling of each, found only with the key, shown without the middle."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.phone import blind_index, blind_indexes, masked, parse

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32
korean = (
    st.integers(20_000_000, 99_999_999)
    .map(lambda number: f"+8210{number}")
    .filter(lambda e164: phonenumbers.is_valid_number(phonenumbers.parse(e164)))
)


@pytest.mark.parametrize(
    "text",
    [
        "010-1234-5678",
        "01012345678",
        "010 1234 5678",
        "+82 10-1234-5678",
        "+821012345678",
        "＋82 10 1234 5678",
        "82-10-1234-5678",
        "(+82) 10.1234.5678",
    ],
)
def test_however_it_is_written_a_number_is_one(text: str) -> None:
    assert parse(text) == "+821012345678"


@pytest.mark.parametrize(
    ("text", "e164"),
    [("+1 650-253-0000", "+16502530000"), ("+81 90-1234-5678", "+819012345678"), ("02-312-3456", "+8223123456")],
)
def test_with_a_country_code_it_is_of_that_country_and_without_one_korean(text: str, e164: str) -> None:
    assert parse(text) == e164


@pytest.mark.parametrize(
    "text",
    [
        *("", "canary", "1", "010-1234", "+999 123456789", "+8210", "010-1234-5678-9999", "\0"),
        *("010-ABCD-EFGH", "<b>01012345678", "+1 202 555 0143x", "+821012345678;ext=3", "tel:+821012345678"),
    ],
)
def test_what_is_no_number_is_refused_by_its_field_and_not_quoted(text: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse(text, "phone")
    assert raised.value.field == "phone"
    assert len(text) < 2 or text not in str(raised.value)


@given(korean)
def test_a_stored_number_reads_as_itself(e164: str) -> None:
    assert parse(e164) == e164


@pytest.mark.parametrize(
    ("e164", "shown"),
    [("+821012345678", "+82******5678"), ("+16502530000", "+1******0000"), ("+8223123456", "+82****3456")],
)
def test_others_see_country_and_last_four_digits(e164: str, shown: str) -> None:
    assert masked(e164) == shown


@given(korean)
def test_a_masked_number_leaves_at_least_ten_thousand_to_guess(e164: str) -> None:
    assert masked(e164).count("*") >= 4
    assert len(masked(e164)) == len(e164)


@given(korean, korean)
def test_the_index_finds_a_number_and_no_other(one: str, other: str) -> None:
    assert (blind_index(one, KEY) == blind_index(other, KEY)) == (one == other)


@given(korean)
def test_without_the_key_nobody_can_make_the_index(e164: str) -> None:
    assert blind_index(e164, KEY) != blind_index(e164, OTHER_KEY)
    assert len(blind_index(e164, KEY)) == 32


@given(korean)
def test_while_the_key_is_rotated_a_number_is_found_by_both_the_newest_first(e164: str) -> None:
    assert blind_indexes(e164, [OTHER_KEY, KEY]) == [blind_index(e164, OTHER_KEY), blind_index(e164, KEY)]


def test_the_index_of_a_number_never_changes() -> None:
    """Rows outlive a deploy: HMAC-SHA256 (RFC 2104) of the number in E.164, under the index key."""
    known = "a53fa45e485bfec37a81ddf978456e7c2a148d8ea094bb1934654d210b7d460b"
    assert blind_index("+821012345678", KEY).hex() == known
