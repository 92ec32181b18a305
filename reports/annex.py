"""The annex: every entry of the chain, drawn as it is read, in time and memory that grow with their number alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final

from reportlab.lib.units import mm

from domain.audit_report import AuditReport, Progress
from domain.history import Entry
from domain.history_verify import Fault
from domain.korea import KOREA
from reports.describe import Told, tell
from reports.moments import millisecond
from reports.sheet import Printed, Sheet
from reports.styles import (
    BAD,
    BAD_TINT,
    BOTTOM,
    CELL,
    CELL_BAD,
    CELL_BEFORE,
    CELL_MUTED,
    CELL_STRONG,
    HASH,
    HEADING,
    LABEL,
    LEFT,
    RIGHT,
    RULE,
    SMALL_MUTED,
    TOP,
    WIDTH,
    Type,
)
from reports.timeline import who
from reports.words import Words

GAP: Final = 3 * mm
NUMBER_WIDTH: Final = 11 * mm
TIME_WIDTH: Final = 41 * mm
ACTOR_WIDTH: Final = 41 * mm
TIME_X: Final = LEFT + NUMBER_WIDTH
ACTOR_X: Final = TIME_X + TIME_WIDTH
CHANGE_X: Final = ACTOR_X + ACTOR_WIDTH
CHANGE_WIDTH: Final = RIGHT - CHANGE_X
PADDING: Final = 3.5
HASH_HEIGHT: Final = HASH.leading + 1.5
CODE_CHARACTERS_MAX: Final = 40
"""A longer one is no code of ours, and the attached file has it."""
HEAD_HEIGHT: Final = 16.0
SPLIT_HEIGHT: Final = 300.0
"""A higher row goes on on the next page, a lower one begins there: a page is never left half empty."""
SPLIT_ROOM_MIN: Final = 80.0
"""Some lines of it stand on the page where it begins."""
ENTRIES_A_PROGRESS: Final = 100
"""Between two words to whoever waits: a tenth of a second or so."""
ENTRIES_A_BOOKMARK: Final = 500
"""Some 40 pages."""
assert SPLIT_HEIGHT < TOP - BOTTOM - HEAD_HEIGHT, "what is not split fits a page"


class Column:
    """One column of a row: lines of several types, one below the other."""

    def __init__(self, x: float, width: float, right: float | None = None) -> None:
        self.x, self.width, self.right = x, width, right
        self._parts: list[tuple[Sequence[Printed], Type]] = []

    def add(self, sheet: Sheet, text: str | None, kind: Type) -> None:
        """Go on below."""
        if text:
            self._parts.append((sheet.lines(text, kind, self.width), kind))

    @property
    def height(self) -> float:
        """Of all that is in it."""
        return sum(len(lines) * kind.leading for lines, kind in self._parts)

    def print(self, sheet: Sheet, top: float, height: float) -> None:
        """Print what fits into this height, and keep the rest."""
        while self._parts:
            lines, kind = self._parts.pop(0)
            fit = int(height / kind.leading + 0.001)
            printed = sheet.put(lines[:fit], kind, self.x, top, None, self.right)
            top, height = top - printed, height - printed
            if fit < len(lines):
                self._parts.insert(0, (lines[fit:], kind))
                break


def draw(sheet: Sheet, report: AuditReport, words: Words, progress: Progress) -> None:
    """All entries. `progress` hears of every hundredth."""
    faults: dict[int, list[Fault]] = {}
    for fault in report.chain.faults:
        faults.setdefault(fault.chain_seq, []).append(fault)
    sheet.new_page()
    sheet.bookmark(words("annex"))
    sheet.y -= sheet.put(sheet.line(words("annex"), HEADING), HEADING, LEFT, sheet.y, "H1")
    sheet.y -= sheet.put(sheet.lines(words("annex_text"), SMALL_MUTED, WIDTH), SMALL_MUTED, LEFT, sheet.y) + GAP
    _print_head(sheet, words)
    for place, entry in enumerate(report.entries()):
        if place % ENTRIES_A_BOOKMARK == 0:
            sheet.bookmark(f"{place + 1:,} –", 1)
        _print_entry(sheet, entry, words, faults)
        if (place + 1) % ENTRIES_A_PROGRESS == 0:
            progress(place + 1, report.chain.length)
    progress(report.chain.length, report.chain.length)


def _print_head(sheet: Sheet, words: Words) -> None:
    """The names of the columns, at the top of each page."""
    with sheet.artifact():
        for key, x in (("number", LEFT), ("time", TIME_X), ("actor", ACTOR_X), ("change", CHANGE_X)):
            sheet.put(sheet.line(words(key), LABEL), LABEL, x, sheet.y, None)
    sheet.y -= HEAD_HEIGHT
    sheet.rule(sheet.y, colour=LABEL.colour, width=0.8)


def _print_entry(sheet: Sheet, entry: Entry, words: Words, faults: Mapping[int, Sequence[Fault]]) -> None:
    bad = faults.get(entry.chain_seq, ())
    columns = _columns(sheet, entry, tell(entry, words), words, bad)
    height = max(column.height for column in columns)
    chrome = 2 * PADDING + HASH_HEIGHT
    room = sheet.y - BOTTOM - chrome
    if height > room and (height <= SPLIT_HEIGHT or room < SPLIT_ROOM_MIN):
        _turn(sheet, words)
    while True:
        fits = sheet.y - BOTTOM - chrome
        here = min(height, fits)
        if bad:
            sheet.box(LEFT - GAP, sheet.y, WIDTH + 2 * GAP, here + chrome, BAD_TINT)
        with sheet.tagged("P"):
            for column in columns:
                column.print(sheet, sheet.y - PADDING, here)
            sheet.y -= here + PADDING
            if height <= fits:
                _print_hash(sheet, entry)
        height = max(column.height for column in columns)
        if height <= 0:
            break
        _turn(sheet, words)
        columns[0].add(sheet, words("continued", seq=entry.chain_seq), CELL_MUTED)
    sheet.y -= HASH_HEIGHT + PADDING
    sheet.rule(sheet.y, colour=BAD if bad else RULE)


def _turn(sheet: Sheet, words: Words) -> None:
    sheet.new_page()
    _print_head(sheet, words)


def _print_hash(sheet: Sheet, entry: Entry) -> None:
    """The hash whole and on one line, so that it is found by searching; at the right the entry's id."""
    shown = sheet.line(f"SHA-256: {entry.entry_hash.hex()}", HASH)
    sheet.put(shown, HASH, TIME_X, sheet.y - 1.5, None)
    sheet.put(sheet.line(str(entry.change_id), HASH), HASH, LEFT, sheet.y - 1.5, None, right=RIGHT)


