"""Card numbers: found in whatever is sent to us, so that none is stored (PCI DSS 3.4).

What counts is what ISO/IEC 7812 makes of a card: a known first digits and length, and Luhn's check digit. Digits within
a longer word (ids, hashes, UUIDs) are no card number.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from domain.errors import BadInput

DIGITS_MIN: Final = 13
DIGITS_MAX: Final = 19
PIECES_MAX: Final = 5
# A group as cards print them: 4-4-4-4, 4-6-5, 4-6-4, 6-13.
_PIECE: Final = r"[0-9]{3,13}"
# Neither within a word, Hangul aside, which Korean writes up against a number, nor a part of a chain such as a UUID.
_BEFORE: Final = r"(?<![0-9A-Za-z_.])(?<![0-9A-Za-z_][-.])"
_AFTER: Final = r"(?![0-9A-Za-z_])(?![-.][0-9A-Za-z_])"
_RUN: Final = re.compile(rf"{_BEFORE}[0-9]{{{DIGITS_MIN},{DIGITS_MAX}}}{_AFTER}")
_JOINED: Final = re.compile(rf"{_BEFORE}{_PIECE}([-.]){_PIECE}(?:\1{_PIECE}){{0,{PIECES_MAX - 2}}}{_AFTER}")
_SPACED: Final = re.compile(rf"{_BEFORE}{_PIECE}(?:[ ]{{1,2}}{_PIECE})+{_AFTER}")
_IINS: Final[tuple[tuple[re.Pattern[str], frozenset[int]], ...]] = tuple(
    (re.compile(begins), frozenset(lengths))
    for begins, lengths in (
        ("4", (13, 16, 19)),  # Visa
        ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        ("3[47]", (15,)),  # American Express
        ("3(?:0[0-5]|095|[689])", range(14, 20)),  # Diners Club
        ("35(?:2[89]|[3-8])", range(16, 20)),  # JCB
        ("6011|64[4-9]|65", range(16, 20)),  # Discover
        ("62|81", range(16, 20)),  # UnionPay
        ("50|5[6-9]|6[0-9]", range(13, 20)),  # Maestro, and what else begins with 6
        ("9", (16,)),  # Korea's domestic cards
    )
)


def find_card_number(text: str) -> bool:
    """Does a text hold a card number, in one piece or grouped by spaces, hyphens or dots?"""
    plain = unicodedata.normalize("NFKC", text)  # full-width digits are digits
    return any(_is_card_number(digits) for digits in _candidates(plain))


def check_no_card_number(given: object, field: str = "") -> None:
    """Look at every text and whole number of a value, names in maps too. Raises BadInput, which names the field as a
    path and never repeats what stands there."""
    if isinstance(given, str | int):
        if find_card_number(str(given)):
            raise BadInput("This holds a card number, which is never taken; leave cards to the provider.", field)
    elif isinstance(given, msgspec.Struct):
        for name, value in msgspec.structs.asdict(given).items():
            check_no_card_number(value, f"{field}.{name}" if field else name)
    elif isinstance(given, Mapping):
        for name, value in given.items():
            check_no_card_number(name, field)
            check_no_card_number(value, f"{field}[...]" if field else str(name))
    elif isinstance(given, Sequence):
        for place, value in enumerate(given):
            check_no_card_number(value, f"{field}[{place}]")


def _candidates(text: str) -> Iterator[str]:
    for run in _RUN.finditer(text):
        yield run[0]
    for joined in _JOINED.finditer(text):
        yield re.sub("[-.]", "", joined[0])
    for spaced in _SPACED.finditer(text):
        groups = spaced[0].split()
        # Other numbers may stand before and behind it: an expiry date, a sum.
        for first in range(len(groups)):
            for last in range(first + 1, min(first + PIECES_MAX, len(groups))):
                yield "".join(groups[first : last + 1])


def _is_card_number(digits: str) -> bool:
    is_issued = any(len(digits) in lengths and begins.match(digits) for begins, lengths in _IINS)
    return is_issued and _is_luhn(digits)


def _is_luhn(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
