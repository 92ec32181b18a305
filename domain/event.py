"""What may be asked of events: shapes, limits and when they may take place."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from domain.errors import BadInput
from domain.korea import KOREA
from domain.message import RowId
from domain.texts import NOT_BLANK

PARTICIPANTS_MAX: Final = 10_000
"""Beside the creator."""
DESCRIPTION_CHARACTERS_MAX: Final = 10_000
REASON_CHARACTERS_MAX: Final = 1_000
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone (RFC 3339)."""
Title = Annotated[str, msgspec.Meta(pattern=NOT_BLANK, max_length=200)]
Description = Annotated[str, msgspec.Meta(max_length=DESCRIPTION_CHARACTERS_MAX)]
Location = Annotated[str, msgspec.Meta(max_length=200)]
Reason = Annotated[str, msgspec.Meta(pattern=NOT_BLANK, max_length=REASON_CHARACTERS_MAX)]


class NewEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An event that somebody proposes."""

    actor_id: RowId
    title: Title
    start_time: Moment
    end_time: Moment
    description: Description | None = None
    location: Location | None = None
    participant_ids: Annotated[tuple[RowId, ...], msgspec.Meta(max_length=PARTICIPANTS_MAX)] = ()
    allow_past: bool = False
    """For imports: the start may be over."""


class EventChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to change of an event; what is left out stays."""

    actor_id: RowId
    title: Title | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    location: Location | UnsetType | None = UNSET
    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who is to take part."""

    actor_id: RowId
    user_id: RowId


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an event is not to be."""

    actor_id: RowId
    reason: Reason


def check_times(event: NewEvent, now: datetime) -> None:
    """Raises BadInput if the event ends before it starts, starts in the past and may not, or is beyond the calendar."""
    check_span(event.start_time, event.end_time)
    if event.start_time < now and not event.allow_past:
        raise BadInput("The start is over; allow_past lets an import do this.", "start_time")


def check_span(start_time: datetime, end_time: datetime) -> None:
    """Raises BadInput if the end is not after the start, or one of them is beyond the calendar, here or in Korea."""
    for field, moment in (("start_time", start_time), ("end_time", end_time)):
        for zone in (UTC, KOREA):
            try:
                moment.astimezone(zone)
            except OverflowError:
                raise BadInput(f"In {zone} this time is beyond the calendar (years 1 to 9999).", field) from None
    if end_time <= start_time:
        raise BadInput("An event must end after it starts.", "end_time")
