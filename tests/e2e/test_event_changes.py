"""PATCH and POST about an event, by HTTP: who may do what, what is answered, and what the history says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest

from domain.history import Entry
from domain.history_verify import verify
from stores import history_outbox
from stores.connections import open_pool
from tests.e2e.answers import Event, History, Participant
from tests.e2e.app import TIMES, App, Chat, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

OVER = {"start_time": "2020-01-01T10:00:00Z", "allow_past": True}


class Histories:
    """The chains as PostgreSQL has them, checked whenever one is looked at."""

    def __init__(self, url: str) -> None:
        self._pool = open_pool(url)

    def close(self) -> None:
        self._pool.close()

    def of(self, event: Event) -> list[Entry]:
        """An event's entries: whole, and leading to what was answered."""
        entries = history_outbox.of_event(self._pool, event.id)
        present = history_outbox.present(self._pool, event.id)
        assert present is not None
        assert verify(entries, present, {event.history_length: bytes.fromhex(event.history_head or "")}) == []
        return entries

    def types(self, event: Event) -> list[str]:
        return [entry.change_type for entry in self.of(event)]


@pytest.fixture
def histories(behind: Behind) -> Iterator[Histories]:
    made = Histories(behind.postgres_url)
    yield made
    made.close()


def test_an_event_goes_from_a_proposal_to_done_and_each_answer_is_a_receipt(app: App, histories: Histories) -> None:
    """P6."""
    creator, guest = app.users(2)
    event_id = app.event(creator, guest)
    seen = [app.get(Event, f"/events/{event_id}", as_user=guest)]
    seen.append(app.edit(event_id, guest, title="컷과 염색", location="마포점"))
    seen.append(app.act(event_id, "confirm", guest))
    seen.append(app.edit(event_id, creator, description="두 시간"))
    seen.append(app.act(event_id, "done", creator))
    assert [one.status for one in seen] == ["PROPOSED", "PROPOSED", "CONFIRMED", "CONFIRMED", "DONE"]
    assert [one.history_length for one in seen] == [3, 5, 7, 8, 9]
    assert app.get(Event, f"/events/{event_id}", as_user=creator) == seen[-1]
    entries = histories.of(seen[-1])
    assert [entry.change_type for entry in entries] == [
        "CREATED",
        "PARTICIPANT_ADDED",
        "PARTICIPANT_ADDED",
        "UPDATED",
        "UPDATED",
        "PARTICIPANT_CONFIRMED",
        "CONFIRMED",
        "UPDATED",
        "DONE",
    ]
    assert [(e.actor_id, e.field_name, e.old_value, e.new_value) for e in entries[3:5]] == [
        (guest, "title", '"컷"', '"컷과 염색"'),
        (guest, "location", None, '"마포점"'),
    ]
    assert [entries[one.history_length - 1].entry_hash.hex() for one in seen] == [one.history_head for one in seen]


def test_a_moved_time_takes_back_all_confirmations_but_the_movers(app: App, histories: Histories) -> None:
    creator, guest, other = app.users(3)
    event_id = app.event(creator, guest, other)
    app.act(event_id, "confirm", guest)
    moved = app.edit(event_id, guest, end_time="2099-01-01T12:00:00+09:00")
    assert moved.participants == [Participant(creator, False), Participant(guest, True), Participant(other, False)]
    assert moved.end_time == datetime(2099, 1, 1, 3, tzinfo=UTC)
    assert [app.act(event_id, "confirm", user).status for user in (other, creator)] == ["PROPOSED", "CONFIRMED"]
    answer = app.call("PATCH", f"/events/{event_id}", {"actor_id": guest, "end_time": "2099-01-01T13:00:00+09:00"})
    assert refusal(answer) == (409, "")
    assert "CONFIRMED" in answer.json()["detail"]
    assert histories.types(app.get(Event, f"/events/{event_id}", as_user=guest)).count("PARTICIPANT_UNCONFIRMED") == 1


