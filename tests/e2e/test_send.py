"""POST /events/{id}/messages and /messages:batch: what is taken, what is answered, what is stored."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.ids import MessageId
from local.stack import Stack
from tests.e2e.answers import Problem, Sent
from tests.e2e.app import App, Chat, calling_app, new_chat, refusal

PICTURE = "https://salon.example/me.png"


def test_a_message_is_answered_with_its_id_place_and_time(chat: Chat) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    sent = [chat.say(f"{n}") for n in range(3)]
    assert [one.seq for one in sent] == [1, 2, 3]
    for one in sent:
        parts = MessageId.of(one.message_id)
        assert (one.message_id.version, parts.seq) == (7, one.seq)
        assert before <= one.created_at <= datetime.now(UTC)
        assert one.created_at.timestamp() == pytest.approx(parts.created_at_ms / 1_000)


def test_a_message_is_stored_as_it_was_said_with_the_sender_as_seen_then(app: App) -> None:
    author = app.user(name="박민지", display_name="민지 ✂️", profile_image_url=PICTURE)
    friend = app.user(name="이도현")
    chat = Chat(app, app.event(author, friend), author, friend, stranger=0)
    first = chat.say("안녕하세요 👨‍👩‍👧‍👦\n두 번째 줄")
    second = app.say(
        chat.event_id,
        friend,
        "사진이요",
        message_type="image",
        attachments=["https://salon.example/a.jpg", "https://salon.example/ㄱ.jpg"],
        reply_to=str(first.message_id),
        metadata={"source": "crm", "메모": ""},
        client_id="photo-1",
    )
    one, two = chat.wait_stored(2)
    assert (one.message_id, one.seq, one.created_at) == (first.message_id, 1, first.created_at)
    assert (one.sender_id, one.sender_name, one.sender_profile_url) == (author, "민지 ✂️", PICTURE)
    assert (one.message, one.message_type, one.attachments, one.reply_to) == (
        "안녕하세요 👨‍👩‍👧‍👦\n두 번째 줄",
        "text",
        [],
        None,
    )
    assert (one.edited_at, one.is_deleted, one.metadata, one.reactions) == (None, False, {}, [])
    assert (two.message_id, two.seq, two.created_at) == (second.message_id, 2, second.created_at)
    assert (two.sender_id, two.sender_name, two.sender_profile_url) == (friend, "이도현", "")
    assert (two.message_type, two.reply_to) == ("image", first.message_id)
    assert two.attachments == ["https://salon.example/a.jpg", "https://salon.example/ㄱ.jpg"]
    assert two.metadata == {"source": "crm", "메모": ""}


def test_a_bulk_is_taken_in_its_order_over_many_events(app: App) -> None:
    chats = [new_chat(app) for _ in range(3)]
    asked = [chats[n % 3] for n in range(250)]
    results = app.bulk(
        [{"event_id": chat.event_id, "actor_id": chat.author, "message": f"{n}"} for n, chat in enumerate(asked)]
    )
    for place, chat in enumerate(chats):
        sent = [one for one in results[place::3] if isinstance(one, Sent)]
        assert [one.seq for one in sent] == list(range(1, len(results[place::3]) + 1))
        stored = chat.wait_stored(len(sent))
        assert [m.message_id for m in stored] == [one.message_id for one in sent]
        assert [m.message for m in stored] == [f"{n}" for n in range(place, 250, 3)]


def test_in_a_bulk_each_is_answered_on_its_own(app: App, chat: Chat) -> None:
    good = {"event_id": chat.event_id, "actor_id": chat.author, "message": "좋아요"}
    results = app.bulk(
        [
            good,
            {**good, "message": ""},
            {**good, "actor_id": chat.stranger},
            {**good, "event_id": 2**40},
            {**good, "metadata": {"a": 1}},
            {**good, "client_id": "a", "attachments": ["https://a.example/", "ftp://a.example/"]},
            {**good, "reply_to": "00000000-0000-0000-0000-000000000000"},
            {"actor_id": chat.author, "message": "어디에"},
            5,
            {**good, "client_id": "b"},
            {**good, "client_id": "b"},
            {**good, "client_id": "b", "message": "다른 말"},
            good,
        ]
    )
    refused = {place: (p.status, p.field) for place, p in enumerate(results) if isinstance(p, Problem)}
    assert refused == {
        1: (422, "message"),
        2: (403, ""),
        3: (404, ""),
        4: (422, "metadata[...]"),
        5: (422, "attachments[1]"),
        6: (422, "reply_to"),
        7: (422, "event_id"),
        8: (422, ""),
        11: (422, "client_id"),
    }
    assert [one.seq for one in results if isinstance(one, Sent)] == [1, 2, 2, 3]
    assert len(chat.wait_stored(3)) == 3


def test_a_bulk_may_hold_a_thousand(chat: Chat) -> None:
    sent = chat.app.say_many(chat.event_id, chat.author, 1_000)
    assert [one.seq for one in sent] == list(range(1, 1_001))
    assert [m.message_id for m in chat.wait_stored(1_000)] == [one.message_id for one in sent]


def test_a_repeat_of_a_client_id_is_answered_as_the_first_time_and_counts_once(chat: Chat) -> None:
    """P2."""
    body = {"actor_id": chat.author, "message": "한 번", "client_id": "booking-1", "metadata": {"a": "1", "b": "2"}}
    first = chat.app.call("POST", chat.path, body)
    chat.wait_stored(1)
    again = chat.app.call("POST", chat.path, {**body, "metadata": {"b": "2", "a": "1"}})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    (in_bulk,) = chat.app.bulk([{"event_id": chat.event_id, **body}])
    assert isinstance(in_bulk, Sent)
    assert str(in_bulk.message_id) == first.json()["message_id"]
    chat.say("끝")
    assert [m.message for m in chat.wait_stored(2)] == ["한 번", "끝"]


def test_concurrent_repeats_of_a_client_id_have_one_effect_and_one_answer(chat: Chat) -> None:
    """P2."""
    with ThreadPoolExecutor(12) as threads:
        ids = set(threads.map(lambda _: chat.say("한 번", client_id="once").message_id, range(60)))
    assert len(ids) == 1
    chat.say("끝")
    assert [m.message for m in chat.wait_stored(2)] == ["한 번", "끝"]


@pytest.mark.parametrize(
    "other",
    [
        {"message": "다른 말"},
        {"message_type": "file"},
        {"attachments": ["https://salon.example/b.jpg"]},
        {"metadata": {"a": "2"}},
        {"reply_to": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_client_id_with_another_body_is_refused_and_never_given_the_first_answer(
    chat: Chat, other: dict[str, object]
) -> None:
    replied = chat.say("첫마디")
    body = {"actor_id": chat.author, "message": "한 번", "client_id": "1", "metadata": {"a": "1"}}
    first = chat.app.call("POST", chat.path, body)
    if "reply_to" in other:
        other = {"reply_to": str(replied.message_id)}
    assert refusal(chat.app.call("POST", chat.path, body | other)) == (422, "client_id")
    assert chat.app.call("POST", chat.path, body).content == first.content


def test_a_client_id_is_of_one_app_one_event_and_one_actor(system: Stack, app: App, chat: Chat) -> None:
    body = {"message": "같은 말", "client_id": "1"}
    other_event = app.event(chat.author)
    with calling_app(system) as other_app:
        sent = [
            app.say(chat.event_id, chat.author, **body),
            other_app.say(chat.event_id, chat.author, **body),
            app.say(chat.event_id, chat.friend, **body),
            app.say(other_event, chat.author, **body),
        ]
    assert len({one.message_id for one in sent}) == 4
    assert [one.seq for one in sent] == [1, 2, 3, 1]


def test_messages_without_a_client_id_are_never_taken_for_repeats(chat: Chat) -> None:
    ids: set[UUID] = {chat.say("네").message_id for _ in range(5)}
    assert len(ids) == 5


def test_a_reply_to_what_is_surely_no_message_of_the_event_is_refused(chat: Chat) -> None:
    real = MessageId.of(chat.said().message_id)
    old = MessageId(real.version - 120_000_000, 1, real.random).uuid
    beyond = MessageId(real.version, 9, real.random).uuid
    for named in (old, beyond):
        body = {"actor_id": chat.author, "message": "네", "reply_to": str(named)}
        assert refusal(chat.app.call("POST", chat.path, body)) == (404, "reply_to")
        (in_bulk,) = chat.app.bulk([{"event_id": chat.event_id, **body}])
        assert isinstance(in_bulk, Problem)
        assert (in_bulk.status, in_bulk.field) == (404, "reply_to")
