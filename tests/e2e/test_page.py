"""GET /events/{id}/messages: the newest, before or after one, of a time."""

from datetime import timedelta
from uuid import UUID

import pytest

import settings
from domain.entries import Placed
from domain.ids import RANDOM_MAX, MessageId
from domain.operations import Create
from local.stack import Stack
from stores import messages
from stores.journal import register
from stores.scylla import Scylla
from tests.e2e.answers import Sent
from tests.e2e.app import NIL, App, Chat, new_chat, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

SAID = 120


@pytest.fixture(scope="module")
def long(app: App) -> tuple[Chat, list[Sent]]:
    """A conversation of SAID messages, all stored, and what was answered to each."""
    chat = new_chat(app)
    sent = app.say_many(chat.event_id, chat.author, SAID)
    chat.wait_stored(SAID)
    return chat, sent


def test_without_a_cursor_the_newest_come_first_fifty_unless_asked_otherwise(long: tuple[Chat, list[Sent]]) -> None:
    chat, _ = long
    for limit, shown in ((None, 50), (1, 1), (100, 100)):
        page = chat.app.page(chat.event_id, chat.friend, **({"limit": limit} if limit else {}))
        assert page.seqs == list(range(SAID, SAID - shown, -1))
        assert page.next == page.messages[-1].message_id


@pytest.mark.parametrize("limit", [1, 7, 50, 60, 100])
def test_before_leads_to_the_first_message_and_null(long: tuple[Chat, list[Sent]], limit: int) -> None:
    chat, sent = long
    page = chat.app.page(chat.event_id, chat.friend, limit=limit)
    found = page.messages
    while page.next is not None:
        page = chat.app.page(chat.event_id, chat.friend, limit=limit, before=page.next)
        found += page.messages
        assert len(found) <= SAID
    assert [m.message_id for m in found] == [one.message_id for one in reversed(sent)]


def test_before_the_first_message_there_is_nothing(long: tuple[Chat, list[Sent]]) -> None:
    chat, sent = long
    page = chat.app.page(chat.event_id, chat.friend, before=sent[0].message_id)
    assert (page.messages, page.next) == ([], None)


@pytest.mark.parametrize("limit", [7, 50, 60, 100])
def test_after_nil_begins_at_the_start_and_its_next_is_never_null(long: tuple[Chat, list[Sent]], limit: int) -> None:
    chat, sent = long
    found: list[UUID] = []
    cursor = NIL
    while page := chat.app.page(chat.event_id, chat.friend, limit=limit, after=cursor).messages:
        found += [message.message_id for message in page]
        cursor = page[-1].message_id
        assert len(found) <= SAID
    assert found == [one.message_id for one in sent]
    at_the_end = chat.app.page(chat.event_id, chat.friend, limit=limit, after=cursor)
    assert (at_the_end.messages, at_the_end.next) == ([], cursor)


def test_an_event_in_which_nobody_spoke_has_empty_pages(chat: Chat) -> None:
    newest = chat.app.page(chat.event_id, chat.author)
    assert (newest.messages, newest.next) == ([], None)
    followed = chat.app.page(chat.event_id, chat.author, after=NIL)
    assert (followed.messages, followed.next) == ([], NIL)
    of_a_time = chat.app.page(chat.event_id, chat.author, from_="2020-01-01T00:00:00Z")
    assert (of_a_time.messages, of_a_time.next) == ([], None)


def test_a_cursor_may_be_a_message_that_is_not_stored_yet(chat: Chat) -> None:
    """Who has just said something may follow from there."""
    for _ in range(5):
        sent = chat.say()
        assert chat.app.page(chat.event_id, chat.author, after=sent.message_id).messages == []


