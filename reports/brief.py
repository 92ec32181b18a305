"""The brief: on two pages at most what the event was, whether its history is whole, who took part, what was paid, and
how it went. What could be of any length is cut off visibly; all of it stands in the annex."""

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from domain.audit_report import AuditReport, ReportedParticipant, ReportedPayment
from domain.event_status import EventStatus
from domain.history import ChangeType
from reports import integrity, timeline
from reports.characters import Shown, within
from reports.describe import status_text
from reports.moments import day_and_minute, length, money, second, span
from reports.sheet import Sheet
from reports.styles import (
    ACCENT,
    BAD,
    BODY,
    FACT_SPACE,
    GOOD,
    HEADING,
    KICKER,
    LABEL,
    LEFT,
    MUTED,
    PILL,
    RIGHT,
    RULE,
    SMALL,
    SMALL_MUTED,
    STRONG,
    TITLE,
    WIDTH,
    Colour,
    Type,
)
from reports.timeline import Milestones
from reports.words import Words

FACT_X: Final = LEFT + 84
TITLE_LINES_MAX: Final = 3
PLACE_LINES_MAX: Final = 2
TEXT_LINES_MAX: Final = 3
PEOPLE_MAX: Final = 6
PAYMENTS_MAX: Final = 5
TIMELINE_HEIGHT_MIN: Final = 110.0
"""A timeline is not begun for less room: its heading and two points."""
STATUS_COLOURS: Final[dict[EventStatus, Colour]] = {
    EventStatus.PROPOSED: ACCENT,
    EventStatus.CONFIRMED: GOOD,
    EventStatus.DONE: GOOD,
    EventStatus.CANCELED: BAD,
}


def draw(sheet: Sheet, report: AuditReport, milestones: Milestones, words: Words) -> None:
    """Both pages."""
    sheet.bookmark(report.event.title or words("erased"))
    _draw_title(sheet, report, words)
    if report.chain.faults:
        integrity.draw(sheet, report, words)
        _draw_facts(sheet, report, milestones, words)
    else:
        _draw_facts(sheet, report, milestones, words)
        integrity.draw(sheet, report, words)
    _draw_people(sheet, report.participants, words)
    _draw_payments(sheet, report.payments, words)
    sheet.need(TIMELINE_HEIGHT_MIN)
    heading(sheet, words("timeline"))
    sheet.y -= (
        sheet.put(sheet.lines(words("timeline_text"), SMALL_MUTED, WIDTH), SMALL_MUTED, LEFT, sheet.y) + FACT_SPACE
    )
    timeline.draw(sheet, milestones, words)


def heading(sheet: Sheet, text: Shown) -> None:
    """The heading of a section, and its bookmark."""
    sheet.y -= FACT_SPACE
    sheet.bookmark(text, 1)
    sheet.y -= sheet.put(sheet.line(text, HEADING), HEADING, LEFT, sheet.y, "H2")


def _draw_title(sheet: Sheet, report: AuditReport, words: Words) -> None:
    event = report.event
    status = sheet.line(words(event.status), PILL)
    width = status[0].width + 18
    with sheet.artifact():
        sheet.pill(RIGHT - width, sheet.y, width, PILL.leading + 4, STATUS_COLOURS[event.status])
    sheet.put(status, PILL, LEFT, sheet.y - 2, right=RIGHT - 9)
    sheet.y -= sheet.put(sheet.line(words("product"), KICKER), KICKER, LEFT, sheet.y) + 4
    title = event.title or words("erased")
    sheet.y -= sheet.put(sheet.few(title, TITLE, WIDTH, TITLE_LINES_MAX), TITLE, LEFT, sheet.y, "H1")
    made = words("made", user=report.requested_by, at=f"{second(report.requested_at)} KST")
    sheet.y -= sheet.put(sheet.line(made, SMALL_MUTED), SMALL_MUTED, LEFT, sheet.y) + FACT_SPACE
    sheet.rule(sheet.y)
    sheet.y -= FACT_SPACE


