"""domain.card_numbers: no card number passes, however it is written; ids, phone numbers and times do."""

import re
import time
import unicodedata
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.card_numbers import check_no_card_number, find_card_number
from domain.errors import BadInput

# The providers' own test cards.
CARDS = (
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "4222222222222",
    "9410123456789010",
)
prefixes = st.sampled_from(["4", "51", "2221", "9430", "62"])
separators = st.sampled_from(["", " ", "-", "."])
around = st.text(st.characters(categories=["L", "P", "Z"], exclude_characters=".-_"), max_size=20).filter(
    lambda text: not re.search("^[0-9A-Za-z_.-]|[0-9A-Za-z_.-]$", unicodedata.normalize("NFKC", text))
)


def with_check_digit(digits: str) -> str:
    """Luhn, written otherwise than in the module: try which digit fits."""
    for check in "0123456789":
        total = 0
        for place, digit in enumerate(reversed(digits + check)):
            value = int(digit) * (1 + place % 2)
            total += value - 9 if value > 9 else value
        if total % 10 == 0:
            return digits + check
    raise AssertionError


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    """16 digits of a card."""
    prefix = draw(prefixes)
    return with_check_digit(prefix + draw(st.text("0123456789", min_size=15 - len(prefix), max_size=15 - len(prefix))))


@pytest.mark.parametrize("card", CARDS)
def test_a_card_of_every_network_is_found(card: str) -> None:
    assert find_card_number(card)
    assert find_card_number(f"제 카드는 {card} 이에요.")


@given(card_numbers(), separators, around, around)
def test_a_card_number_is_found_in_any_text_grouped_or_not(card: str, separator: str, before: str, after: str) -> None:
    grouped = separator.join(card[at : at + 4] for at in range(0, 16, 4))
    assert find_card_number(f"{before}{grouped}{after}")


@given(card_numbers(), st.integers(0, 15), st.integers(1, 9))
def test_one_digit_misread_and_it_is_none(card: str, place: int, by: int) -> None:
    """What Luhn's digit is for."""
    other = card[:place] + str((int(card[place]) + by) % 10) + card[place + 1 :]
    assert not find_card_number(other)


@given(st.uuids(), card_numbers())
def test_ids_hold_none(uuid: UUID, card: str) -> None:
    for text in (
        str(uuid),
        uuid.hex,
        f"tviva{card}AbC",
        f"pi_{card}",
        f"{card}-{uuid}",
        f"{uuid}-{card[:12]}",
        f"0.{card}",
    ):
        assert not find_card_number(text), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01012345678",
        "010-1234-5678",
        "+82 10 1234 5678",
        "1764056361000",  # milliseconds
        "1764056361000000",  # microseconds
        "2026-11-25T08:00:00.000000Z",
        "2026 11 25 08 00 00",
        "00000000-0000-0000-0000-000000000000",
        "41111111-1111-1111-1111-111111111111",
        "0000000000000000",
        "12000 12000 12000",
        "4242 4242 4242 4241",
        "42424242424242424242",  # 20 digits
        "424242424242",  # 12
    ],
)
def test_other_numbers_are_none(text: str) -> None:
    assert not find_card_number(text)


def test_full_width_digits_and_a_date_beside_it_hide_nothing() -> None:
    assert find_card_number("４２４２ ４２４２ ４２４２ ４２４２")
    assert find_card_number("123 4242 4242 4242 4242 12/29")
    assert find_card_number("카드4242-4242-4242-4242입니다")


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"memo": CARDS[0]}, "memo"),
        ({"a": [1, {"b": CARDS[0]}]}, "a[1][...]"),
        ({"a": int(CARDS[0])}, "a"),
        ({CARDS[0]: 1}, ""),
    ],
)
def test_it_is_refused_wherever_it_stands_by_its_field_and_not_repeated(given_: object, field: str) -> None:
    with pytest.raises(BadInput) as raised:
        check_no_card_number(given_)
    assert CARDS[0] not in str(raised.value)
    assert raised.value.field == field


def test_a_long_text_does_not_hold_up_whoever_sends_it() -> None:
    """256 KiB is what a body may have; a pattern that tries all ways would take minutes."""
    for text in ("1234 " * 50_000, "1234-" * 50_000, "4" * 250_000, "1234567890123 " * 18_000):
        began = time.process_time()
        assert not find_card_number(text)
        assert time.process_time() - began < 10
