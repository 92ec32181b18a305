"""What texts must hold, and may not: NUL, which PostgreSQL refuses; half a surrogate pair, which UTF-8 cannot write."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from domain.errors import BadInput

NOT_BLANK: Final = r"\S"
"""A pattern: something can be seen of the text."""
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def check_texts(given: object, field: str = "") -> None:
    """Look at every text of a value, names in maps too. Raises BadInput, naming the field as a path."""
    if isinstance(given, str):
        if _UNSTORABLE.search(given):
            raise BadInput("A text must hold neither the character NUL nor half a surrogate pair.", field)
    elif isinstance(given, msgspec.Struct):
        for name, value in msgspec.structs.asdict(given).items():
            check_texts(value, f"{field}.{name}" if field else name)
    elif isinstance(given, Mapping):
        for name, value in given.items():
            check_texts(name, field)
            check_texts(value, f"{field}[...]" if field else str(name))
    elif isinstance(given, Sequence):
        for place, value in enumerate(given):
            check_texts(value, f"{field}[{place}]")
