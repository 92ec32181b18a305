"""The structure tree of a tagged PDF (PDF 32000-1, 14.7): what is a heading, a paragraph, a figure, in reading order.

reportlab has none. Kept small: an element is one object of some 90 bytes, and an entry of the annex is one element.
"""

from typing import Any, Final

from reportlab.pdfbase import pdfdoc

ROOT: Final = "StructureRoot"
DOCUMENT: Final = "StructureDocument"


class _Raw(pdfdoc.PDFObject):  # type: ignore[misc]
    """An object whose bytes are made when the file is written."""

    def __init__(self, template: str, *references: Any) -> None:
        self.template, self.references = template, references

    def format(self, document: Any) -> bytes:
        """The bytes; `{}` are references."""
        shown = (reference.format(document).decode() for reference in self.references)
        return self.template.format(*shown).encode()


class StructureTree:
    """Elements, each with the marked content that belongs to it."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._root = pdfdoc.PDFObjectReference(ROOT)
        self._parent = pdfdoc.PDFObjectReference(DOCUMENT)
        self._elements: list[list[Any]] = []
        """By page, then by number of the marked content."""

    def add(self, role: str, page: int, description: str = "") -> int:
        """A new element on a page (from 0); the number that its marked content is to have there."""
        while len(self._elements) <= page:
            self._elements.append([])
        number = len(self._elements[page])
        alt = (
            f"/Alt {pdfdoc.PDFString(description).format(self._document).decode()} ".replace("{", "{{")
            if description
            else ""
        )
        element = _Raw(
            f"<</Type/StructElem/S/{role}/P {{}}/Pg {{}}{alt}/K {number}>>", self._parent, self._document.thisPageRef()
        )
        self._elements[page].append(self._document.Reference(element))
        return number

    def finish(self) -> None:
        """Put the tree into the catalog, when all pages are drawn."""
        document = self._document
        kids = [element for page in self._elements for element in page]
        pages = [document.Reference(_Raw(f"[{' '.join(['{}'] * len(page))}]", *page)) for page in self._elements]
        numbers = " ".join(f"{page} {{}}" for page in range(len(pages)))
        parents = document.Reference(_Raw(f"<</Nums[{numbers}]>>", *pages))
        holder = _Raw(f"<</Type/StructElem/S/Document/P {{}}/K[{' '.join(['{}'] * len(kids))}]>>", self._root, *kids)
        document.Reference(holder, DOCUMENT)
        template = f"<</Type/StructTreeRoot/K {{}}/ParentTree {{}}/ParentTreeNextKey {len(pages)}>>"
        document.Reference(_Raw(template, self._parent, parents), ROOT)
        document.Catalog.StructTreeRoot = self._root
        document.Catalog.MarkInfo = pdfdoc.PDFDictionary({"Marked": "true"})