def test_people_come_and_go_while_it_is_proposed(app: App, behind: Behind, histories: Histories) -> None:
    creator, guest, other = app.users(3)
    event_id = app.event(creator, guest)
    path = f"/events/{event_id}/participants"
    app.say_many(event_id, creator, 3)
    joined = app.act(event_id, "participants", creator, user_id=other)
    assert [one.user_id for one in joined.participants] == [creator, guest, other]
    assert behind.sql("SELECT joined_seq FROM event_participants WHERE user_id = %s", other) == [(3,)]
    assert app.unread(other).events[0].unread_count == 0
    assert refusal(app.call("POST", path, {"actor_id": creator, "user_id": other})) == (409, "")
    assert refusal(app.call("POST", path, {"actor_id": guest, "user_id": app.user()})) == (403, "")
    assert refusal(app.call("DELETE", f"{path}/{other}", query={"actor_id": guest})) == (403, "")
    assert refusal(app.call("DELETE", f"{path}/{app.user()}", query={"actor_id": creator})) == (404, "user_id")
    left = app.done(Event, HTTPStatus.OK, "DELETE", f"{path}/{guest}", actor_id=guest)
    assert [one.user_id for one in left.participants] == [creator, other]
    assert histories.types(left)[-2:] == ["PARTICIPANT_ADDED", "PARTICIPANT_REMOVED"]
    alone = app.done(Event, HTTPStatus.OK, "DELETE", f"{path}/{other}", actor_id=creator)
    assert (alone.status, alone.participants) == ("PROPOSED", [Participant(creator, True)])
    assert refusal(app.call("DELETE", f"{path}/{creator}", query={"actor_id": creator})) == (409, "")
    histories.of(alone)


def test_removing_the_last_who_had_not_confirmed_confirms_the_event(app: App, histories: Histories) -> None:
    creator, guest, other = app.users(3)
    event_id = app.event(creator, guest, other)
    app.act(event_id, "confirm", guest)
    confirmed = app.done(Event, HTTPStatus.OK, "DELETE", f"/events/{event_id}/participants/{other}", actor_id=other)
    assert confirmed.status == "CONFIRMED"
    assert histories.types(confirmed)[-2:] == ["PARTICIPANT_REMOVED", "CONFIRMED"]


@pytest.mark.parametrize("gone", ["is_active = FALSE", "deleted_at = now()"])
def test_who_is_gone_or_inactive_neither_acts_nor_is_let_in(app: App, behind: Behind, gone: str) -> None:
    creator, guest, other = app.users(3)
    event_id = app.event(creator, guest)
    behind.sql(f"UPDATE users SET {gone} WHERE id = ANY(%s)", [guest, other])
    before = behind.stored()[1:]
    assert refusal(app.call("POST", f"/events/{event_id}/confirm", {"actor_id": guest})) == (403, "")
    body = {"actor_id": creator, "user_id": other}
    assert refusal(app.call("POST", f"/events/{event_id}/participants", body)) == (422, "user_id")
    assert behind.stored()[1:] == before


def test_a_stranger_is_refused_and_an_event_that_is_not_there_is_not(chat: Chat, behind: Behind) -> None:
    before = behind.stored()[1:]
    for event_id, actor, status in ((chat.event_id, chat.stranger, 403), (2**62, chat.author, 404)):
        for method, path, body in (
            ("PATCH", "", {"title": "a"}),
            ("POST", "/participants", {"user_id": chat.author}),
            ("POST", "/confirm", {}),
            ("POST", "/cancel", {"reason": "a"}),
            ("POST", "/done", {}),
        ):
            answer = chat.app.call(method, f"/events/{event_id}{path}", {"actor_id": actor, **body})
            assert refusal(answer) == (status, "")
        query = {"actor_id": actor}
        path = f"/events/{event_id}/participants/{chat.author}"
        assert refusal(chat.app.call("DELETE", path, query=query)) == (status, "")
    assert behind.stored()[1:] == before


def test_a_cancellation_gives_its_reason_and_is_the_end(app: App, histories: Histories) -> None:
    creator, guest = app.users(2)
    event_id = app.event(creator, guest)
    canceled = app.act(event_id, "cancel", guest, reason="아파요")
    assert (canceled.status, canceled.canceled_reason) == ("CANCELED", "아파요")
    for path, body in (("confirm", {}), ("cancel", {"reason": "a"}), ("done", {})):
        answer = app.call("POST", f"/events/{event_id}/{path}", {"actor_id": creator, **body})
        assert refusal(answer) == (409, "")
        assert "CANCELED" in answer.json()["detail"]
        assert "nothing any more" in answer.json()["detail"]
    last = histories.of(canceled)[-1]
    assert (last.change_type, last.field_name, last.metadata) == ("CANCELED", None, {"canceled_reason": "아파요"})


def test_only_its_creator_says_that_a_confirmed_event_is_done(app: App) -> None:
    creator, guest = app.users(2)
    event_id = app.event(creator, guest)
    assert refusal(app.call("POST", f"/events/{event_id}/done", {"actor_id": creator})) == (409, "")
    app.act(event_id, "confirm", guest)
    assert refusal(app.call("POST", f"/events/{event_id}/done", {"actor_id": guest})) == (403, "")
    assert app.act(event_id, "done", creator).status == "DONE"


