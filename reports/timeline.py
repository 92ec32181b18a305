"""The timeline of the brief: what decided how an event went, each with its time, its entry and who did it."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from domain.history import ChangeType, Entry
from reports.characters import Shown, cut, joined, within
from reports.describe import tell
from reports.moments import second
from reports.sheet import Sheet
from reports.styles import ACCENT, BAD, BOTTOM, GOOD, LEFT, MUTED, RIGHT, RULE, SMALL, SMALL_MUTED, STRONG, Colour
from reports.words import Words

FIRST_SHOWN: Final = 6
LAST_SHOWN: Final = 8
"""How it began and how it ended; what lies between stands in the annex."""
TIME_WIDTH: Final = 104.0
DOT_X: Final = LEFT + TIME_WIDTH + 8
TEXT_X: Final = DOT_X + 14
DOT_RADIUS: Final = 3.2
SPACE: Final = 7.0
VALUE_CHARACTERS_MAX: Final = 160
"""Of a value in the timeline, which has one line; all of it stands in the annex."""
DECISIVE: Final = frozenset(
    {
        ChangeType.CREATED,
        ChangeType.CONFIRMED,
        ChangeType.CANCELED,
        ChangeType.DONE,
        ChangeType.PARTICIPANT_CONFIRMED,
        ChangeType.PARTICIPANT_UNCONFIRMED,
        ChangeType.PARTICIPANT_REMOVED,
        ChangeType.PAYMENT_CREATED,
        ChangeType.PAYMENT_CHANGED,
        ChangeType.PAYMENT_CORRECTED,
    }
)
SAID_ALREADY: Final = frozenset(
    {ChangeType.CREATED, ChangeType.CONFIRMED, ChangeType.DONE, ChangeType.PARTICIPANT_CONFIRMED}
)
"""What happened and who did it is all there is to say; a creation's fields stand above."""
MOVES: Final = frozenset({"start_time", "end_time", "location"})
COLOURS: Final[dict[str, Colour]] = {
    ChangeType.CREATED: ACCENT,
    ChangeType.CONFIRMED: GOOD,
    ChangeType.CANCELED: BAD,
    ChangeType.DONE: GOOD,
}


class Milestone(NamedTuple):
    """One point of the timeline."""

    at: datetime
    seq: int
    kind: str
    what: Shown
    who: Shown
    value: str


class Milestones(NamedTuple):
    """The first and the last ones, and how many lie between."""

    first: list[Milestone]
    between: int
    last: list[Milestone]
    ending: Entry | None
    """The entry that cancelled the event, or made it done."""


def find(entries: Iterable[Entry], words: Words) -> Milestones:
    """What a timeline shows, of any number of entries."""
    first: list[Entry] = []
    last: deque[Entry] = deque(maxlen=LAST_SHOWN)
    count = 0
    ending = None
    for entry in entries:
        if entry.change_type not in DECISIVE and entry.field_name not in MOVES:
            continue
        count += 1
        if entry.change_type in (ChangeType.CANCELED, ChangeType.DONE):
            ending = entry
        if len(first) < FIRST_SHOWN:
            first.append(entry)
        else:
            last.append(entry)
    between = count - len(first) - len(last)
    return Milestones(
        [_milestone(entry, words) for entry in first], between, [_milestone(entry, words) for entry in last], ending
    )


def _milestone(entry: Entry, words: Words) -> Milestone:
    told = tell(entry, words)
    value = joined("  →  ", told.before + told.after) if entry.field_name in MOVES else joined(" · ", told.after)
    if entry.change_type in SAID_ALREADY:
        value = Shown()
    return Milestone(
        entry.changed_at,
        entry.chain_seq,
        entry.change_type,
        told.what,
        who(entry, words),
        cut(value, VALUE_CHARACTERS_MAX),
    )


def who(entry: Entry, words: Words) -> Shown:
    """Who did it, by name and id; the clock has neither."""
    if entry.actor_id is None:
        return words("system")
    if not entry.actor_name:
        return words("user", id=entry.actor_id)
    return words("who", name=entry.actor_name, id=entry.actor_id)


def draw(sheet: Sheet, milestones: Milestones, words: Words) -> None:
    """Points on a line, the oldest first."""
    points: list[Milestone | None] = [*milestones.first, *([None] if milestones.between else []), *milestones.last]
    joint: float | None = None
    for point in points:
        joint = (
            _draw_gap(sheet, milestones.between, words, joint) if point is None else _draw_point(sheet, point, joint)
        )


def _draw_point(sheet: Sheet, point: Milestone, joint: float | None) -> float:
    """One point and what it says; where the line goes on from. `joint` is where the point before stands."""
    text = sheet.few(within("{what}  ·  {who}", what=point.what, who=point.who), STRONG, RIGHT - TEXT_X, 1)
    value = sheet.few(point.value, SMALL, RIGHT - TEXT_X, 1)
    height = STRONG.leading + len(value) * SMALL.leading + SPACE
    if sheet.y - height < BOTTOM:
        sheet.new_page()
        joint = None
    top = sheet.y
    centre = top - STRONG.leading / 2
    _line_to(sheet, joint, centre)
    with sheet.artifact():
        sheet.dot(DOT_X, centre, DOT_RADIUS, COLOURS.get(point.kind, MUTED), point.kind in COLOURS)
    with sheet.tagged("P"):
        sheet.put(sheet.line(second(point.at), SMALL), SMALL, LEFT, top - 1.5, None)
        sheet.put(sheet.line(f"#{point.seq}", SMALL_MUTED), SMALL_MUTED, LEFT, top - 1.5, None, right=DOT_X - 9)
        used = sheet.put(text, STRONG, TEXT_X, top, None)
        sheet.put(value, SMALL, TEXT_X, top - used, None)
    sheet.y -= height
    return centre - DOT_RADIUS


def _draw_gap(sheet: Sheet, between: int, words: Words, joint: float | None) -> float:
    top = sheet.y
    sheet.put(sheet.line(words("gap", count=f"{between:,}"), SMALL_MUTED), SMALL_MUTED, TEXT_X, top)
    sheet.y -= SMALL_MUTED.leading + SPACE
    _line_to(sheet, joint, top)
    return top


def _line_to(sheet: Sheet, joint: float | None, centre: float) -> None:
    """The line between two points of a page."""
    if joint is not None:
        sheet.box(DOT_X - 0.4, joint, 0.8, joint - centre - DOT_RADIUS, RULE)
