"""The fonts of an audit PDF, loaded: which one prints a character, and how wide it is."""

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from reportlab.pdfbase import pdfmetrics

from reports.characters import END_ISOLATE, ISOLATE, code_point
from reports.embedding import EmbeddedFont
from reports.faces import BOLD, FALLBACK
from reports.font_pinning import pinned

EM: Final = 1000
"""Units of a width; a character is width / EM × size wide."""


class Glyph(NamedTuple):
    """How a character is printed."""

    font: str
    width: float
    text: str
    """The character; its code point where no font has it."""


class Style(NamedTuple):
    """One look of text, apart from size and colour: the order in which fonts are asked."""

    fonts: tuple[EmbeddedFont, ...]
    glyphs: dict[str, tuple[Glyph, ...]]
    """What has been looked up. A character that no font has becomes several."""

    def of(self, character: str) -> tuple[Glyph, ...]:
        """How a character is printed."""
        known = self.glyphs.get(character)
        if known is None:
            known = self.glyphs[character] = self._look_up(character)
        return known

    def ascii_width(self, text: str) -> float:
        """The width of printable ASCII, which the first font has."""
        widths = self.fonts[0].face.charWidths
        return float(sum(widths[code] for code in text.encode()))

    def _look_up(self, character: str) -> tuple[Glyph, ...]:
        number = ord(character)
        if character in (ISOLATE, END_ISOLATE):
            return (Glyph(self.fonts[0].fontName, 0, character),)
        for font in self.fonts:
            if number in font.face.charToGlyph:
                return (Glyph(font.fontName, font.face.getCharWidth(number), character),)
        return tuple(glyph for sign in code_point(character) for glyph in self.of(sign))


class Fonts(NamedTuple):
    """Both looks."""

    regular: Style
    bold: Style


@lru_cache(maxsize=1)
def load(cache: Path) -> Fonts:
    """The fonts, made in this folder if they are not there yet (reports.font_pinning); about 60 MB once loaded.

    Once a process: reportlab keeps fonts under their names, for all documents. Raises FontsNotMade.
    """
    loaded = {}
    for face, file in pinned(cache).items():
        font = loaded[face] = EmbeddedFont(face.name, file, shapable=False)
        pdfmetrics.registerFont(font)
    fallback = tuple(loaded[face] for face in FALLBACK)
    return Fonts(Style(fallback, {}), Style((loaded[BOLD], *fallback), {}))
