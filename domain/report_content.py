"""What a report tells of its event: what the pinned entries lead to, and nothing newer (P9).

Of a chain that is not whole only the stores' present rows can be told; the report says that, and what is wrong.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from domain.audit_report import ReportedEvent, ReportedParticipant, ReportedPayment
from domain.event_state import Event
from domain.event_status import EventStatus
from domain.history_walk import Walk


def present_event(event: Event) -> ReportedEvent:
    """An event as it stands."""
    return ReportedEvent(
        id=event.id,
        title=event.title,
        description=event.description,
        location=event.location,
        start_time=event.start_time,
        end_time=event.end_time,
        status=event.status,
        canceled_reason=event.canceled_reason,
        creator_id=event.creator_id,
    )


def begins_with_creation(walk: Walk) -> bool:
    """Does a chain tell all of its event? One that began later leaves the present rows to be told."""
    return "creator_id" in walk.told.row


def told_event(event: Event, walk: Walk) -> ReportedEvent:
    """An event as a whole chain tells of it. What was erased is missing; a title is then empty."""
    row = walk.told.row
    return ReportedEvent(
        id=event.id,
        title=_text(row["title"]) or "",
        description=_text(row["description"]),
        location=_text(row["location"]),
        start_time=datetime.fromisoformat(str(row["start_time"])),
        end_time=datetime.fromisoformat(str(row["end_time"])),
        status=EventStatus(str(row["status"])),
        canceled_reason=_text(row["canceled_reason"]),
        creator_id=event.creator_id,
    )


def told_people(people: Iterable[ReportedParticipant], walk: Walk) -> tuple[ReportedParticipant, ...]:
    """The same of those who take part: by the names that they had when they were let in."""
    return tuple(
        replace(one, name=walk.names.get(one.user_id), confirmed_at=walk.agreed_at.get(one.user_id)) for one in people
    )


def told_payments(payments: Iterable[ReportedPayment], walk: Walk) -> tuple[ReportedPayment, ...]:
    """The same of payments; one that the chain does not know yet is newer."""
    return tuple(
        replace(
            one,
            amount=Decimal(str(told["amount"])),
            currency=str(told["currency"]),
            refunded=Decimal(str(told["refunded_amount"])),
            status=str(told["status"]),
        )
        for one in payments
        if (told := walk.told.payments.get(one.id))
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