def test_who_follows_stops_before_a_message_on_its_way_and_skips_none(
    chat: Chat, behind: Behind, system: Stack
) -> None:
    """P3. A seq is taken whose message is stored only later; what was said after it is stored already."""
    first = chat.said("하나")
    behind.journal.hincrby(register(chat.event_id), "s", 1)
    third = chat.say("셋")
    wait_until("the third stored", lambda: chat.app.page(chat.event_id, chat.friend).seqs == [3, 1])
    for cursor in (NIL, first.message_id):
        page = chat.app.page(chat.event_id, chat.friend, after=cursor)
        assert page.seqs == ([1] if cursor == NIL else [])
        assert page.next == first.message_id
    store_late(system, chat, seq=2)
    assert chat.app.page(chat.event_id, chat.friend, after=first.message_id).seqs == [2, 3]
    assert chat.app.page(chat.event_id, chat.friend, after=third.message_id).seqs == []


def store_late(system: Stack, chat: Chat, seq: int) -> None:
    """Store the message with this seq as a worker does."""
    at = settings.parse(system.env)
    scylla = Scylla(at.contact_points, at.scylla_keyspace)
    version = MessageId.of(chat.messages()[-1].message_id).version + 1
    late = Create(chat.event_id, RANDOM_MAX, chat.author, "", "", "늦은 말", "text")
    rows, _ = scylla.bind([Placed(late, version, seq, "")], messages.create_rows)
    assert scylla.write(rows) == []
    scylla.close()


def test_a_longer_time_range_says_where_to_go_on(long: tuple[Chat, list[Sent]]) -> None:
    """All of these were said within a few milliseconds: a time alone could not tell where a page ended."""
    chat, sent = long
    times = [one.created_at.isoformat() for one in (sent[0], sent[-1])]
    page = chat.app.page(chat.event_id, chat.friend, limit=100, from_=times[0], to=times[1])
    assert (page.seqs, page.next) == (list(range(1, 101)), sent[99].message_id)
    rest = chat.app.page(chat.event_id, chat.friend, limit=100, after=page.next)
    assert rest.seqs == list(range(101, SAID + 1))


def test_from_and_to_are_both_included_and_next_is_null_at_the_end(chat: Chat) -> None:
    sent = [chat.said(f"{n}") for n in range(6)]
    chat.wait_stored(6)
    times = [one.created_at for one in sent]
    assert len(set(times)) == 6
    ranges: list[tuple[dict[str, str], list[int]]] = [
        ({"from_": times[2].isoformat()}, [3, 4, 5, 6]),
        ({"to": times[2].isoformat()}, [1, 2, 3]),
        ({"from_": times[1].isoformat(), "to": times[3].isoformat()}, [2, 3, 4]),
        ({"from_": times[4].isoformat(), "to": times[1].isoformat()}, []),
        ({"to": (times[0] - timedelta(milliseconds=1)).isoformat()}, []),
        ({"from_": (times[5] + timedelta(milliseconds=1)).isoformat()}, []),
        ({"from_": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59.999-14:00"}, [1, 2, 3, 4, 5, 6]),
    ]
    for query, seqs in ranges:
        page = chat.app.page(chat.event_id, chat.friend, **query)
        assert (page.seqs, page.next) == (seqs, None)
    part = chat.app.page(chat.event_id, chat.friend, from_=times[1].isoformat(), limit=2)
    assert (part.seqs, part.next) == ([2, 3], sent[2].message_id)


@pytest.mark.parametrize("field", ["before", "after"])
def test_a_cursor_of_another_event_or_beyond_the_last_is_refused(long: tuple[Chat, list[Sent]], field: str) -> None:
    chat, sent = long
    real = MessageId.of(sent[5].message_id)
    elsewhere = MessageId(real.version - 120_000_000, real.seq, real.random).uuid
    beyond = MessageId(MessageId.of(sent[-1].message_id).version + 1, SAID + 1, 7).uuid
    for cursor in (elsewhere, beyond):
        answer = chat.app.call("GET", chat.path, query={"as_user": chat.friend, field: cursor})
        assert refusal(answer) == (422, field)
