"""The fonts of an audit PDF, loaded: which one prints a character, and how wide it is."""

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from reportlab.pdfbase import pdfmetrics

from reports.characters import code_point
from reports.embedding import EmbeddedFont
from reports.faces import BOLD, FALLBACK, Face
from reports.font_pinning import pinned

EM: Final = 1000
"""Units of a width; a character is width / EM × size wide."""


class Glyph(NamedTuple):
    """How a character is printed."""

    font: str
    width: float
    text: str
    """The character; its code point where no font has it."""


class Style:
    """One look of text, apart from size and colour: the order in which fonts are asked."""

    def __init__(self, faces: tuple[Face, ...], files: Mapping[Face, Path]) -> None:
        self._faces, self._files = faces, files
        self._glyphs: dict[str, tuple[Glyph, ...]] = {}
        self.first = font(faces[0], files[faces[0]])
        """It has all of ASCII."""
        self._ascii_widths = [self.first.face.charWidths.get(code, 0) for code in range(128)]

    def of(self, character: str) -> tuple[Glyph, ...]:
        """How a character is printed; one that no font has becomes several."""
        known = self._glyphs.get(character)
        if known is None:
            known = self._glyphs[character] = self._look_up(character)
        return known

    def ascii_width(self, text: str) -> float:
        """The width of printable ASCII."""
        widths = self._ascii_widths
        return float(sum([widths[code] for code in text.encode()]))

    def _look_up(self, character: str) -> tuple[Glyph, ...]:
        number = ord(character)
        for face in self._faces:
            found = font(face, self._files[face])
            if number in found.face.charToGlyph:
                return (Glyph(found.fontName, found.face.getCharWidth(number), character),)
        return tuple(glyph for sign in code_point(character) for glyph in self.of(sign))


class Fonts(NamedTuple):
    """Both looks."""

    regular: Style
    bold: Style


@lru_cache(maxsize=1)
def load(folder: Path) -> Fonts:
    """The fonts, made in this folder if they are not there yet (reports.font_pinning). Raises FontsNotMade."""
    files = pinned(folder)
    return Fonts(Style(FALLBACK, files), Style((BOLD, *FALLBACK), files))


@cache
def font(face: Face, file: Path) -> EmbeddedFont:
    """A font, when a character first asks for it: a report in Korean needs two of thirteen, 20 MB each.

    Once a process: reportlab keeps fonts under their names, for all documents.
    """
    loaded = EmbeddedFont(face.name, file, shapable=False)
    pdfmetrics.registerFont(loaded)
    return loaded
