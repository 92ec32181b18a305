"""Typing, read marks, activity and unread counts by HTTP."""

from http import HTTPStatus

import pytest

from domain.ids import MessageId
from tests.e2e.answers import Nothing, Sent, Typing
from tests.e2e.app import App, Chat, new_chat, read, refusal
from tests.waiting import wait_until

TYPING_S_MAX = 20.0
"""The table forgets after 10."""


def mark(chat: Chat, user_id: int, sent: Sent) -> None:
    answer = chat.app.call(
        "POST", f"/events/{chat.event_id}/read", {"actor_id": user_id, "up_to": str(sent.message_id)}
    )
    read(answer, HTTPStatus.ACCEPTED, Nothing)


def test_who_types_is_shown_and_forgotten_after_ten_seconds(app: App, chat: Chat) -> None:
    path = f"/events/{chat.event_id}/typing"

    def typing() -> list[int]:
        return sorted(app.get(Typing, path, as_user=chat.friend).user_ids)

    assert typing() == []
    for user in (chat.author, chat.friend, chat.author):
        answer = app.call("PUT", path, {"actor_id": user})
        assert (answer.status_code, answer.content) == (HTTPStatus.NO_CONTENT, b"")
    assert typing() == [chat.author, chat.friend]
    assert refusal(app.call("PUT", path, {"actor_id": chat.stranger})) == (403, "")
    assert refusal(app.call("GET", path, query={"as_user": chat.stranger})) == (403, "")
    wait_until("nobody types", lambda: typing() == [], TYPING_S_MAX)


def test_what_others_say_is_unread_until_it_is_marked_and_ones_own_never_is(chat: Chat) -> None:
    """P4."""
    sent = [chat.said(f"{n}") for n in range(4)]
    assert (chat.unread(chat.author), chat.unread(chat.friend)) == (0, 4)
    mark(chat, chat.friend, sent[2])
    wait_until("read up to the third", lambda: chat.unread(chat.friend) == 1)
    chat.app.say(chat.event_id, chat.friend, "답")
    wait_until("the answer counts for the author alone", lambda: chat.unread(chat.author) == 1)
    assert chat.unread(chat.friend) == 0


def test_a_mark_never_goes_back(chat: Chat) -> None:
    """P4."""
    sent = [chat.said(f"{n}") for n in range(5)]
    mark(chat, chat.friend, sent[4])
    mark(chat, chat.friend, sent[1])
    wait_until("all read", lambda: chat.unread(chat.friend) == 0)
    chat.said("뒤에")
    assert chat.unread(chat.friend) == 1


def test_a_mark_may_name_a_message_that_is_not_stored_yet(chat: Chat) -> None:
    for n in range(5):
        mark(chat, chat.friend, chat.say(f"{n}"))
    chat.wait_stored(5)
    wait_until("all read", lambda: chat.unread(chat.friend) == 0)


def test_a_mark_that_names_no_message_of_the_event_is_refused(chat: Chat) -> None:
    real = MessageId.of(chat.said().message_id)
    beyond = MessageId(real.version, 2, real.random)
    elsewhere = MessageId(real.version - 120_000_000, 1, real.random)
    for named in (beyond, elsewhere):
        body = {"actor_id": chat.friend, "up_to": str(named)}
        assert refusal(chat.app.call("POST", f"/events/{chat.event_id}/read", body)) == (422, "up_to")
    assert chat.unread(chat.friend) == 1


def test_the_time_of_the_last_mark_is_told(chat: Chat) -> None:
    sent = chat.said()
    before = next(e for e in chat.app.unread(chat.friend).events if e.event_id == chat.event_id)
    assert (before.unread_count, before.last_read_at) == (1, None)
    mark(chat, chat.friend, sent)
    wait_until("read", lambda: chat.unread(chat.friend) == 0)
    after = next(e for e in chat.app.unread(chat.friend).events if e.event_id == chat.event_id)
    assert after.last_read_at is not None
    assert after.last_read_at >= sent.created_at


def test_unread_counts_come_by_event_newest_first_a_page_at_a_time(app: App) -> None:
    author, friend = app.users(2)
    events = [app.event(author, friend) for _ in range(7)]
    for place, event_id in enumerate(events):
        if place:
            app.say_many(event_id, author, place)
    everything = [(event_id, place) for place, event_id in enumerate(events)][::-1]

    def counted() -> list[tuple[int, int]]:
        return [(e.event_id, e.unread_count) for e in app.unread(friend).events]

    wait_until("all counted", lambda: counted() == everything)
    for limit in (1, 2, 3, 7):
        page = app.unread(friend, limit=limit)
        found = page.events
        while page.next is not None:
            page = app.unread(friend, limit=limit, before=page.next)
            found += page.events
            assert page.events, "a page that is announced is not empty"
            assert len(found) <= len(everything)
        assert [(e.event_id, e.unread_count) for e in found] == everything
    assert app.unread(friend, limit=7).next is None


def test_a_user_of_no_event_has_nothing_unread_and_one_that_is_not_there_is_not(app: App) -> None:
    (alone,) = app.users(1)
    page = app.unread(alone)
    assert (page.events, page.next) == ([], None)
    for path in ("unread", "activity"):
        assert refusal(app.call("GET", f"/users/{2**62}/{path}")) == (404, "")


def test_activity_shows_what_a_user_said_in_any_event_newest_first(app: App, chat: Chat) -> None:
    author = chat.author
    other = app.event(author)
    sent = [app.say((chat.event_id, other)[n % 2], author, f"{n}") for n in range(25)]
    app.say(chat.event_id, chat.friend, "남의 말")
    wait_until("all stored", lambda: len(app.activity(author, limit=100).messages) == 25)
    newest = [(one.message_id, one.created_at) for one in reversed(sent)]
    for limit, shown in ((None, 20), (1, 1), (25, 25), (100, 25)):
        found = app.activity(author, **({"limit": limit} if limit else {})).messages
        assert [(one.message_id, one.created_at) for one in found] == newest[:shown]
    assert [(one.event_id, one.message) for one in found] == [
        ((chat.event_id, other)[n % 2], f"{n}") for n in range(25)
    ][::-1]


def test_a_page_of_activity_is_full_however_many_were_deleted(app: App) -> None:
    chat = new_chat(app)
    sent = app.say_many(chat.event_id, chat.author, 30)
    chat.wait_stored(30)
    for one in sent[5:]:
        answer = app.call("DELETE", f"{chat.path}/{one.message_id}", query={"actor_id": chat.author})
        read(answer, HTTPStatus.ACCEPTED, Nothing)

    def shown() -> list[str]:
        return [one.message for one in app.activity(chat.author, limit=5).messages]

    wait_until("the first five are left", lambda: shown() == ["5", "4", "3", "2", "1"])


@pytest.mark.parametrize("path", ["activity", "unread"])
@pytest.mark.parametrize("limit", [0, -1, 501, "x", ""])
def test_limits_are_held(app: App, chat: Chat, path: str, limit: object) -> None:
    assert refusal(app.call("GET", f"/users/{chat.author}/{path}", query={"limit": limit})) == (422, "limit")


def test_activity_has_a_hundred_at_most(app: App, chat: Chat) -> None:
    assert refusal(app.call("GET", f"/users/{chat.author}/activity", query={"limit": 101})) == (422, "limit")
    assert app.unread(chat.author, limit=500).next is None
