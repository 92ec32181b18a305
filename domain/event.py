"""What may be asked of events: shapes, limits and when they may take place."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from domain.errors import BadInput
from domain.message import RowId

PARTICIPANTS_MAX: Final = 10_000
DESCRIPTION_CHARACTERS_MAX: Final = 10_000
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone (RFC 3339)."""


class NewEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An event that somebody proposes."""

    actor_id: RowId
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    start_time: Moment
    end_time: Moment
    description: Annotated[str, msgspec.Meta(max_length=DESCRIPTION_CHARACTERS_MAX)] | None = None
    location: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    participant_ids: Annotated[tuple[RowId, ...], msgspec.Meta(max_length=PARTICIPANTS_MAX)] = ()
    allow_past: bool = False
    """For imports: the start may be over."""


def check_times(event: NewEvent, now: datetime) -> None:
    """Raises BadInput if the event ends before it starts, starts in the past and may not, or is beyond the calendar."""
    for field, moment in (("start_time", event.start_time), ("end_time", event.end_time)):
        try:
            moment.astimezone(UTC)
        except OverflowError:
            raise BadInput("In UTC this time is beyond the calendar (years 1 to 9999).", field) from None
    if event.end_time <= event.start_time:
        raise BadInput("An event must end after it starts.", "end_time")
    if event.start_time < now and not event.allow_past:
        raise BadInput("The start is over; allow_past lets an import do this.", "start_time")
