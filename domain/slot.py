"""What may be asked of open slots: shapes, limits, and which changes a slot takes."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from domain.errors import BadInput, Conflict, NotAllowed
from domain.event import Description, Moment, NewEvent, Title
from domain.korea import KOREA
from domain.message import RowId
from domain.texts import NOT_BLANK
from domain.user import Region

DURATION_MINUTES_MAX: Final = 7 * 24 * 60
"""A week: what is longer is no appointment."""
PRICE_MAX: Final = Decimal("99999999.99")
"""What DECIMAL(10,2) holds."""
OFFERED: Final = ("start_time", "duration_minutes", "is_available")
"""What a slot is offered by again."""
FIXED_WHILE_BOOKED: Final = (*OFFERED, "service_type", "price")
"""Whoever booked a slot agreed to these."""
ServiceType = Annotated[str, msgspec.Meta(pattern=NOT_BLANK, max_length=100)]
DurationMinutes = Annotated[int, msgspec.Meta(ge=1, le=DURATION_MINUTES_MAX)]


class NewSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A time that a business offers."""

    business_user_id: RowId
    service_type: ServiceType
    start_time: Moment
    duration_minutes: DurationMinutes = 60
    title: Title | None = None
    description: Description | None = None
    price: Decimal | None = None
    """A decimal string with two places at most; null is by agreement."""
    region: Region | None = None
    """One that some user lives in. Without it, that of the business."""


class SlotChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What its owner changes about a slot: what is left out stays, null takes away."""

    business_user_id: RowId
    service_type: ServiceType | UnsetType = UNSET
    start_time: Moment | UnsetType = UNSET
    duration_minutes: DurationMinutes | UnsetType = UNSET
    title: Title | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    region: Region | UnsetType | None = UNSET
    is_available: bool | UnsetType = UNSET
    """False withdraws the offer, true makes it again."""


class Slot(msgspec.Struct, frozen=True):
    """A time that a business offers, or has offered. It is not available while somebody has it, or if withdrawn."""

    id: int
    business_user_id: int
    service_type: str
    title: str | None
    description: str | None
    start_time: Moment
    duration_minutes: int
    price: Decimal | None
    region: str | None
    is_available: bool
    created_at: Moment
    updated_at: Moment


def check_time(offer: NewSlot | Slot, now: datetime) -> None:
    """Raises BadInput if a slot starts in the past or ends beyond the calendar."""
    try:
        offer.start_time.astimezone(KOREA) + timedelta(minutes=offer.duration_minutes)
    except OverflowError:
        raise BadInput(f"In {KOREA} this time is beyond the calendar (years 1 to 9999).", "start_time") from None
    if offer.start_time < now:
        raise BadInput("The start is over.", "start_time")


def check_price(price: Decimal | None) -> None:
    """Raises BadInput if it is no sum that the column holds; None is a price by agreement."""
    if price is None:
        return
    if not price.is_finite() or not 0 <= price <= PRICE_MAX or price != round(price, 2):
        raise BadInput(f"A price is from 0 to {PRICE_MAX}, with two decimal places at most.", "price")


def changed(slot: Slot, change: SlotChange, *, is_booked: bool, now: datetime) -> Slot:
    """The slot as its owner wants it. Raises NotAllowed, BadInput; Conflict if somebody agreed to what is to change."""
    if change.business_user_id != slot.business_user_id:
        raise NotAllowed("Only the business that offers a slot changes it.")
    asked = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    fresh = msgspec.structs.replace(slot, **asked)
    differing = [name for name in FIXED_WHILE_BOOKED if getattr(fresh, name) != getattr(slot, name)]
    if is_booked and differing:
        raise Conflict(f"Somebody has booked this slot: {' and '.join(differing)} cannot change until they cancel.")
    if not set(OFFERED).isdisjoint(differing):
        check_time(fresh, now)
    check_price(fresh.price)
    return fresh


def booking(slot: Slot, actor_id: int) -> NewEvent:
    """The event that a booking proposes to the business."""
    return NewEvent(
        actor_id=actor_id,
        title=slot.title or slot.service_type,
        description=slot.description,
        start_time=slot.start_time,
        end_time=slot.start_time + timedelta(minutes=slot.duration_minutes),
        participant_ids=(slot.business_user_id,),
    )
