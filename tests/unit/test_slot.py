"""Open slots: which offers and which changes are taken."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, Conflict, NotAllowed
from domain.slot import PRICE_MAX, NewSlot, Slot, SlotChange, booking, changed, check_price, check_time

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)
SLOT = Slot(1, 7, "컷", None, None, SOON, 60, Decimal("35000.00"), "서울 마포구", True, NOW, NOW)
LATEST = datetime.max.replace(tzinfo=UTC)
ON_A_DAY_BEFORE_ALL = datetime.fromisoformat("0001-01-01T00:00:00+14:00")


def change(slot: Slot, *, is_booked: bool = False, by: int = 7, **asked: Any) -> Slot:
    return changed(slot, msgspec.convert({"business_user_id": by, **asked}, SlotChange), is_booked=is_booked, now=NOW)


@pytest.mark.parametrize("price", ["0", "0.00", "0.01", "35000", "35000.5", "1E+4", "99999999.99", "-0"])
def test_a_price_is_any_sum_that_the_column_holds(price: str) -> None:
    check_price(Decimal(price))
    check_price(None)


@pytest.mark.parametrize(
    "price", ["-0.01", "-1", "100000000", "99999999.991", "0.001", "1E+400", "1E-400", "NaN", "sNaN", "Infinity"]
)
def test_what_is_no_price_is_refused_by_its_field(price: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_price(Decimal(price))
    assert refused.value.field == "price"


@given(st.decimals(0, PRICE_MAX, places=2))
def test_every_price_in_cents_is_taken(price: Decimal) -> None:
    check_price(price)


@pytest.mark.parametrize("start", [NOW - timedelta(microseconds=1), LATEST, ON_A_DAY_BEFORE_ALL], ids=str)
def test_a_start_that_is_over_or_beyond_the_calendar_is_refused_by_its_field(start: datetime) -> None:
    with pytest.raises(BadInput) as refused:
        check_time(NewSlot(business_user_id=7, service_type="컷", start_time=start), NOW)
    assert refused.value.field == "start_time"
    check_time(NewSlot(business_user_id=7, service_type="컷", start_time=NOW), NOW)


def test_its_owner_changes_what_they_name_and_nothing_else() -> None:
    assert change(SLOT) == SLOT
    fresh = change(SLOT, title="봄맞이", price=None, start_time=SOON + timedelta(days=1), duration_minutes=90)
    assert fresh == msgspec.structs.replace(
        SLOT, title="봄맞이", price=None, start_time=SOON + timedelta(days=1), duration_minutes=90
    )
    with pytest.raises(NotAllowed):
        change(SLOT, by=8, title="봄맞이")


@pytest.mark.parametrize(
    "asked",
    [
        {"start_time": SOON + timedelta(hours=1)},
        {"duration_minutes": 61},
        {"is_available": True},
        {"price": "1.00"},
        {"service_type": "dye"},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_somebody_booked_keeps_what_they_agreed_to_and_is_not_offered_again(asked: dict[str, Any]) -> None:
    taken = msgspec.structs.replace(SLOT, is_available=False)
    with pytest.raises(Conflict, match=next(iter(asked))):
        change(taken, is_booked=True, **asked)
    assert change(taken, is_booked=True, title="봄맞이", start_time=SOON).title == "봄맞이"
    assert change(taken, **asked) != taken


def test_a_slot_that_is_over_is_not_offered_again_but_may_be_described_anew() -> None:
    over = msgspec.structs.replace(SLOT, start_time=NOW - timedelta(days=1), is_available=False)
    with pytest.raises(BadInput, match="over"):
        change(over, is_available=True)
    assert change(over, description="끝").description == "끝"


@given(st.integers(1, 10_080), st.none() | st.text(min_size=1, max_size=200))
def test_a_booking_is_an_event_of_that_time_proposed_to_the_business(minutes: int, title: str | None) -> None:
    slot = msgspec.structs.replace(SLOT, duration_minutes=minutes, title=title)
    event = booking(slot, 9)
    assert (event.actor_id, event.participant_ids) == (9, (7,))
    assert (event.start_time, event.end_time - event.start_time) == (SOON, timedelta(minutes=minutes))
    assert event.title == (title or "컷")
