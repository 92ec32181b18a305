"""Pages to draw on: text in lines, rules and boxes, tags, bookmarks; y counts from the foot of the page, in points."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, BinaryIO, Final, NamedTuple

from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from reports.fonts import EM, Fonts
from reports.styles import BOTTOM, LEFT, PAGE_HEIGHT, PAGE_WIDTH, RULE, TOP, WHITE, WIDTH, Colour, Type
from reports.tagging import StructureTree
from reports.text_runs import Line, Run, cut_off, wrap

PDF_VERSION: Final = (1, 7)
ASCENT: Final = 0.88
"""Of the Korean font, in its size: how far below its top a line's foot is."""
ASCII_SUBSET: Final = 0
"""reportlab keeps ASCII under its own codes there: no character of it has to be looked up."""
LINES_REMEMBERED_MAX: Final = 4_096
"""Names, addresses and words come again and again: three of four lines of an annex. Some 2 MB."""
ESCAPES: Final = {code: f"\\{code:03o}" for code in (*range(32), *range(127, 256), *b"()\\")}
Frame = Callable[["Sheet", int, int], None]
"""Draws what stands on every page, told the page and the number of pages."""


class Printed(NamedTuple):
    """A line as the page has it."""

    code: str
    width: float
    """In points."""


class Sheet:
    """A document that is being drawn, from its first page to its last."""

    def __init__(self, out: BinaryIO, fonts: Fonts, language: str) -> None:
        # Without a first font of its own reportlab would name Helvetica, which is not embedded.
        first = fonts.regular.first.fontName
        self.canvas = Canvas(
            out,
            (PAGE_WIDTH, PAGE_HEIGHT),
            invariant=1,
            pageCompression=1,
            pdfVersion=PDF_VERSION,
            lang=language,
            initialFontName=first,
        )
        self.document: Any = self.canvas._doc
        self.tree = StructureTree(self.document)
        self.fonts = fonts
        self.page = 1
        self._lines = lru_cache(LINES_REMEMBERED_MAX)(self._wrap)
        self.y: float = TOP
        """Where the next thing goes."""

    def lines(self, text: str, kind: Type, width: float = WIDTH) -> Sequence[Printed]:
        """A text in lines of this width."""
        return self._lines(text, kind, width, None)

    def line(self, text: str, kind: Type, width: float = WIDTH) -> Sequence[Printed]:
        """A text on one line, cut off visibly if it is longer."""
        return self._lines(text, kind, width, 1)

    def few(self, text: str, kind: Type, width: float, lines_max: int) -> Sequence[Printed]:
        """A text in so many lines at most, cut off visibly if it is longer."""
        return self._lines(text, kind, width, lines_max)

    def _wrap(self, text: str, kind: Type, width: float, lines_max: int | None) -> Sequence[Printed]:
        style = self.fonts.bold if kind.is_bold else self.fonts.regular
        lines = wrap(text, style, width / kind.size * EM)
        if lines_max is not None and len(lines) > lines_max:
            lines = cut_off(lines, lines_max, style, width / kind.size * EM)
        return tuple(Printed(self._code(line, kind.size), line.width * kind.size / EM) for line in lines)

    def put(
        self,
        lines: Sequence[Printed],
        kind: Type,
        x: float,
        top: float,
        role: str | None = "P",
        right: float | None = None,
    ) -> float:
        """Print lines one below the other, up to `right` if that is given; how high they are.

        Without a role they belong to what is being tagged already.
        """
        if role is not None:
            with self.tagged(role):
                return self.put(lines, kind, x, top, None, right)
        foot = top - (kind.leading - kind.size) / 2 - ASCENT * kind.size
        code = [f"BT {_three(kind.colour)} rg"]
        for line in lines:
            code.append(f"1 0 0 1 {x if right is None else right - line.width:.2f} {foot:.2f} Tm {line.code}")
            foot -= kind.leading
        code.append("ET")
        self.canvas.addLiteral("\n".join(code))
        return len(lines) * kind.leading

    def _code(self, line: Line, size: float) -> str:
        """The operators that print a line."""
        code = []
        for part in line.parts:
            shown = " ".join(self._shown(run, size) for run in part.runs)
            if part.written is not None:
                text = part.written.encode("utf-16-be").hex().upper()
                shown = f"/Span <</ActualText <FEFF{text}>>> BDC {shown} EMC"
            code.append(shown)
        return " ".join(code)

    def _shown(self, run: Run, size: float) -> str:
        font = pdfmetrics.getFont(run.font)
        if run.text.isascii():
            pieces = [(ASCII_SUBSET, run.text)]
        else:
            pieces = [(subset, codes.decode("latin-1")) for subset, codes in font.splitString(run.text, self.document)]
        return " ".join(
            f"{font.getSubsetInternalName(subset, self.document)} {size:g} Tf ({codes.translate(ESCAPES)}) Tj"
            for subset, codes in pieces
        )

    @contextmanager
    def tagged(self, role: str, description: str = "") -> Iterator[None]:
        """What is drawn now is one element: P, H1, H2, Figure (PDF 32000-1, 14.8.4)."""
        number = self.tree.add(role, self.page - 1, description)
        self.canvas.addLiteral(f"/{role} <</MCID {number}>> BDC")
        yield
        self.canvas.addLiteral("EMC")

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """What is drawn now says nothing: rules, boxes, what stands on every page."""
        self.canvas.addLiteral("/Artifact BMC")
        yield
        self.canvas.addLiteral("EMC")

    def rule(
        self, y: float, left: float = LEFT, right: float = LEFT + WIDTH, colour: Colour = RULE, width: float = 0.5
    ) -> None:
        """A line across."""
        with self.artifact():
            self.canvas.addLiteral(f"{_three(colour)} RG {width:g} w {left:.2f} {y:.2f} m {right:.2f} {y:.2f} l S")

    def box(self, left: float, top: float, width: float, height: float, fill: Colour) -> None:
        """A filled box."""
        with self.artifact():
            self.canvas.addLiteral(f"{_three(fill)} rg {left:.2f} {top - height:.2f} {width:.2f} {height:.2f} re f")

    def dot(self, x: float, y: float, radius: float, colour: Colour, filled: bool) -> None:
        """A point of a line: full, or a ring on white."""
        self.canvas.addLiteral(f"{_three(colour)} RG {_three(colour if filled else WHITE)} rg 1.1 w")
        self.canvas.circle(x, y, radius, stroke=1, fill=1)

    def pill(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """A filled box with round ends."""
        self.canvas.addLiteral(f"{_three(colour)} rg")
        self.canvas.roundRect(left, top - height, width, height, height / 2, stroke=0, fill=1)

    def squares(self, corners: Iterable[tuple[float, float]], side: float, fill: Colour) -> None:
        """Squares by their lower left corner, in one path."""
        path = " ".join(f"{x:.3f} {y:.3f} {side:.3f} {side:.3f} re" for x, y in corners)
        self.canvas.addLiteral(f"{_three(fill)} rg {path} f")

    def bookmark(self, title: str, level: int = 0) -> None:
        """An entry in the reader's table of contents, which leads here."""
        key = f"b{len(self.canvas._outlines)}-{self.page}-{self.y:.0f}-{level}"
        self.canvas.bookmarkPage(key, fit="XYZ", left=0, top=min(self.y + 12, PAGE_HEIGHT))
        self.canvas.addOutlineEntry(title, key, level)

    def need(self, height: float) -> None:
        """Go to a new page unless so much room is left."""
        if self.y - height < BOTTOM:
            self.new_page()

    def new_page(self) -> None:
        """Close this page; its stream is compressed at once, or those of 4,000 pages would fill the memory."""
        self.canvas.showPage()
        page = self.document.Pages.pages[-1]
        page.Contents = pdfdoc.PDFArray([self._stream(page.stream)])
        page.stream = None
        page.__NoDefault__ = [*page.__NoDefault__, "StructParents", "Tabs"]
        page.StructParents, page.Tabs = self.page - 1, "/S"
        self.page += 1
        self.y = TOP

    def finish(self, frame: Frame) -> None:
        """Close the last page, put the frame on each, and write the file."""
        self.new_page()
        pages = self.document.Pages.pages
        for number, page in enumerate(pages, 1):
            frame(self, number, len(pages))
            page.Contents.sequence.append(self._stream(self._taken_code()))
        self.tree.finish()
        self._lines.cache_clear()
        self.canvas.save()

    def _taken_code(self) -> str:
        """What was drawn since, to go elsewhere than onto a page of its own."""
        code = "\n".join(self.canvas._code)
        self.canvas._code.clear()
        return code

    def _stream(self, code: str) -> Any:
        stream = _Stream(content=zlib.compress(code.encode("latin-1")))
        stream.dictionary["Filter"] = pdfdoc.PDFName("FlateDecode")
        return self.document.Reference(stream)


class _Stream(pdfdoc.PDFStream):  # type: ignore[misc]
    """A stream that is let go of once it is written: the file is put together in memory."""

    def format(self, document: Any) -> bytes:
        """The bytes, once."""
        written: bytes = super().format(document)
        self.content = None
        return written


def _three(colour: Colour) -> str:
    return f"{colour[0]:g} {colour[1]:g} {colour[2]:g}"
