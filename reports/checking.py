"""How to verify the report: numbered steps for somebody who does not trust us."""

from typing import Final

from domain.audit_report import AuditReport
from reports.chain_attachment import FILE_NAME
from reports.sheet import Sheet
from reports.styles import BODY, FACT_SPACE, HEADING, LEFT, RIGHT, STRONG, WIDTH
from reports.words import Words

STEPS: Final = (
    "step_command",
    "step_signature",
    "step_chain",
    "step_head",
    "step_values",
    "step_receipt",
    "step_meaning",
)
STEP_X: Final = LEFT + 22


def draw(sheet: Sheet, report: AuditReport, words: Words) -> None:
    """One page."""
    sheet.new_page()
    sheet.bookmark(words("checking"))
    sheet.y -= sheet.put(sheet.line(words("checking"), HEADING), HEADING, LEFT, sheet.y, "H1")
    sheet.y -= sheet.put(sheet.lines(words("checking_text"), BODY, WIDTH), BODY, LEFT, sheet.y) + FACT_SPACE
    for number, key in enumerate(STEPS, 1):
        text = words(key, file=FILE_NAME, length=f"{report.chain.length:,}")
        with sheet.tagged("P"):
            sheet.put(sheet.line(f"{number}.", STRONG), STRONG, LEFT, sheet.y, None)
            sheet.y -= sheet.put(sheet.lines(text, BODY, RIGHT - STEP_X), BODY, STEP_X, sheet.y, None) + FACT_SPACE
