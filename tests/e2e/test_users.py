"""GET, PATCH, DELETE /users: what is shown, what changes, and what is left of somebody who is gone."""

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from tests.e2e.answers import User
from tests.e2e.app import App, Chat, new_phone, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

KNOWN_S_MAX = 15.0
"""A yes and a name are remembered for 5."""


def register(app: App, **more: object) -> User:
    return app.done(User, HTTPStatus.CREATED, "POST", "/users", {"phone": new_phone(), **more})


def show(app: App, user_id: int) -> User:
    return app.get(User, f"/users/{user_id}")


def change(app: App, user_id: int, **asked: object) -> User:
    return app.done(User, HTTPStatus.OK, "PATCH", f"/users/{user_id}", asked)


def delete(app: App, user_id: int) -> None:
    answer = app.call("DELETE", f"/users/{user_id}")
    assert (answer.status_code, answer.content) == (HTTPStatus.NO_CONTENT, b"")


def test_a_user_is_read_as_registered_and_then_as_changed(app: App) -> None:
    user = register(app, name="박민지", interests=["컷"], region="서울 마포구", email=f"{uuid4().hex}@salon.example")
    assert show(app, user.id) == user
    assert change(app, user.id) == user
    asked: dict[str, Any] = {
        "name": "박민지 원장", "display_name": "민지", "email": f"{uuid4().hex}@salon.example", "region": None,
        "interests": [], "role": "BUSINESS", "plan": "PRO", "profile_image_url": "https://salon.example/me.png",
        "is_active": False,
    }  # fmt: skip
    fresh = change(app, user.id, **asked)
    assert fresh == msgspec.structs.replace(user, **asked) == show(app, user.id)


def test_a_number_is_shown_masked_in_every_answer_and_is_one_however_it_is_written(app: App) -> None:
    phone = new_phone()
    user = register(app)
    for written in (phone, f"+82 {phone[1:3]}-{phone[3:7]}-{phone[7:]}"):
        fresh = change(app, user.id, phone=written)
        assert fresh.phone == show(app, user.id).phone == f"+82******{phone[-4:]}"
    assert refusal(app.call("POST", "/users", {"phone": phone})) == (409, "")


@pytest.mark.parametrize("same", ["phone", "email"])
def test_a_number_or_address_of_another_is_a_conflict_until_they_are_deleted(app: App, same: str) -> None:
    taken = {"phone": new_phone(), "email": f"{uuid4().hex}@salon.example"}
    first, second = app.done(User, HTTPStatus.CREATED, "POST", "/users", taken), register(app)
    assert refusal(app.call("PATCH", f"/users/{second.id}", {same: taken[same], "name": "a"})) == (409, "")
    assert show(app, second.id) == second
    delete(app, first.id)
    assert change(app, second.id, **{same: taken[same]}).id == second.id


def test_who_is_deleted_is_not_there_and_their_number_and_address_register_again(app: App, behind: Behind) -> None:
    taken = {"phone": new_phone(), "email": f"{uuid4().hex}@salon.example"}
    first = app.done(User, HTTPStatus.CREATED, "POST", "/users", taken)
    delete(app, first.id)
    for user_id in (first.id, 2**62):
        for method, body in (("GET", None), ("PATCH", {"name": "a"}), ("DELETE", None)):
            assert refusal(app.call(method, f"/users/{user_id}", body)) == (404, "")
    assert app.done(User, HTTPStatus.CREATED, "POST", "/users", taken).id > first.id
    assert behind.sql("SELECT deleted_at IS NOT NULL FROM users WHERE id = %s", first.id) == [(True,)]


def test_the_messages_of_who_is_deleted_stay_and_their_name_is_gone(app: App, behind: Behind) -> None:
    author = register(app, display_name="민지", profile_image_url="https://salon.example/me.png").id
    friend = register(app, display_name="수아").id
    chat = Chat(app, app.event(author, friend), author, friend, 0)
    chat.say("여섯 시에 봬요")
    app.say(chat.event_id, friend, "네")
    before = chat.wait_stored(2)
    assert [message.sender_name for message in before] == ["민지", "수아"]
    delete(app, author)
    wait_until("the name is gone", lambda: not chat.messages()[0].sender_name, KNOWN_S_MAX)
    hidden = msgspec.structs.replace(before[0], sender_name="", sender_profile_url="")
    assert chat.messages() == [hidden, before[1]]
    assert app.page(chat.event_id, friend).messages == [before[1], hidden]
    window = {"from_": before[0].created_at.isoformat(), "to": before[1].created_at.isoformat()}
    assert app.page(chat.event_id, friend, **window).messages == [hidden, before[1]]


def test_who_is_deleted_says_no_more_and_is_invited_no_more(app: App) -> None:
    author, friend = app.users(2)
    event_id = app.event(author, friend)
    delete(app, author)
    said = {"actor_id": author, "message": "a"}
    wait_until(
        "refused", lambda: app.call("POST", f"/events/{event_id}/messages", said).status_code == 403, KNOWN_S_MAX
    )
    times = {"start_time": "2099-01-01T10:00:00Z", "end_time": "2099-01-01T11:00:00Z"}
    invited = {"actor_id": friend, "title": "컷", "participant_ids": [author], **times}
    assert refusal(app.call("POST", "/events", invited)) == (422, "participant_ids[0]")


FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"phone": None}, "phone"),
    ({"phone": "call me"}, "phone"),
    ({"phone": "+82 10 1234 56789"}, "phone"),
    ({"name": ""}, "name"),
    ({"name": "가" * 101}, "name"),
    ({"email": "nobody"}, "email"),
    ({"region": ""}, "region"),
    ({"interests": None}, "interests"),
    ({"interests": [""]}, "interests[0]"),
    ({"role": None}, "role"),
    ({"role": "ADMIN"}, "role"),
    ({"plan": "GOLD"}, "plan"),
    ({"profile_image_url": "http://a.example/"}, "profile_image_url"),
    ({"is_active": None}, "is_active"),
    ({"is_active": 1}, "is_active"),
    ({"display_name": "\0"}, "display_name"),
    ({"deleted_at": None}, "deleted_at"),
    ({"id": 1}, "id"),
]


def test_a_bad_field_is_named_and_nothing_changes(app: App) -> None:
    user = register(app, name="민지")
    for asked, field in FIELDS:
        assert refusal(app.call("PATCH", f"/users/{user.id}", {"name": "other", **asked})) == (422, field), asked
    assert show(app, user.id) == user
