"""Texts as lines of runs: each run in one font, each line no wider than it may be.

Lines break at spaces and between ideographs; a word that is wider than a line breaks where the line ends, and nothing
is ever hyphenated: a hyphen that nobody wrote is no evidence.

Words of right-to-left letters stand as they are read, joined and from right to left. Nothing else moves: the Unicode
Bidirectional Algorithm would let such a name turn the date beside it around. What was written goes with what is
printed, for readers that search or copy.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from arabic_reshaper import reshape

from reports.characters import Shown, code_point, visible
from reports.fonts import Glyph, Style

LINE_FEED: Final = code_point("\n")
RIGHT_TO_LEFT: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
"""Hebrew, Arabic, and the letters beside them; the rarer ones print as code points."""
_paragraph: Final = re.compile(f".*?{LINE_FEED}|.+")
_breaks_after: Final = re.compile("[ \u3000-\u3007\u3009-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Spaces, ideographs and Kana; Korean words stay whole."""
_words: Final = re.compile(f"([{RIGHT_TO_LEFT}](?:[ {RIGHT_TO_LEFT}]*[{RIGHT_TO_LEFT}])?)")
_number_or_letter: Final = re.compile(
    "[\u0660-\u0669\u06f0-\u06f9]+|.[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0655\u0670]*"
)


class Run(NamedTuple):
    """Characters of one font."""

    font: str
    text: str


class Part(NamedTuple):
    """Runs that were written so, or, in another order, otherwise."""

    runs: tuple[Run, ...]
    written: str | None = None
    """The text as it was written, where it is printed in another order."""


class Line(NamedTuple):
    """What stands on one line."""

    text: Shown
    parts: tuple[Part, ...]
    width: float
    """In thousandths of the font's size."""


def wrap(text: str, style: Style, width_max: float) -> list[Line]:
    """The lines of a text; none of an empty one. Widths are in thousandths of the font's size."""
    shown = visible(text)
    if shown.isascii() and (width := style.ascii_width(shown)) <= width_max:
        return [Line(shown, (Part((Run(style.first.fontName, shown),)),), width)] if shown else []
    return [
        _line_of(piece, style)
        for paragraph in _paragraph.findall(shown)
        for piece in _pieces([glyph for sign in paragraph for glyph in style.of(sign)], width_max)
    ]


def cut_off(lines: Sequence[Line], lines_max: int, style: Style, width_max: float) -> list[Line]:
    """The first of these lines, a sign at their end that there is more."""
    (sign,) = style.of("…")
    (fitting, *_) = wrap(lines[lines_max - 1].text, style, width_max - sign.width)
    more = Part((Run(sign.font, sign.text),))
    return [*lines[: lines_max - 1], fitting._replace(parts=(*fitting.parts, more), width=fitting.width + sign.width)]


def code_points(text: str) -> str | None:
    """The right-to-left words of a text by code point, in the order in which they were written; None if it has none."""
    words = " ".join(_words.findall(text)).split()
    by_word = (" ".join(f"U+{ord(sign):04X}" for sign in unicodedata.normalize("NFC", word)) for word in words)
    return " · ".join(by_word) or None


def _pieces(glyphs: Sequence[Glyph], width_max: float) -> Iterator[Sequence[Glyph]]:
    """The glyphs, cut into lines."""
    start = at = break_at = 0
    width = 0.0
    while at < len(glyphs):
        glyph = glyphs[at]
        width += glyph.width
        if width > width_max and at > start and glyph.text != " ":
            end = break_at if break_at > start else at
            yield glyphs[start:end]
            start = at = end
            width = 0.0
            continue
        at += 1
        if _breaks_after.match(glyph.text):
            break_at = at
    if start < len(glyphs):
        yield glyphs[start:]


def _line_of(glyphs: Sequence[Glyph], style: Style) -> Line:
    text = Shown("".join(glyph.text for glyph in glyphs))
    written = _words.split(text)
    if len(written) == 1:
        return Line(text, (Part(tuple(_runs(glyphs))),), sum(glyph.width for glyph in glyphs))
    parts = []
    width = 0.0
    for place, piece in enumerate(written):
        is_turned = place % 2 == 1
        drawn = [glyph for sign in (_turned(piece) if is_turned else piece) for glyph in style.of(sign)]
        width += sum(glyph.width for glyph in drawn)
        parts.append(Part(tuple(_runs(drawn)), piece if is_turned else None))
    return Line(text, tuple(parts), width)


def _turned(words: str) -> str:
    """Right-to-left words as they are drawn from the left: joined, turned around, but for their numbers."""
    return "".join(reversed(_number_or_letter.findall(reshape(words))))


def _runs(glyphs: Iterable[Glyph]) -> Iterator[Run]:
    for font, group in groupby(glyphs, key=lambda glyph: glyph.font):
        yield Run(font, "".join(glyph.text for glyph in group))
