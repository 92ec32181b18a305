"""POST /users, POST and GET /events: what is made and how it is shown."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest

from tests.e2e.answers import Event, Participant, User
from tests.e2e.app import TIMES, App, Chat, new_phone, read, refusal
from tests.e2e.behind import Behind


def test_a_user_is_shown_as_registered_with_the_phone_number_masked(app: App) -> None:
    phone = new_phone()
    given: dict[str, object] = {
        "name": "박민지",
        "display_name": "민지 ✂️",
        "email": f"{uuid4().hex}@salon.example",
        "region": "서울 마포구",
        "interests": ["컷", "염색"],
        "role": "BUSINESS",
        "plan": "PRO",
        "profile_image_url": "https://salon.example/me.png",
    }
    user = app.done(User, HTTPStatus.CREATED, "POST", "/users", {"phone": phone, **given})
    assert {field: getattr(user, field) for field in given} == given
    assert user.phone == f"+82******{phone[-4:]}"
    assert user.is_active
    assert abs(user.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_user_needs_a_phone_number_and_no_more(app: App) -> None:
    user = app.done(User, HTTPStatus.CREATED, "POST", "/users", {"phone": new_phone()})
    assert (user.email, user.name, user.display_name, user.profile_image_url, user.region) == (None,) * 5
    assert (user.interests, user.role, user.plan) == ([], "USER", "FREE")


def test_a_number_in_use_is_a_conflict_however_it_is_written_until_its_user_is_deleted(
    app: App, behind: Behind
) -> None:
    phone = new_phone()
    first = app.user(phone=phone)
    before = behind.stored()
    for same in (phone, f"+82{phone[1:]}", f"+82 {phone[1:3]}-{phone[3:7]}-{phone[7:]}", f"{phone[:3]}-{phone[3:]}"):
        assert refusal(app.call("POST", "/users", {"phone": same})) == (409, "")
    assert behind.stored() == before
    behind.sql("UPDATE users SET deleted_at = now() WHERE id = %s", first)
    assert app.user(phone=phone) > first


def test_an_address_in_use_is_a_conflict(app: App) -> None:
    email = f"{uuid4().hex}@salon.example"
    app.user(email=email)
    assert refusal(app.call("POST", "/users", {"phone": new_phone(), "email": email})) == (409, "")


def test_an_event_is_shown_as_proposed_and_its_creator_has_confirmed(app: App) -> None:
    creator, other, third = app.users(3)
    given: dict[str, object] = {"title": "컷과 염색", "description": "두 시간쯤", "location": "마포점 2층"}
    body = {"actor_id": creator, "participant_ids": [third, other, creator, other], **given, **TIMES}
    made = app.done(Event, HTTPStatus.CREATED, "POST", "/events", body)
    assert {field: getattr(made, field) for field in given} == given
    assert (made.creator_id, made.status, made.canceled_reason) == (creator, "PROPOSED", None)
    assert made.participants == [Participant(creator, True), Participant(other, False), Participant(third, False)]
    assert [t.isoformat() for t in (made.start_time, made.end_time)] == [
        "2099-01-01T01:00:00+00:00",
        "2099-01-01T02:00:00+00:00",
    ]
    for reader in (creator, other, third):
        assert app.get(Event, f"/events/{made.id}", as_user=reader) == made


def test_an_event_may_be_of_its_creator_alone_and_takes_messages_at_once(app: App, behind: Behind) -> None:
    """Its register is made with it."""
    (alone,) = app.users(1)
    event_id = app.event(alone)
    assert behind.last_seq(event_id) == 0
    assert app.say(event_id, alone).seq == 1
    assert behind.last_seq(event_id) == 1


def test_an_event_of_ten_thousand_is_made(app: App, behind: Behind) -> None:
    ids = behind.sql(
        """INSERT INTO users (phone_encrypted, phone_hash) SELECT '', sha256(uuid_send(gen_random_uuid()))
        FROM generate_series(1, 10000) RETURNING id"""
    )
    (creator,) = app.users(1)
    body = {"actor_id": creator, "title": "다 함께", "participant_ids": [row[0] for row in ids], **TIMES}
    assert len(app.done(Event, HTTPStatus.CREATED, "POST", "/events", body).participants) == 10_001


def test_an_import_may_start_in_the_past(app: App) -> None:
    (creator,) = app.users(1)
    app.event(creator, start_time="2020-01-01T10:00:00Z", end_time="2020-01-01T11:00:00Z", allow_past=True)


@pytest.mark.parametrize("gone", ["is_active = FALSE", "deleted_at = now()"])
def test_who_is_gone_or_inactive_neither_proposes_nor_is_invited(app: App, behind: Behind, gone: str) -> None:
    creator, other = app.users(2)
    behind.sql(f"UPDATE users SET {gone} WHERE id = %s", other)
    before = behind.stored()
    invited = {"actor_id": creator, "title": "컷", "participant_ids": [creator, other], **TIMES}
    assert refusal(app.call("POST", "/events", invited)) == (422, "participant_ids[1]")
    assert refusal(app.call("POST", "/events", {**invited, "actor_id": other})) == (403, "")
    assert behind.stored() == before


def test_only_who_takes_part_sees_an_event(app: App, chat: Chat) -> None:
    assert (
        read(app.call("GET", f"/events/{chat.event_id}", query={"as_user": chat.friend}), HTTPStatus.OK, Event).id
        == chat.event_id
    )
    assert refusal(app.call("GET", f"/events/{chat.event_id}", query={"as_user": chat.stranger})) == (403, "")
    assert refusal(app.call("GET", f"/events/{chat.event_id}")) == (422, "as_user")
    assert refusal(app.call("GET", f"/events/{2**62}", query={"as_user": chat.friend})) == (404, "")
