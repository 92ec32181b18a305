"""The audit PDF, from values to bytes, before it is signed: equal values make equal bytes (P9)."""

from pathlib import Path
from typing import BinaryIO, Final

from domain.audit_report import AuditReport, Progress
from reports import annex, brief, chain_attachment, checking, timeline
from reports.attachments import attach
from reports.fonts import load
from reports.marks import chain_mark, page_mark
from reports.moments import pdf_date
from reports.sheet import Sheet
from reports.styles import FOOTER_BOTTOM, FRAME, FRAME_MARK, HEADER_TOP, LEFT, PAGE_HEIGHT, RIGHT
from reports.words import Words

PRODUCER: Final = "timingle, ReportLab"


def render(report: AuditReport, out: BinaryIO, fonts: Path, progress: Progress) -> None:
    """Write the document. `fonts` is the folder where the pinned fonts are kept (reports.font_pinning).

    `progress` hears how many of the entries are drawn; what it raises ends the rendering. Raises FontsNotMade.
    """
    words = Words(report.language)
    sheet = Sheet(out, load(fonts), report.language)
    _describe(sheet, report, words)
    milestones = timeline.find(report.entries(), words)
    brief.draw(sheet, report, milestones, words)
    annex.draw(sheet, report, words, progress)
    checking.draw(sheet, report, words)
    attach(
        sheet.document,
        chain_attachment.FILE_NAME,
        words("subject", length=report.chain.length),
        chain_attachment.encode(report),
        pdf_date(report.requested_at),
    )
    sheet.finish(lambda sheet, page, pages: _draw_frame(sheet, report, words, page, pages))


def _describe(sheet: Sheet, report: AuditReport, words: Words) -> None:
    """The properties that a reader of PDFs shows."""
    canvas = sheet.canvas
    canvas.setTitle(words("title", report=report.report_id, event=report.event.id))
    canvas.setSubject(words("subject", length=report.chain.length))
    canvas.setKeywords(chain_mark(report))
    canvas.setAuthor("timingle")
    canvas.setCreator("timingle")
    canvas.setProducer(PRODUCER)
    canvas.setDateFormatter(lambda *_: pdf_date(report.requested_at))
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.showOutline()


def _draw_frame(sheet: Sheet, report: AuditReport, words: Words, page: int, pages: int) -> None:
    """Header and footer of a page; which report it is of is printed for the verifier too."""
    header, footer = PAGE_HEIGHT - HEADER_TOP, FOOTER_BOTTOM + FRAME.leading
    with sheet.artifact():
        sheet.put(sheet.line(words("product"), FRAME), FRAME, LEFT, header, None)
        event = words("frame", event=report.event.id, report=report.report_id)
        sheet.put(sheet.line(event, FRAME), FRAME, LEFT, header, None, right=RIGHT)
        sheet.put(sheet.line(page_mark(report, page, pages), FRAME_MARK), FRAME_MARK, LEFT, footer, None)
        number = words("page", page=f"{page:,}", pages=f"{pages:,}")
        sheet.put(sheet.line(number, FRAME), FRAME, LEFT, footer, None, right=RIGHT)
    sheet.rule(header - FRAME.leading - 4)
