"""An audit report as reportlab's guide has it: paragraphs in one LongTable, which breaks over pages by itself."""

from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate

from domain.history import Entry
from domain.korea import KOREA
from reports.annex import ACTOR_WIDTH, CHANGE_WIDTH, NUMBER_WIDTH, TIME_WIDTH
from reports.describe import tell
from reports.moments import millisecond
from reports.timeline import who
from reports.words import Words

STYLE = ParagraphStyle("cell", fontName="Korean", fontSize=7.6, leading=10.6, wordWrap="CJK")


def render(entries: Iterable[Entry], words: Words, out: Path) -> None:
    """The annex alone: the same words in the same columns, one font, no tags, no attachment."""
    rows = [[Paragraph(words(key), STYLE) for key in ("number", "time", "actor", "change")]]
    rows += [_row(entry, words) for entry in entries]
    widths = (NUMBER_WIDTH, TIME_WIDTH, ACTOR_WIDTH, CHANGE_WIDTH)
    table: Flowable = LongTable(rows, colWidths=widths, repeatRows=1)
    document = SimpleDocTemplate(str(out), pagesize=A4, leftMargin=19 * mm, rightMargin=19 * mm, invariant=1)
    document.build([table])


def _row(entry: Entry, words: Words) -> list[Paragraph]:
    told = tell(entry, words)
    cells = (
        (str(entry.chain_seq),),
        (millisecond(entry.changed_at, KOREA), millisecond(entry.changed_at, UTC)),
        (who(entry, words), entry.ip_address or "", entry.user_agent or ""),
        (told.what, told.code, *told.before, *told.after, entry.entry_hash.hex(), str(entry.change_id)),
    )
    return [Paragraph("<br/>".join(escape(text) for text in cell), STYLE) for cell in cells]