def _columns(sheet: Sheet, entry: Entry, told: Told, words: Words, bad: Sequence[Fault]) -> list[Column]:
    number = Column(LEFT, NUMBER_WIDTH - GAP)
    number.add(sheet, str(entry.chain_seq), CELL_STRONG)
    time = Column(TIME_X, TIME_WIDTH - GAP)
    time.add(sheet, millisecond(entry.changed_at, KOREA), CELL)
    time.add(sheet, millisecond(entry.changed_at, UTC), CELL_MUTED)
    actor = Column(ACTOR_X, ACTOR_WIDTH - GAP)
    actor.add(sheet, who(entry, words), CELL)
    actor.add(sheet, entry.ip_address, CELL_MUTED)
    actor.add(sheet, entry.user_agent, CELL_MUTED)
    change = Column(CHANGE_X, CHANGE_WIDTH)
    for fault in bad:
        change.add(sheet, words("bad_entry", kind=words(fault.kind)), CELL_BAD)
        change.add(sheet, fault.detail, CELL_MUTED)
    change.add(sheet, told.what, CELL_STRONG)
    code = Column(CHANGE_X, CHANGE_WIDTH, RIGHT)
    if len(told.code) <= CODE_CHARACTERS_MAX:
        (code if not bad and _fits_beside(sheet, told) else change).add(sheet, told.code, CELL_MUTED)
    for text in told.before:
        change.add(sheet, words("before", value=text), CELL_BEFORE)
    for text in told.after:
        change.add(sheet, words("after", value=text) if told.before else text, CELL)
    for note in told.notes:
        change.add(sheet, note, CELL_MUTED)
    return [number, time, actor, code, change]


def _fits_beside(sheet: Sheet, told: Told) -> bool:
    """Is there room for the entry's code at the right of the words?"""
    words, code = sheet.lines(told.what, CELL_STRONG, CHANGE_WIDTH)[0], sheet.line(told.code, CELL_MUTED)[0]
    room: float = CHANGE_WIDTH - GAP
    return words.width + code.width <= room