def test_a_second_confirm_changes_nothing(app: App) -> None:
    creator, guest, other = app.users(3)
    event_id = app.event(creator, guest, other)
    first = app.act(event_id, "confirm", guest)
    assert app.act(event_id, "confirm", guest) == first
    confirmed = app.act(event_id, "confirm", other)
    assert [app.act(event_id, "confirm", user) for user in (creator, guest, other)] == [confirmed] * 3


def test_two_last_confirmations_at_once_confirm_an_event_once(app: App, histories: Histories) -> None:
    """P6."""
    creator, *guests = app.users(6)
    for _ in range(5):
        event_id = app.event(creator, *guests)
        with ThreadPoolExecutor(len(guests)) as threads:
            answers = list(threads.map(lambda guest, at=event_id: app.act(at, "confirm", guest), guests))
        assert sorted(one.status for one in answers) == ["CONFIRMED", *["PROPOSED"] * 4]
        assert histories.types(max(answers, key=lambda one: one.history_length)).count("CONFIRMED") == 1


def test_a_change_of_an_event_that_is_over_lets_done_happen_first(app: App, histories: Histories) -> None:
    """P7. By the clock, and though the change itself is refused."""
    creator, guest = app.users(2)
    end = datetime.now(UTC) + timedelta(seconds=0.7)
    event_id = app.event(creator, guest, **OVER, end_time=end.isoformat())
    app.act(event_id, "confirm", guest)
    wait_until("its end", lambda: datetime.now(UTC) > end)
    answer = app.call("POST", f"/events/{event_id}/cancel", {"actor_id": guest, "reason": "아파요"})
    assert refusal(answer) == (409, "")
    assert "DONE" in answer.json()["detail"]
    done = app.get(Event, f"/events/{event_id}", as_user=guest)
    assert (done.status, done.canceled_reason) == ("DONE", None)
    last = histories.of(done)[-1]
    assert (last.change_type, last.actor_id, last.ip_address) == ("DONE", None, None)
    assert last.changed_at >= end


def test_history_notes_the_callers_address_and_program_and_believes_no_header(app: App, histories: Histories) -> None:
    creator = app.user(name="원장", display_name="민지")
    body = {"actor_id": creator, "title": "컷", **TIMES}
    headers = {"user-agent": "salon/2 (테스트)".encode(), "x-forwarded-for": b"198.51.100.1"}
    made = app.http.post("/v1/events", json=body, headers=[(name.encode(), value) for name, value in headers.items()])
    for entry in histories.of(app.get(Event, f"/events/{made.json()['id']}", as_user=creator)):
        assert (entry.actor_id, entry.actor_name) == (creator, "민지")
        assert (entry.ip_address, entry.user_agent) == ("127.0.0.1", "salon/2 (테스트)")


def test_a_history_is_read_page_by_page_each_entry_once(app: App) -> None:
    creator, guest = app.users(2)
    event = app.get(Event, f"/events/{app.event(creator, guest)}", as_user=guest)

    def page(**query: object) -> History:
        return app.get(History, f"/events/{event.id}/history", as_user=guest, limit=2, **query)

    wait_until("the history is relayed", lambda: page().entries and page().entries[0].chain_seq == event.history_length)
    first = page()
    assert first.next == first.entries[-1].change_id
    rest = page(before=first.next)
    assert [one.chain_seq for one in (*first.entries, *rest.entries)] == [3, 2, 1]
    assert rest.next is None


@pytest.mark.parametrize("path", ["participants", "confirm", "cancel", "done"])
def test_a_repeat_with_the_same_key_gets_the_first_answer(app: App, behind: Behind, path: str) -> None:
    """P2."""
    creator, guest, other = app.users(3)
    event_id = app.event(creator, guest)
    if path == "done":
        app.act(event_id, "confirm", guest)
    made: dict[str, dict[str, object]] = {"participants": {"user_id": other}, "cancel": {"reason": "아파요"}}
    body: dict[str, object] = {"actor_id": guest if path == "confirm" else creator, **made.get(path, {})}
    headers = {"idempotency-key": uuid4().hex}

    def post() -> tuple[int, bytes]:
        answer = app.call("POST", f"/events/{event_id}/{path}", body, headers=headers)
        return answer.status_code, answer.content

    with ThreadPoolExecutor(5) as threads:
        answers = {future.result() for future in [threads.submit(post) for _ in range(10)]}
    assert {status for status, _ in answers} == {HTTPStatus.OK}
    assert len(answers) == 1
    before = behind.stored()[1:]
    assert post() in answers
    assert behind.stored()[1:] == before
    other_body = app.call("POST", f"/events/{event_id}/{path}", {**body, "actor_id": other}, headers=headers)
    assert refusal(other_body) == (422, "Idempotency-Key")
