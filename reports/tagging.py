"""The structure tree of a tagged PDF (PDF 32000-1, 14.7): what is a heading, a paragraph, a figure, in reading order.

reportlab has none. An entry of the annex is one element, so an element is kept small and written when its turn comes.
"""

from typing import Any, Final

from reportlab.pdfbase import pdfdoc

ROOT: Final = "StructureRoot"
DOCUMENT: Final = "StructureDocument"


class _Element(pdfdoc.PDFObject):  # type: ignore[misc]
    """A paragraph, a heading, a figure: what is marked by this number on this page."""

    def __init__(self, role: str, page: str, number: int, description: str) -> None:
        self.role, self.page, self.number, self.description = role, page, number, description

    def format(self, document: Any) -> bytes:
        """The bytes."""
        parent, page = (reference(name).format(document) for name in (DOCUMENT, self.page))
        alt = b"/Alt %b" % pdfdoc.PDFString(self.description).format(document) if self.description else b""
        return b"<</Type/StructElem/S/%b/P %b/Pg %b%b/K %d>>" % (self.role.encode(), parent, page, alt, self.number)


class _Raw(pdfdoc.PDFObject):  # type: ignore[misc]
    """An object whose bytes are made when the file is written."""

    def __init__(self, template: bytes, *names: str) -> None:
        self.template, self.names = template, names

    def format(self, document: Any) -> bytes:
        """The bytes; %b are references."""
        return self.template % tuple(reference(name).format(document) for name in self.names)


def reference(name: str) -> Any:
    """An object by its name in the document."""
    return pdfdoc.PDFObjectReference(name)


class StructureTree:
    """Elements, each with the marked content that belongs to it."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._elements: list[list[str]] = []
        """Their names, by page, then by number of the marked content."""
        self._page = ""

    def add(self, role: str, page: int, description: str = "") -> int:
        """A new element on a page (from 0); the number that its marked content is to have there."""
        while len(self._elements) <= page:
            self._elements.append([])
            self._page = self._document.thisPageName()
        number = len(self._elements[page])
        element = _Element(role, self._page, number, description)
        self._elements[page].append(self._document.Reference(element).name)
        return number

    def finish(self) -> None:
        """Put the tree into the catalog, when all pages are drawn."""
        document = self._document
        kids = [element for page in self._elements for element in page]
        pages = [document.Reference(_Raw(b"[%b]" % _slots(len(page)), *page)).name for page in self._elements]
        numbers = b" ".join(b"%d %%b" % page for page in range(len(pages)))
        parents = document.Reference(_Raw(b"<</Nums[%b]>>" % numbers, *pages)).name
        document.Reference(
            _Raw(b"<</Type/StructElem/S/Document/P %%b/K[%b]>>" % _slots(len(kids)), ROOT, *kids), DOCUMENT
        )
        template = b"<</Type/StructTreeRoot/K %%b/ParentTree %%b/ParentTreeNextKey %d>>" % len(pages)
        document.Reference(_Raw(template, DOCUMENT, parents), ROOT)
        document.Catalog.StructTreeRoot = reference(ROOT)
        document.Catalog.MarkInfo = pdfdoc.PDFDictionary({"Marked": "true"})


def _slots(count: int) -> bytes:
    """Room for so many references."""
    return b" ".join([b"%b"] * count)
