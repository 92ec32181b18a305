"""Texts as lines of runs: each run in one font, each line no wider than it may be.

Lines break at spaces and between ideographs; a word that is wider than a line breaks where the line ends, and nothing
is ever hyphenated: a hyphen that nobody wrote is no evidence. Right-to-left words are put in the order in which they
are read, their letters joined (Unicode Bidirectional Algorithm, the line itself always left to right); what was written
goes with the line, for readers that search or copy.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from arabic_reshaper import reshape
from bidi import get_display

from reports.characters import END_ISOLATE, ISOLATE, RIGHT_TO_LEFT, Shown, code_point, visible
from reports.fonts import Glyph, Style

LINE_FEED: Final = code_point("\n")
_line: Final = re.compile(f".*?{LINE_FEED}|.+")
_breaks_after: Final = re.compile("[ \u3000-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Spaces, ideographs and Kana; Korean words stay whole."""
_isolates: Final = str.maketrans("", "", ISOLATE + END_ISOLATE)


class Run(NamedTuple):
    """Characters of one font."""

    font: str
    text: str


class Line(NamedTuple):
    """What stands on one line."""

    runs: tuple[Run, ...]
    width: float
    """In thousandths of the font's size."""
    written: str | None = None
    """The text in its own order, where it is printed in another."""


def wrap(text: str, style: Style, width_max: float) -> list[Line]:
    """The lines of a text; none of an empty one. Widths are in thousandths of the font's size."""
    shown = visible(text)
    if shown.isascii() and (width := style.ascii_width(shown)) <= width_max:
        return [Line((Run(style.first.fontName, shown),), width)] if shown else []
    return [
        _line_of(piece, style)
        for paragraph in _line.findall(shown)
        for piece in _pieces([glyph for sign in paragraph for glyph in style.of(sign)], width_max)
    ]


def cut_off(lines: Sequence[Line], lines_max: int, style: Style, width_max: float) -> list[Line]:
    """The first of these lines, a sign at their end that there is more."""
    (sign,) = style.of("…")
    last = lines[lines_max - 1]
    text = last.written or "".join(run.text for run in last.runs)
    (fitting, *_) = wrap(Shown(text), style, width_max - sign.width)
    shown = Line((*fitting.runs, Run(sign.font, sign.text)), fitting.width + sign.width, fitting.written)
    return [*lines[: lines_max - 1], shown]


def _pieces(glyphs: Sequence[Glyph], width_max: float) -> Iterator[Sequence[Glyph]]:
    """The glyphs, cut into lines."""
    start = 0
    at = 0
    width = 0.0
    break_at = 0
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
    text = "".join(glyph.text for glyph in glyphs).rstrip(" ")
    if not RIGHT_TO_LEFT.search(text):
        return Line(tuple(_runs(glyphs)), sum(glyph.width for glyph in glyphs))
    ordered = get_display(reshape(text), base_dir="L").translate(_isolates)
    drawn = [glyph for sign in ordered for glyph in style.of(sign)]
    return Line(tuple(_runs(drawn)), sum(glyph.width for glyph in drawn), text.translate(_isolates))


def _runs(glyphs: Iterable[Glyph]) -> Iterator[Run]:
    for font, group in groupby(glyphs, key=lambda glyph: glyph.font):
        yield Run(font, "".join(glyph.text for glyph in group if glyph.text not in (ISOLATE, END_ISOLATE)))


def code_points(text: str) -> str | None:
    """The right-to-left words of a text by code point, in the order in which they were written; None if it has none."""
    if not RIGHT_TO_LEFT.search(text):
        return None
    words = [word for word in text.translate(_isolates).split() if RIGHT_TO_LEFT.search(word)]
    return " · ".join(" ".join(f"U+{ord(sign):04X}" for sign in unicodedata.normalize("NFC", word)) for word in words)
