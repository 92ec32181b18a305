"""Phone numbers: written in E.164 (ITU-T), found by a blind index, shown masked."""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import phonenumbers

from domain.errors import BadInput

DEFAULT_REGION: Final = "KR"
SHOWN_DIGITS: Final = 4
# The library reads letters as the keys of a telephone, passes over what stands before a number, and takes extensions.
_WRITTEN: Final = re.compile(r"[\d\s+＋().·/\-‐-―－]+")


def parse(text: str, field: str = "phone") -> str:
    """A number in E.164, such as +821012345678; without a country code it is taken as Korean. Raises BadInput."""
    if not _WRITTEN.fullmatch(text):
        raise BadInput("This is no phone number.", field)
    try:
        number = phonenumbers.parse(text, DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        raise BadInput("This is no phone number.", field) from None
    if not phonenumbers.is_valid_number(number):
        raise BadInput("There is no such phone number.", field)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked(e164: str) -> str:
    """A number as others may see it: +82******5678."""
    prefix = f"+{phonenumbers.parse(e164).country_code}"
    hidden = len(e164) - len(prefix) - SHOWN_DIGITS
    return prefix + "*" * hidden + e164[-SHOWN_DIGITS:]


def blind_indexes(e164: str, index_keys: Sequence[bytes]) -> list[bytes]:
    """What a number may be found by while the index's key is rotated, under the newest key first."""
    return [blind_index(e164, key) for key in index_keys]


def blind_index(e164: str, index_key: bytes) -> bytes:
    """What a number is found by. Keyed: there are only about 10^8 numbers, and a plain hash of each is soon made."""
    return hmac.digest(index_key, e164.encode(), sha256)
