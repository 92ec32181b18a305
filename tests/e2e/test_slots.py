"""Open slots by HTTP: offered by businesses, listed by region, booked by one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from tests.e2e.answers import Event, Participant, Slot, Slots
from tests.e2e.app import App, read, refusal
from tests.e2e.behind import Behind

MISSING = msgspec.UNSET
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


class Salon(msgspec.Struct, frozen=True):
    """A business in a region of its own."""

    app: App
    business: int
    region: str

    def body(self, **more: object) -> dict[str, object]:
        """An offer that would be taken."""
        return {
            "business_user_id": self.business,
            "service_type": "컷",
            "start_time": TOMORROW,
            "price": "35000",
            **more,
        }

    def offer(self, **more: object) -> Slot:
        return self.app.done(Slot, HTTPStatus.CREATED, "POST", "/open-slots", self.body(**more))

    def change(self, slot: Slot, **asked: object) -> httpx.Response:
        return self.app.call("PATCH", f"/open-slots/{slot.id}", {"business_user_id": self.business, **asked})

    def changed(self, slot: Slot, **asked: object) -> Slot:
        return read(self.change(slot, **asked), HTTPStatus.OK, Slot)

    def book(self, slot: Slot, actor: int, key: str | None = None) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return self.app.call("POST", f"/open-slots/{slot.id}/book", {"actor_id": actor}, headers=headers)

    def booked(self, slot: Slot, actor: int) -> Event:
        return read(self.book(slot, actor), HTTPStatus.CREATED, Event)

    def cancel(self, event: Event) -> None:
        body = {"actor_id": event.creator_id, "reason": "감기"}
        assert self.app.call("POST", f"/events/{event.id}/cancel", body).status_code == HTTPStatus.OK

    def listed(self) -> list[int]:
        """The ids of what can be booked here."""
        return [slot.id for slot in self.app.get(Slots, "/open-slots", region=self.region).slots]


@pytest.fixture
def salon(app: App) -> Salon:
    region = f"서울 {uuid4().hex[:12]}"
    return Salon(app, app.user(role="BUSINESS", region=region, display_name="민지 헤어"), region)


def test_a_slot_is_shown_as_offered_and_listed_in_its_region(salon: Salon) -> None:
    given: dict[str, Any] = {
        "title": "봄맞이 컷",
        "description": "샴푸 포함",
        "duration_minutes": 90,
        "price": "35000.5",
    }
    slot = salon.offer(**given, region=salon.region, start_time="2099-01-01T10:00:00+09:00")
    assert {name: getattr(slot, name) for name in given} == {**given, "price": "35000.50"}
    assert (slot.business_user_id, slot.service_type, slot.is_available) == (salon.business, "컷", True)
    assert slot.start_time.isoformat() == "2099-01-01T01:00:00+00:00"
    assert salon.app.get(Slots, "/open-slots", region=salon.region).slots == [slot]
    sooner = salon.offer()
    assert (sooner.region, sooner.duration_minutes) == (salon.region, 60)
    assert salon.listed() == [sooner.id, slot.id]
    assert salon.app.get(Slots, "/open-slots", region="nowhere at all").slots == []


def test_only_an_active_business_offers_slots(salon: Salon, behind: Behind) -> None:
    customer, closed = salon.app.user(), salon.app.user(role="BUSINESS", region=salon.region)
    behind.sql("UPDATE users SET is_active = FALSE WHERE id = %s", closed)
    for other in (customer, closed, 2**62):
        assert refusal(salon.app.call("POST", "/open-slots", salon.body(business_user_id=other))) == (403, "")
    assert salon.listed() == []


def test_only_its_business_changes_a_slot_and_only_what_is_named(salon: Salon) -> None:
    slot = salon.offer()
    other = salon.app.user(role="BUSINESS")
    assert refusal(salon.change(slot, business_user_id=other, price="1")) == (403, "")
    assert refusal(salon.app.call("PATCH", f"/open-slots/{2**62}", {"business_user_id": salon.business})) == (404, "")
    moved = TOMORROW + timedelta(hours=2)
    fresh = salon.changed(slot, title="봄맞이", price=None, start_time=moved, duration_minutes=30)
    asked = {"title": "봄맞이", "price": None, "start_time": moved, "duration_minutes": 30}
    assert fresh == msgspec.structs.replace(slot, **asked, updated_at=fresh.updated_at)
    assert salon.app.get(Slots, "/open-slots", region=salon.region).slots == [fresh]


def test_a_withdrawn_slot_is_neither_listed_nor_booked_until_it_is_offered_again(salon: Salon) -> None:
    slot, customer = salon.offer(), salon.app.user()
    salon.changed(slot, is_available=False)
    assert salon.listed() == []
    assert refusal(salon.book(slot, customer)) == (409, "")
    salon.changed(slot, is_available=True)
    assert salon.booked(slot, customer).status == "PROPOSED"


def test_a_booking_is_an_event_that_its_booker_has_confirmed_and_takes_the_slot(salon: Salon) -> None:
    slot, customer = salon.offer(title="봄맞이 컷", description="샴푸 포함", duration_minutes=90), salon.app.user()
    event = salon.booked(slot, customer)
    assert (event.title, event.description, event.status) == ("봄맞이 컷", "샴푸 포함", "PROPOSED")
    assert (event.creator_id, event.start_time) == (customer, slot.start_time)
    assert event.end_time - event.start_time == timedelta(minutes=90)
    assert event.participants == sorted(
        [Participant(customer, True), Participant(salon.business, False)], key=lambda one: one.user_id
    )
    assert salon.app.get(Event, f"/events/{event.id}", as_user=salon.business) == event
    assert salon.listed() == []
    assert salon.app.say(event.id, customer).seq >= 1
    assert refusal(salon.book(slot, salon.app.user())) == (409, "")


def test_of_fifty_who_book_at_once_one_gets_it(salon: Salon, behind: Behind) -> None:
    slot, customers = salon.offer(), salon.app.users(50)
    before = behind.sql("SELECT count(*) FROM events")[0][0]
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda customer: salon.book(slot, customer), customers))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
    assert behind.sql("SELECT count(*) FROM events")[0][0] == before + 1
    assert behind.sql("SELECT count(*) FROM events WHERE open_slot_id = %s", slot.id) == [(1,)]


def test_a_booked_slot_keeps_its_time_and_its_price_and_says_so(salon: Salon) -> None:
    slot = salon.offer()
    salon.booked(slot, salon.app.user())
    fixed = {"start_time": TOMORROW + timedelta(hours=1), "duration_minutes": 61, "is_available": True, "price": "1.00"}
    for asked in ({name: value} for name, value in fixed.items()):
        refused = salon.change(slot, **asked)
        assert refusal(refused) == (409, "")
        assert next(iter(asked)) in refused.json()["detail"]
    assert salon.changed(slot, title="봄맞이").is_available is False


def test_a_booking_keeps_its_slots_time_and_its_business_whoever_asks(salon: Salon) -> None:
    """Or the slot would be taken, with nobody there, or without whose it is."""
    slot, customer, friend = salon.offer(), salon.app.user(), salon.app.user()
    event = salon.booked(slot, customer)
    moved = {"actor_id": customer, "end_time": event.end_time + timedelta(minutes=1)}
    assert refusal(salon.app.call("PATCH", f"/events/{event.id}", moved)) == (409, "")
    for actor in (customer, salon.business):
        gone = salon.app.call("DELETE", f"/events/{event.id}/participants/{salon.business}", query={"actor_id": actor})
        assert refusal(gone) == (409, "")
    salon.app.call("POST", f"/events/{event.id}/participants", {"actor_id": customer, "user_id": friend})
    left = salon.app.call("DELETE", f"/events/{event.id}/participants/{friend}", query={"actor_id": friend})
    assert left.status_code == HTTPStatus.OK
    assert salon.app.act(event.id, "confirm", salon.business).status == "CONFIRMED"


def test_who_may_offer_no_slots_any_more_changes_none(salon: Salon, behind: Behind) -> None:
    slot = salon.offer()
    for state in ("is_active = FALSE", "role = 'USER'", "deleted_at = now()"):
        behind.sql(f"UPDATE users SET {state} WHERE id = %s", salon.business)
        assert refusal(salon.change(slot, title="봄맞이")) == (403, "")
        behind.sql(
            "UPDATE users SET is_active = TRUE, role = 'BUSINESS', deleted_at = NULL WHERE id = %s", salon.business
        )
    assert salon.changed(slot, title="봄맞이").title == "봄맞이"


def test_a_cancellation_frees_the_slot_if_it_is_still_to_come(salon: Salon, behind: Behind) -> None:
    first, second = salon.app.users(2)
    slot, over = salon.offer(), salon.offer(start_time=TOMORROW + timedelta(hours=1))
    event, past = salon.booked(slot, first), salon.booked(over, first)
    behind.sql("UPDATE open_slots SET start_time = now() - interval '1 minute' WHERE id = %s", over.id)
    for one in (event, past):
        salon.cancel(one)
    assert salon.listed() == [slot.id]
    assert behind.sql("SELECT is_available FROM open_slots WHERE id = %s", over.id) == [(False,)]
    assert salon.booked(slot, second).creator_id == second
    assert salon.listed() == []


def test_who_may_not_write_books_nothing_and_the_slot_stays_free(salon: Salon, behind: Behind) -> None:
    slot, idle, customer = salon.offer(), *salon.app.users(2)
    behind.sql("UPDATE users SET is_active = FALSE WHERE id = %s", idle)
    for actor in (idle, 2**62, salon.business):
        assert refusal(salon.book(slot, actor)) == (403, "")
    assert refusal(salon.app.call("POST", f"/open-slots/{2**62}/book", {"actor_id": customer})) == (404, "")
    assert salon.listed() == [slot.id]
    salon.booked(slot, customer)


def test_the_slots_of_a_business_that_is_gone_are_neither_listed_nor_booked(salon: Salon) -> None:
    slot, customer = salon.offer(), salon.app.user()
    assert salon.app.call("DELETE", f"/users/{salon.business}").status_code == HTTPStatus.NO_CONTENT
    assert salon.listed() == []
    assert refusal(salon.book(slot, customer)) == (409, "")


def test_a_slot_that_is_over_is_neither_listed_nor_booked(salon: Salon, behind: Behind) -> None:
    slot, customer = salon.offer(), salon.app.user()
    behind.sql("UPDATE open_slots SET start_time = now() - interval '1 second' WHERE id = %s", slot.id)
    assert salon.listed() == []
    assert refusal(salon.book(slot, customer)) == (409, "")


def offering(salon: Salon) -> tuple[str, dict[str, object]]:
    return "/open-slots", salon.body()


def booking(salon: Salon) -> tuple[str, dict[str, object]]:
    return f"/open-slots/{salon.offer().id}/book", {"actor_id": salon.app.user()}


@pytest.mark.parametrize("make", [offering, booking])
def test_repeats_of_an_idempotency_key_have_one_effect_and_one_answer(
    salon: Salon, behind: Behind, make: Callable[[Salon], tuple[str, dict[str, object]]]
) -> None:
    """P2. Also while the first is on its way, and after the slot is taken."""
    path, body = make(salon)
    headers = {"idempotency-key": uuid4().hex}
    count = "SELECT (SELECT count(*) FROM open_slots), (SELECT count(*) FROM events)"
    (before,) = behind.sql(count)
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: salon.app.call("POST", path, body, headers=headers), range(10)))
    answers.append(salon.app.call("POST", path, body, headers=headers))
    assert {(answer.status_code, answer.content) for answer in answers} == {(HTTPStatus.CREATED, answers[0].content)}
    (after,) = behind.sql(count)
    assert sum(after) == sum(before) + 1
    changed = {**body, "price": "1"} if make is offering else {"actor_id": salon.business}
    assert refusal(salon.app.call("POST", path, changed, headers=headers)) == (422, "Idempotency-Key")


FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"service_type": ""}, "service_type"),
    ({"service_type": "가" * 101}, "service_type"),
    ({"service_type": MISSING}, "service_type"),
    ({"title": ""}, "title"),
    ({"title": "가" * 201}, "title"),
    ({"title": "\0"}, "title"),
    ({"description": "가" * 10_001}, "description"),
    ({"price": "-1"}, "price"),
    ({"price": "-0.01"}, "price"),
    ({"price": "1.001"}, "price"),
    ({"price": "100000000"}, "price"),
    ({"price": "NaN"}, "price"),
    ({"price": "free"}, "price"),
    ({"price": True}, "price"),
    ({"region": "화성 올림푸스구"}, "region"),
    ({"region": ""}, "region"),
    ({"region": "가" * 51}, "region"),
    ({"region": "\0"}, "region"),
    ({"start_time": "2099-01-01T10:00:00"}, "start_time"),
    ({"start_time": "2099-01-01"}, "start_time"),
    ({"start_time": "2020-01-01T10:00:00Z"}, "start_time"),
    ({"start_time": "9999-12-31T23:59:59-14:00"}, "start_time"),
    ({"start_time": "9999-12-31T14:30:00Z"}, "start_time"),
    ({"start_time": None}, "start_time"),
    ({"duration_minutes": 0}, "duration_minutes"),
    ({"duration_minutes": -60}, "duration_minutes"),
    ({"duration_minutes": 10_081}, "duration_minutes"),
    ({"duration_minutes": 2**63}, "duration_minutes"),
    ({"duration_minutes": "60"}, "duration_minutes"),
    ({"business_user_id": 0}, "business_user_id"),
    ({"business_user_id": MISSING}, "business_user_id"),
    ({"id": 1}, "id"),
]


def test_a_bad_field_of_a_slot_is_named_and_nothing_changes(salon: Salon) -> None:
    slot = salon.offer()
    for asked, field in FIELDS:
        body = {name: value for name, value in salon.body(**asked).items() if value is not MISSING}
        assert refusal(salon.app.call("POST", "/open-slots", body)) == (422, field), asked
        if asked != {"service_type": MISSING}:
            changed = {name: value for name, value in asked.items() if value is not MISSING}
            owner = {} if "business_user_id" in asked else {"business_user_id": salon.business}
            answer = salon.app.call("PATCH", f"/open-slots/{slot.id}", {**owner, **changed})
            assert refusal(answer) == (422, field), asked
    assert salon.app.get(Slots, "/open-slots", region=salon.region).slots == [slot]


@pytest.mark.parametrize(
    ("query", "field"), [("", "region"), ("region=", "region"), ("region=%00", "region"), ("region=a&limit=5", "limit")]
)
def test_a_list_without_a_region_or_with_more_is_refused(app: App, query: str, field: str) -> None:
    assert refusal(app.http.get(f"/v1/open-slots?{query}")) == (422, field)
