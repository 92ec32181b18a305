"""The panel of page 1 that says whether the chain is whole, and gives what a verifier needs: length, head, QR code."""

from typing import Final

from domain.audit_report import AuditReport
from reports.marks import chain_mark
from reports.qr import QUIET_ZONE_MODULES, dark_modules
from reports.sheet import Sheet
from reports.styles import (
    BAD,
    BAD_TINT,
    FACT_SPACE,
    GOOD,
    GOOD_TINT,
    HASH,
    HASH_STRONG,
    INK,
    LABEL,
    LEFT,
    RIGHT,
    SMALL,
    SUBHEADING,
    WHITE,
    WIDTH,
)
from reports.words import Words

FAULTS_MAX: Final = 6
"""Named on page 1; the first is where reading must stop."""
PADDING: Final = 11.0
BAR: Final = 3.0
QR_SIDE: Final = 92.0
TEXT_X: Final = LEFT + BAR + PADDING
TEXT_WIDTH: Final = RIGHT - QR_SIDE - 2 * PADDING - TEXT_X
MARK_SPACE: Final = 5.0


def draw(sheet: Sheet, report: AuditReport, words: Words) -> None:
    """The panel: green, or red with the first entries that are wrong."""
    chain = report.chain
    colour, tint = (BAD, BAD_TINT) if chain.faults else (GOOD, GOOD_TINT)
    title = SUBHEADING._replace(colour=colour, size=11, leading=17)
    said = "broken" if chain.faults else "whole"
    count = len(chain.faults) if chain.faults else 0
    text = [*sheet.lines(words(f"{said}_text", length=f"{chain.length:,}", count=f"{count:,}"), SMALL, TEXT_WIDTH)]
    for fault in chain.faults[:FAULTS_MAX]:
        named = words("fault", seq=fault.chain_seq, kind=words(fault.kind), detail=fault.detail)
        text += sheet.few(named, SMALL, TEXT_WIDTH, 1)
    if count > FAULTS_MAX:
        text += sheet.lines(words("more_faults", count=f"{count - FAULTS_MAX:,}"), SMALL, TEXT_WIDTH)
    marks = ((words("head"), chain.head.hex(), HASH_STRONG), (words("mark"), chain_mark(report), HASH))
    height = title.leading + len(text) * SMALL.leading
    height += sum(MARK_SPACE + LABEL.leading + kind.leading for _, _, kind in marks)
    height = max(height, QR_SIDE) + 2 * PADDING
    top = sheet.y
    sheet.box(LEFT, top, WIDTH, height, tint)
    sheet.box(LEFT, top, BAR, height, colour)
    _draw_code(sheet, RIGHT - PADDING - QR_SIDE, top - PADDING, chain_mark(report), words)
    y = top - PADDING
    y -= sheet.put(sheet.line(words(said), title), title, TEXT_X, y, "H2")
    y -= sheet.put(text, SMALL, TEXT_X, y)
    for label, value, kind in marks:
        y -= MARK_SPACE
        y -= sheet.put(sheet.line(label, LABEL), LABEL, TEXT_X, y)
        y -= sheet.put(sheet.lines(value, kind, WIDTH), kind, TEXT_X, y)
    sheet.y = top - height - FACT_SPACE


def _draw_code(sheet: Sheet, left: float, top: float, text: str, words: Words) -> None:
    sheet.box(left, top, QR_SIDE, QR_SIDE, WHITE)
    side, modules = dark_modules(text)
    module = QR_SIDE / (side + 2 * QUIET_ZONE_MODULES)
    with sheet.tagged("Figure", words("qr")):
        sheet.squares(
            (
                (left + (column + QUIET_ZONE_MODULES) * module, top - (row + QUIET_ZONE_MODULES + 1) * module)
                for row, column in modules
            ),
            module,
            INK,
        )
