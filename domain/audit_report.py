"""What an audit PDF is made of: values, read from the stores before anything is drawn (P9).

Everything is as of the pinned end of the chain: `event` is what the first `chain.length` entries lead to.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.event_status import EventStatus
from domain.history import Entry
from domain.history_verify import Fault


class Language(StrEnum):
    """What an audit PDF may be written in (ISO 639-1)."""

    KOREAN = "ko"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """An event as a report tells of it."""

    id: int
    title: str
    description: str | None
    location: str | None
    start_time: datetime
    end_time: datetime
    status: EventStatus
    canceled_reason: str | None
    creator_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedParticipant:
    """Somebody who takes part, or took part and was named by the chain."""

    user_id: int
    name: str | None
    """None: erased."""
    phone: str | None
    """Masked (domain.phone.masked); None: erased."""
    confirmed_at: datetime | None
    """None: has not agreed to the time as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPayment:
    """A payment of the event."""

    id: int
    amount: Decimal
    currency: str
    """ISO 4217."""
    refunded: Decimal
    status: str
    method: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedChain:
    """The pinned end of an event's chain, and whether the chain is whole up to there."""

    length: int
    head: bytes
    """Hash of the last entry on record; domain.history.GENESIS of an empty chain."""
    faults: tuple[Fault, ...]
    """What domain.history_verify found; none: the chain is whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All that a report says. Equal values make equal bytes."""

    report_id: int
    language: Language
    requested_at: datetime
    requested_by: int
    """Id of the user who asked; one of the participants."""
    event: ReportedEvent
    participants: tuple[ReportedParticipant, ...]
    """By user_id."""
    payments: tuple[ReportedPayment, ...]
    """By id."""
    chain: ReportedChain
    entries: Callable[[], Iterable[Entry]]
    """The entries up to the pinned length, oldest first, read anew at each call: 50,000 at once would fill the memory.

    Of a broken chain the ones that are there, in the order of the store's keys.
    """


Progress = Callable[[int, int], None]
"""Told how many of how many entries are done; it may raise, which ends the rendering."""
