"""Which fonts an audit PDF is printed in, and in which order a character looks for one that has it."""

import importlib.util
from pathlib import Path
from typing import Final, NamedTuple


class Face(NamedTuple):
    """One weight of a variable font that a package brings."""

    name: str
    """As reportlab knows it."""
    package: str
    file: str
    """Below the package's folder."""
    weight: int
    """OpenType's wght; a variable font that is used unpinned prints hairlines."""

    @property
    def source(self) -> Path:
        """The variable font."""
        found = importlib.util.find_spec(self.package)
        assert found is not None, f"{self.package} is a dependency of timingle"
        assert found.submodule_search_locations, f"{self.package} is a package"
        return Path(found.submodule_search_locations[0], self.file)


REGULAR_WEIGHT: Final = 400
BOLD_WEIGHT: Final = 700
NOTO_CJK: Final = "justmytype_intl_cjk"
NOTO: Final = "manimgx_fonts"
KOREAN: Final = "fonts/ofl/notosanskr/NotoSansKR[wght].ttf"
CHINESE: Final = "fonts/ofl/notosanssc/NotoSansSC[wght].ttf"

FALLBACK: Final = (
    # 1. Hangul, Latin, Greek and Cyrillic, Kana, most Hanja: nearly all that is ever printed.
    Face("Korean", NOTO_CJK, KOREAN, REGULAR_WEIGHT),
    # 2. Latin with every accent, and what of Greek and Cyrillic the first lacks.
    Face("Latin", NOTO, "NotoSans[wght].ttf", REGULAR_WEIGHT),
    # 3. The other Hanja; simplified ones too.
    Face("Chinese", NOTO_CJK, CHINESE, REGULAR_WEIGHT),
    # 4.-10. Scripts with a font of their own.
    Face("Arabic", NOTO, "NotoSansArabic[wght].ttf", REGULAR_WEIGHT),
    Face("Hebrew", NOTO, "NotoSansHebrew[wght].ttf", REGULAR_WEIGHT),
    Face("Thai", NOTO, "NotoSansThai[wght].ttf", REGULAR_WEIGHT),
    Face("Devanagari", NOTO, "NotoSansDevanagari[wght].ttf", REGULAR_WEIGHT),
    Face("Bengali", NOTO, "NotoSansBengali[wght].ttf", REGULAR_WEIGHT),
    Face("Khmer", NOTO, "NotoSansKhmer[wght].ttf", REGULAR_WEIGHT),
    Face("Myanmar", NOTO, "NotoSansMyanmar[wght].ttf", REGULAR_WEIGHT),
    # 11.-12. Signs, and emoji in one colour: they print the same on every printer.
    Face("Symbols", NOTO, "NotoSansSymbols[wght].ttf", REGULAR_WEIGHT),
    Face("Emoji", NOTO, "NotoEmoji[wght].ttf", REGULAR_WEIGHT),
)
"""A character is printed in the first of these that has it; if none has, as its code point (reports.characters)."""

BOLD: Final = Face("KoreanBold", NOTO_CJK, KOREAN, BOLD_WEIGHT)
"""What headings look in first, before FALLBACK."""