def _draw_facts(sheet: Sheet, report: AuditReport, milestones: Milestones, words: Words) -> None:
    event = report.event
    start, end = span(event.start_time, event.end_time, words.language)
    start_utc, end_utc = span(event.start_time, event.end_time, words.language, UTC)
    _fact(sheet, words("when"), words("span", start=start, end=end), STRONG, 1)
    _fact(sheet, "", words("span_utc", start=start_utc, end=end_utc), SMALL_MUTED, 1)
    _fact(sheet, words("where"), event.location or words("none"), BODY, PLACE_LINES_MAX)
    creator = next((one for one in report.participants if one.user_id == event.creator_id), None)
    by = person(creator, words) if creator else words("user", id=event.creator_id)
    _fact(sheet, words("by"), by, BODY, 1)
    if event.description:
        _fact(sheet, words("about"), event.description, BODY, TEXT_LINES_MAX)
    ending = milestones.ending
    if ending is not None and ending.change_type == ChangeType.CANCELED:
        before = event.start_time - ending.changed_at
        key = "canceled_before" if before.total_seconds() >= 0 else "canceled_after"
        said = words(
            key,
            who=timeline.who(ending, words),
            span=length(before, words.language),
            at=f"{day_and_minute(ending.changed_at, words.language)} KST",
        )
        _fact(sheet, words("canceled_by"), said, STRONG, PLACE_LINES_MAX)
        _fact(sheet, words("reason"), event.canceled_reason or words("erased"), BODY, TEXT_LINES_MAX)
    elif ending is not None:
        at = f"{day_and_minute(ending.changed_at, words.language)} KST"
        _fact(sheet, words("done_at"), within("{at} · {who}", at=at, who=timeline.who(ending, words)), BODY, 1)
    sheet.y -= FACT_SPACE


def _fact(sheet: Sheet, label: str, value: str, kind: Type, lines_max: int) -> None:
    """A label and what stands beside it."""
    with sheet.tagged("P"):
        sheet.put(sheet.line(label, LABEL), LABEL, LEFT, sheet.y - (kind.leading - LABEL.leading) / 2, None)
        sheet.y -= sheet.put(sheet.few(value, kind, RIGHT - FACT_X, lines_max), kind, FACT_X, sheet.y, None) + 1.5


def person(one: ReportedParticipant, words: Words) -> Shown:
    """Somebody by name and id."""
    return words("who", name=one.name or words("erased"), id=one.user_id)


def _draw_people(sheet: Sheet, people: Sequence[ReportedParticipant], words: Words) -> None:
    shown = people[:PEOPLE_MAX]
    rows = [
        (
            person(one, words),
            one.phone or words("erased"),
            second(one.confirmed_at) if one.confirmed_at else words("not_confirmed"),
        )
        for one in shown
    ]
    more = words("more_people", count=f"{len(people) - len(shown):,}") if len(people) > len(shown) else None
    names = (words("name"), words("phone"), words("confirmed_at"))
    _draw_table(sheet, words("people"), names, (0, 0.5, 0.74), rows, more)


def _draw_payments(sheet: Sheet, payments: Sequence[ReportedPayment], words: Words) -> None:
    shown = payments[:PAYMENTS_MAX]
    rows = [
        (
            Shown(f"#{one.id}"),
            status_text(one.status, one.amount, one.refunded, words),
            money(one.amount, one.currency, words.language),
            money(one.refunded, one.currency, words.language),
            one.method or "–",
            second(one.created_at),
        )
        for one in shown
    ]
    more = words("more_payments", count=f"{len(payments) - len(shown):,}") if len(payments) > len(shown) else None
    names = tuple(words(key) for key in ("payment", "status", "amount", "refunded", "method", "paid_at"))
    note = more if payments else words("no_payments")
    _draw_table(sheet, words("payments"), names, (0, 0.1, 0.28, 0.46, 0.62, 0.74), rows, note)


def _draw_table(
    sheet: Sheet,
    title: Shown,
    names: Sequence[str],
    at: Sequence[float],
    rows: Sequence[Sequence[str]],
    note: Shown | None,
) -> None:
    """A small table: columns begin at these parts of the width."""
    row_height = SMALL.leading + 4.5
    sheet.need(HEADING.leading + LABEL.leading + (len(rows) + 2) * row_height)
    heading(sheet, title)
    ends = (*at[1:], 1.0)
    for kind, cells in ((LABEL, names), *((SMALL, row) for row in rows)) if rows else ():
        with sheet.tagged("P"):
            for cell, start, end in zip(cells, at, ends, strict=True):
                room = (end - start) * WIDTH - 6
                sheet.put(sheet.line(cell, kind, room), kind, LEFT + start * WIDTH, sheet.y - 2.5, None)
        sheet.y -= row_height
        sheet.rule(sheet.y + 0.5, colour=MUTED if kind is LABEL else RULE)
    if note:
        sheet.y -= 2 + sheet.put(sheet.line(note, SMALL_MUTED), SMALL_MUTED, LEFT, sheet.y - 2)
    sheet.y -= FACT_SPACE
