"""P6. Random calls, legal and illegal, by HTTP, against a model: database, model and chain agree at every step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from psycopg_pool import ConnectionPool

from domain.history_verify import verify
from stores import history_outbox
from stores.connections import open_pool
from tests.e2e.answers import Event, Events
from tests.e2e.app import App
from tests.e2e.behind import Behind

EXAMPLES = 12
STEPS = 15
PEOPLE = 4
who = st.integers(0, PEOPLE - 1)
OK, FORBIDDEN, NOT_THERE, CONFLICT = (
    HTTPStatus.OK,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
)


@dataclass
class Model:
    """An event as the contract tells of it; the creator is 0. Each call says how it is answered."""

    status: str = "PROPOSED"
    title: str = "0"
    minutes: int = 0
    people: dict[int, bool] = field(default_factory=lambda: {0: True})
    reason: str | None = None

    def settle(self) -> None:
        if self.status == "PROPOSED" and all(self.people.values()) and self.people.keys() - {0}:
            self.status = "CONFIRMED"

    def call_it(self, actor: int, title: str) -> HTTPStatus:
        if actor not in self.people:
            return FORBIDDEN
        if title != self.title and self.status not in ("PROPOSED", "CONFIRMED"):
            return CONFLICT
        self.title = title
        return OK

    def move(self, actor: int, minutes: int) -> HTTPStatus:
        if actor not in self.people:
            return FORBIDDEN
        if minutes == self.minutes:
            return OK
        if self.status != "PROPOSED":
            return CONFLICT
        self.minutes = minutes
        self.people = {user: agreed and user == actor for user, agreed in self.people.items()}
        return OK

    def invite(self, actor: int, user: int) -> HTTPStatus:
        if actor != 0 or actor not in self.people:
            return FORBIDDEN
        if self.status != "PROPOSED" or user in self.people:
            return CONFLICT
        self.people[user] = False
        return OK

    def remove(self, actor: int, user: int) -> HTTPStatus:
        if actor not in self.people or actor not in (0, user):
            return FORBIDDEN
        if user not in self.people:
            return NOT_THERE
        if self.status != "PROPOSED" or len(self.people) == 1:
            return CONFLICT
        del self.people[user]
        self.settle()
        return OK

    def confirm(self, actor: int) -> HTTPStatus:
        if actor not in self.people:
            return FORBIDDEN
        if self.status not in ("PROPOSED", "CONFIRMED"):
            return CONFLICT
        if not self.people[actor]:
            self.people[actor] = True
            self.settle()
        return OK

    def cancel(self, actor: int) -> HTTPStatus:
        if actor not in self.people:
            return FORBIDDEN
        if self.status not in ("PROPOSED", "CONFIRMED"):
            return CONFLICT
        self.status, self.reason = "CANCELED", "아파요"
        return OK

    def complete(self, actor: int) -> HTTPStatus:
        if actor != 0 or actor not in self.people:
            return FORBIDDEN
        if self.status != "CONFIRMED":
            return CONFLICT
        self.status = "DONE"
        return OK


class Calls(RuleBasedStateMachine):
    """The calls, on one system."""

    app: App
    pool: ConnectionPool
    users: list[int]

    @initialize(invited=st.sets(who))
    def propose(self, invited: set[int]) -> None:
        self.model = Model(people={user: user == 0 for user in {0, *invited}})
        self.event = self.app.event(self.users[0], *(self.users[user] for user in invited), title="0")
        self.receipts: dict[int, bytes] = {}

    def ask(self, expected: HTTPStatus, method: str, path: str, body: object = None, **query: Any) -> None:
        answer = self.app.call(method, f"/events/{self.event}{path}", body, query=query)
        assert answer.status_code == expected, answer.text
        if answer.status_code == HTTPStatus.OK:
            self.agree(msgspec.json.decode(answer.content, type=Event))

    def agree(self, event: Event) -> None:
        """What was answered is what the model says, and a receipt."""
        people = {self.users.index(one.user_id): one.confirmed for one in event.participants}
        minutes = {event.start_time.minute, event.end_time.minute}
        told = (event.status, event.title, minutes, people, event.canceled_reason)
        model = self.model
        assert told == (model.status, model.title, {model.minutes}, model.people, model.reason)
        self.receipts[event.history_length] = bytes.fromhex(event.history_head or "")

    def post(self, what: str, expected: Callable[[int], HTTPStatus], actor: int, **more: object) -> None:
        self.ask(expected(actor), "POST", f"/{what}", {"actor_id": self.users[actor], **more})

    @rule(actor=who, title=st.sampled_from("012"))
    def call_it(self, actor: int, title: str) -> None:
        body = {"actor_id": self.users[actor], "title": title}
        self.ask(self.model.call_it(actor, title), "PATCH", "", body)

    @rule(actor=who, minutes=st.integers(0, 2))
    def move(self, actor: int, minutes: int) -> None:
        times = {f"{end}_time": f"2099-01-01T{hour}:0{minutes}:00+09:00" for end, hour in (("start", 10), ("end", 11))}
        body = {"actor_id": self.users[actor], **times}
        self.ask(self.model.move(actor, minutes), "PATCH", "", body)

    @rule(actor=who, user=who)
    def invite(self, actor: int, user: int) -> None:
        body = {"actor_id": self.users[actor], "user_id": self.users[user]}
        self.ask(self.model.invite(actor, user), "POST", "/participants", body)

    @rule(actor=who, user=who)
    def remove(self, actor: int, user: int) -> None:
        expected = self.model.remove(actor, user)
        self.ask(expected, "DELETE", f"/participants/{self.users[user]}", actor_id=self.users[actor])

    @rule(actor=who)
    def confirm(self, actor: int) -> None:
        self.post("confirm", self.model.confirm, actor)

    @rule(actor=who)
    def cancel(self, actor: int) -> None:
        self.post("cancel", self.model.cancel, actor, reason="아파요")

    @rule(actor=who)
    def complete(self, actor: int) -> None:
        self.post("done", self.model.complete, actor)

    @invariant()
    def the_chain_is_whole_and_leads_to_the_row(self) -> None:
        event = history_outbox.present(self.pool, self.event)
        assert event is not None
        assert verify(history_outbox.of_event(self.pool, self.event), event, self.receipts) == []
        people = {self.users.index(one.user_id): one.confirmed for one in event.participants}
        assert (event.status, event.title, people) == (self.model.status, self.model.title, self.model.people)

    @invariant()
    def who_takes_part_has_it_among_the_next_events(self) -> None:
        going = self.model.people if self.model.status in ("PROPOSED", "CONFIRMED") else {}
        for place, user in enumerate(self.users):
            found = self.app.get(Events, f"/users/{user}/events/upcoming").events
            minutes = [event.start_time.minute for event in found if event.id == self.event]
            assert minutes == ([self.model.minutes] if place in going else [])


def test_database_model_and_chain_agree_whatever_is_called_in_whatever_order(app: App, behind: Behind) -> None:
    """P6."""
    with open_pool(behind.postgres_url) as pool:
        machine = type("Machine", (Calls,), {"app": app, "pool": pool, "users": app.users(PEOPLE)})
        run_state_machine_as_test(machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS))
