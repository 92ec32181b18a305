"""reportlab's TrueType font, with a ToUnicode map that is right beyond U+FFFF too.

reportlab 5.1 writes <1F389> for U+1F389 where UTF-16BE is asked for (<D83CDF89>; PDF 32000-1, 9.10.3): a reader then
finds other characters than are printed. It also puts more lines into one block than the 100 that are allowed.
"""

from collections.abc import Sequence
from typing import Any, Final

from reportlab.pdfbase.ttfonts import SUBSETN, TTFont

BFCHAR_LINES_MAX: Final = 100
"""Of one block (Adobe Technical Note 5014)."""
NOTDEF: Final = 0


class EmbeddedFont(TTFont):  # type: ignore[misc]
    """A font of which a file gets the characters that are printed."""

    def addObjects(self, doc: Any) -> None:  # noqa: N802
        """Put the subsets into the document, reportlab's way, and mend what each says of its characters."""
        subsets = self.state[doc].subsets
        super().addObjects(doc)
        for number, subset in enumerate(subsets):
            name = b"".join((SUBSETN(number), b"+", self.face.name, self.face.subfontNameX)).decode()
            doc.idToObject[f"toUnicodeCMap:{name}"].content = to_unicode(name, subset)


def to_unicode(font_name: str, subset: Sequence[int]) -> str:
    """The ToUnicode map of a subset: the code point of each of its codes."""
    lines = [f"<{code:02X}> <{utf16(point)}>" for code, point in enumerate(subset) if point != NOTDEF]
    blocks = [lines[at : at + BFCHAR_LINES_MAX] for at in range(0, len(lines), BFCHAR_LINES_MAX)]
    return "\n".join(
        (
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            f"/CMapName /{font_name} def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            "<00> <FF>",
            "endcodespacerange",
            *(line for block in blocks for line in (f"{len(block)} beginbfchar", *block, "endbfchar")),
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
        )
    )


def utf16(point: int) -> str:
    """A code point in UTF-16BE, in hexadecimal."""
    return chr(point).encode("utf-16-be").hex().upper()
