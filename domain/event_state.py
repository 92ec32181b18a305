"""An event as it stands, with who takes part in it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from domain.event_status import EventStatus


class Participant(NamedTuple):
    """Somebody who takes part."""

    user_id: int
    confirmed: bool
    joined_seq: int
    """The event's last seq when the user was let in."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event, with who takes part in it by user_id, and the end of its history."""

    id: int
    title: str
    description: str | None
    start_time: datetime
    end_time: datetime
    location: str | None
    creator_id: int
    status: EventStatus
    journal: int
    history_length: int
    history_head: str | None
    """Hexadecimal; None before its first entry."""
    canceled_reason: str | None
    open_slot_id: int | None
    created_at: datetime
    updated_at: datetime
    participants: tuple[Participant, ...]


def moment(at: datetime) -> str:
    """A time as it stands in an entry's bytes: UTC, to the microsecond, of one length."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
