"""What a text looks like in print: nothing in it is invisible, moves other text, or disappears (P9).

Every character that a reader could not see stands as its code point: U+202E as 〈U+202E〉. That are control characters,
line breaks too, whatever Unicode lets be ignored (zero-width characters, bidirectional overrides and isolates,
variation selectors, tags: Default_Ignorable_Code_Point, Unicode 16, DerivedCoreProperties.txt), spaces other than the
usual one, and marks piled on a letter. Letters and their marks that Unicode has as one are printed as that one (NFC).
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

SHOWN_AS_CODE_POINT: Final = (
    "\u0000-\u001f\u007f-\u009f"  # control characters
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # ignorable
    "\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f"  # spaces that look like another one, or like none
    "\ud800-\uf8ff\U000f0000-\U0010ffff"  # half a surrogate pair, and what means nothing outside of one's own font
)
ORDINARY_MARKS: Final = "\u0591-\u05c7\u064b-\u0655\u0670\u0900-\u0eff\u1000-\u109f\u1780-\u17d3"
"""Marks of Hebrew, Arabic, and the scripts of South and South-East Asia: no word is written there without them."""
MARKS_IN_A_ROW_MAX: Final = 3
"""More on one letter are piled up to hide its neighbours."""
CODE_POINT: Final = "〈U+{:04X}〉"

_plain: Final = re.compile(r"[ -~가-힣]*")
# A text that spells a code point by itself is told from one of ours by its bracket.
_hidden: Final = re.compile(rf"[{SHOWN_AS_CODE_POINT}]|〈(?=U\+)")
_mark: Final = re.compile(f"[{ORDINARY_MARKS}]")


def code_point(character: str) -> str:
    """A character by its number: 〈U+202E〉."""
    return CODE_POINT.format(ord(character))


class Shown(str):
    """A text as it is printed."""

    __slots__ = ()


def visible(text: str) -> Shown:
    """A text as it is printed; see above."""
    if isinstance(text, Shown):
        return text
    if _plain.fullmatch(text):
        return Shown(text)
    composed = unicodedata.normalize("NFC", text)
    shown = _hidden.sub(lambda found: code_point(found.group()), composed)
    return Shown(shown if shown.isascii() else "".join(_marks_counted(shown)))


def within(sentence: str, **values: object) -> Shown:
    """A sentence of ours with others' texts in it."""
    return Shown(
        sentence.format(
            **{name: visible(value if isinstance(value, str) else str(value)) for name, value in values.items()}
        )
    )


def joined(separator: str, texts: Iterable[str]) -> Shown:
    """Several texts in a line."""
    return Shown(separator.join(visible(text) for text in texts))


def cut(text: str, characters: int) -> str:
    """The beginning of a text, and a sign that it goes on."""
    if len(text) <= characters:
        return text
    beginning = f"{text[:characters]}…"
    return Shown(beginning) if isinstance(text, Shown) else beginning


def _marks_counted(text: str) -> list[str]:
    """The text with the marks that do not belong to its script, or are too many, as code points."""
    shown = []
    in_a_row = 0
    for character in text:
        if unicodedata.category(character) not in ("Mn", "Me"):
            in_a_row = 0
            shown.append(character)
            continue
        in_a_row += 1
        is_ordinary = in_a_row <= MARKS_IN_A_ROW_MAX and _mark.match(character)
        shown.append(character if is_ordinary else code_point(character))
    return shown
