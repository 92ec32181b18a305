"""How an audit PDF looks: paper, margins, sizes, colours."""

from typing import Final, NamedTuple

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm

Colour = tuple[float, float, float]
"""Red, green, blue: 0 to 1."""

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN_SIDE: Final = 19 * mm
MARGIN_TOP: Final = 27 * mm
MARGIN_BOTTOM: Final = 21 * mm
HEADER_TOP: Final = 12 * mm
FOOTER_BOTTOM: Final = 11 * mm
LEFT: Final = MARGIN_SIDE
RIGHT: Final = PAGE_WIDTH - MARGIN_SIDE
WIDTH: Final = RIGHT - LEFT
TOP: Final = PAGE_HEIGHT - MARGIN_TOP
BOTTOM: Final = MARGIN_BOTTOM

INK: Final = (0.11, 0.13, 0.17)
MUTED: Final = (0.40, 0.43, 0.49)
ACCENT: Final = (0.13, 0.27, 0.49)
GOOD: Final = (0.08, 0.42, 0.27)
BAD: Final = (0.70, 0.11, 0.12)
RULE: Final = (0.84, 0.86, 0.89)
GOOD_TINT: Final = (0.937, 0.972, 0.949)
BAD_TINT: Final = (0.996, 0.937, 0.934)
WHITE: Final = (1.0, 1.0, 1.0)


class Type(NamedTuple):
    """Type of one kind; sizes in points."""

    is_bold: bool
    size: float
    leading: float
    colour: Colour = INK


KICKER: Final = Type(True, 8.5, 12, ACCENT)
TITLE: Final = Type(True, 21, 28)
HEADING: Final = Type(True, 12.5, 18, ACCENT)
SUBHEADING: Final = Type(True, 9.5, 14)
BODY: Final = Type(False, 9.5, 14.5)
STRONG: Final = Type(True, 9.5, 14.5)
LABEL: Final = Type(False, 8, 12, MUTED)
SMALL: Final = Type(False, 8, 11.5)
SMALL_MUTED: Final = Type(False, 8, 11.5, MUTED)
CELL: Final = Type(False, 7.6, 10.6)
CELL_STRONG: Final = Type(True, 7.6, 10.6)
CELL_BAD: Final = Type(True, 7.6, 10.6, BAD)
CELL_BEFORE: Final = Type(False, 7.6, 10.6, MUTED)
CELL_MUTED: Final = Type(False, 7, 10, MUTED)
HASH: Final = Type(False, 6.2, 9, MUTED)
HASH_STRONG: Final = Type(False, 8, 12)
PILL: Final = Type(True, 8.5, 12, WHITE)
FRAME: Final = Type(False, 7.2, 10, MUTED)
FRAME_MARK: Final = Type(False, 6, 10, MUTED)
FACT_SPACE: Final = 7.0
"""Between paragraphs, and around rules."""
