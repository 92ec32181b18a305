"""Times, spans and amounts as a reader of the document's language writes them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from domain.audit_report import Language
from domain.korea import KOREA
from domain.money import MINOR_UNITS

CALENDAR_YEARS: Final = 400
"""After so many years days and weekdays come again (Gregorian calendar)."""
WEEKDAYS: Final = {
    Language.KOREAN: "월화수목금토일",
    Language.ENGLISH: ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
UNITS: Final = {
    Language.KOREAN: (("일", 86_400), ("시간", 3_600), ("분", 60)),
    Language.ENGLISH: ((" d", 86_400), (" h", 3_600), (" min", 60)),
}


def day_and_minute(at: datetime, language: Language, zone: timezone = KOREA) -> str:
    """2026-11-25 (수) 18:00, in Korea unless told otherwise."""
    day, there = _there(at, zone)
    return f"{day} ({WEEKDAYS[language][there.weekday()]}) {there:%H:%M}"


def span(start: datetime, end: datetime, language: Language, zone: timezone = KOREA) -> tuple[str, str]:
    """Start and end, the day of the end only if it is another one."""
    day, there = _there(end, zone)
    shown = f"{there:%H:%M}" if day == _there(start, zone)[0] else day_and_minute(end, language, zone)
    return day_and_minute(start, language, zone), shown


def second(at: datetime) -> str:
    """2026-11-25 18:00:05 in Korea."""
    day, there = _there(at, KOREA)
    return f"{day} {there:%H:%M:%S}"


def millisecond(at: datetime, zone: timezone) -> str:
    """2026-11-25 18:00:05.123 KST: an entry's whole time."""
    day, there = _there(at, zone)
    return f"{day} {there:%H:%M:%S}.{there.microsecond // 1_000:03d} {there:%Z}"


def pdf_date(at: datetime) -> str:
    """D:20261125090005Z: in UTC, as files write it (ISO 32000-1, 7.9.4)."""
    return f"D:{at.astimezone(UTC):%Y%m%d%H%M%S}Z"


def _there(at: datetime, zone: timezone) -> tuple[str, datetime]:
    """The day, and a time of that weekday. In Korea the last hours of the year 9999 are beyond Python's calendar."""
    try:
        there, beyond = at.astimezone(zone), 0
    except OverflowError:
        there, beyond = at.replace(year=at.year - CALENDAR_YEARS).astimezone(zone), CALENDAR_YEARS
    return f"{there.year + beyond:04d}-{there:%m-%d}", there


def length(span_of: timedelta, language: Language) -> str:
    """The two largest units of a span of time: 3시간 5분, 3 h 5 min."""
    left = abs(int(span_of.total_seconds()))
    parts = []
    for name, seconds in UNITS[language]:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or f"0{UNITS[language][-1][0]}"


def money(amount: Decimal, currency: str, language: Language) -> str:
    """An amount with its currency; where that has no fractions none is printed, unless there is one all the same."""
    is_whole = MINOR_UNITS.get(currency) == 0 and amount == amount.to_integral_value()
    shown = f"{amount:,.0f}" if is_whole else f"{amount:,.2f}"
    return f"{shown}원" if currency == "KRW" and language is Language.KOREAN else f"{shown} {currency}"
