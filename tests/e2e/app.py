"""A calling app as the tests have it, and a conversation in it."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import UUID, uuid4

import httpx
import msgspec

from ingest.clients import SCOPES
from local.stack import Stack
from stores import api_clients
from stores.connections import open_pool
from tests.e2e.answers import (
    ActivityPage,
    Answer,
    BulkSent,
    Event,
    Message,
    Page,
    Payment,
    Problem,
    Sent,
    UnreadPage,
    User,
)
from tests.waiting import wait_until

RATE_PER_S: Final = 1_000_000
"""More than a test can ask for."""
NIL: Final = UUID(int=0)
TIMES: Final = {"start_time": "2099-01-01T10:00:00+09:00", "end_time": "2099-01-01T11:00:00+09:00"}
PROBLEM_TYPE: Final = re.compile(r"tag:timingle,2026:problem:[a-z-]+")

A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class App:
    """Calls the API with a key, by paths under /v1."""

    http: httpx.Client
    key: str

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> httpx.Response:
        """The answer to a call; `body` goes as JSON, `content` as it is."""
        given = content if body is None else msgspec.json.encode(body)
        more = {} if given is None else {"content-type": "application/json"}
        names = {name.rstrip("_"): str(value) for name, value in query.items()} if query else None
        return self.http.request(method, f"/v1{path}", content=given, headers=more | (headers or {}), params=names)

    def done(
        self, shape: type[A], status: HTTPStatus, method: str, path: str, body: object = None, **query: object
    ) -> A:
        """The answer to a call that must be answered with this status and shape; `from_` is the parameter `from`."""
        return read(self.call(method, path, body, query=query), status, shape)

    def get(self, shape: type[A], path: str, **query: object) -> A:
        return self.done(shape, HTTPStatus.OK, "GET", path, **query)

    def user(self, **more: object) -> int:
        """A new user's id."""
        return self.done(User, HTTPStatus.CREATED, "POST", "/users", {"phone": new_phone(), **more}).id

    def users(self, count: int) -> list[int]:
        return [self.user() for _ in range(count)]

    def event(self, creator: int, *others: int, **more: object) -> int:
        """The id of a new event with these participants."""
        body = {"actor_id": creator, "title": "컷", "participant_ids": others, **TIMES, **more}
        return self.done(Event, HTTPStatus.CREATED, "POST", "/events", body).id

    def act(self, event_id: int, what: str, actor_id: int, **more: object) -> Event:
        """The event after somebody's POST about it: confirm, cancel, done, participants."""
        body = {"actor_id": actor_id, **more}
        return self.done(Event, HTTPStatus.OK, "POST", f"/events/{event_id}/{what}", body)

    def edit(self, event_id: int, actor_id: int, **more: object) -> Event:
        """The event after a PATCH."""
        return self.done(Event, HTTPStatus.OK, "PATCH", f"/events/{event_id}", {"actor_id": actor_id, **more})

    def say(self, event_id: int, actor_id: int, text: str = "안녕하세요", **more: object) -> Sent:
        body = {"actor_id": actor_id, "message": text, **more}
        return self.done(Sent, HTTPStatus.ACCEPTED, "POST", f"/events/{event_id}/messages", body)

    def bulk(self, messages: Sequence[object]) -> list[Sent | Problem]:
        """What became of each."""
        return self.done(BulkSent, HTTPStatus.ACCEPTED, "POST", "/messages:batch", {"messages": messages}).outcomes

    def say_many(self, event_id: int, actor_id: int, count: int) -> list[Sent]:
        """So many messages, numbered from 1, taken by calls as large as may be."""
        bodies = [{"event_id": event_id, "actor_id": actor_id, "message": f"{n}"} for n in range(1, count + 1)]
        sent = [one for at in range(0, count, 1_000) for one in self.bulk(bodies[at : at + 1_000])]
        return [one for one in sent if isinstance(one, Sent)]

    def page(self, event_id: int, as_user: int, **query: object) -> Page:
        return self.get(Page, f"/events/{event_id}/messages", as_user=as_user, **query)

    def follow(self, event_id: int, as_user: int, after: UUID = NIL) -> list[Message]:
        """All that is stored after a message, up to the first gap."""
        found: list[Message] = []
        while page := self.page(event_id, as_user, after=after, limit=100).messages:
            found += page
            after = page[-1].message_id
        return found

    def activity(self, user_id: int, **query: object) -> ActivityPage:
        return self.get(ActivityPage, f"/users/{user_id}/activity", **query)

    def unread(self, user_id: int, **query: object) -> UnreadPage:
        return self.get(UnreadPage, f"/users/{user_id}/unread", **query)


@dataclass(frozen=True)
class Chat:
    """An event, two who take part in it, and one who does not."""

    app: App
    event_id: int
    author: int
    friend: int
    stranger: int

    @property
    def path(self) -> str:
        """Of its messages."""
        return f"/events/{self.event_id}/messages"

    def say(self, text: str = "안녕하세요", **more: object) -> Sent:
        """The author says this."""
        return self.app.say(self.event_id, self.author, text, **more)

    def said(self, text: str = "안녕하세요", **more: object) -> Sent:
        """The same, as soon as it is stored."""
        sent = self.say(text, **more)
        self.wait_stored(sent.seq)
        return sent

    def message(self, sent: Sent) -> Message:
        """A message as it is stored now."""
        return next(one for one in self.messages() if one.message_id == sent.message_id)

    def asks_for(self, **more: object) -> dict[str, object]:
        """A payment that would be made: the author pays the friend."""
        return {
            "event_id": self.event_id,
            "payer_id": self.author,
            "receiver_id": self.friend,
            "amount": "12000",
            **more,
        }

    def asked(self, **more: object) -> Payment:
        """The same, made."""
        return self.app.done(Payment, HTTPStatus.CREATED, "POST", "/payments", self.asks_for(**more))

    def messages(self) -> list[Message]:
        """What is stored, oldest first, up to the first gap."""
        return self.app.follow(self.event_id, self.friend)

    def wait_stored(self, count: int) -> list[Message]:
        """The messages, as soon as so many are stored."""
        wait_until(f"{count} messages stored", lambda: len(self.messages()) >= count)
        return self.messages()

    def unread(self, user_id: int) -> int:
        """What a user of this event has not read of it."""
        return next(e.unread_count for e in self.app.unread(user_id).events if e.event_id == self.event_id)


def read(answer: httpx.Response, status: HTTPStatus, shape: type[A]) -> A:
    """An answer that must have this status and shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return msgspec.json.decode(answer.content, type=shape)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status of a problem and the field that it is about."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = msgspec.json.decode(answer.content, type=Problem)
    assert problem.status == answer.status_code
    assert PROBLEM_TYPE.fullmatch(problem.type)
    assert problem.title == HTTPStatus(answer.status_code).phrase
    assert problem.detail
    return problem.status, problem.field


def new_phone() -> str:
    """A Korean mobile number; that two are the same is as likely as 1 in 70 million."""
    return f"010{secrets.choice('2346789')}{secrets.randbelow(10_000_000):07}"


@contextmanager
def calling_app(stack: Stack, scopes: Sequence[str] = SCOPES, rate_per_s: int = RATE_PER_S) -> Iterator[App]:
    """An app with a key of its own, which is revoked at the end."""
    name, url = f"test-{uuid4().hex[:12]}", stack.env["TIMINGLE_POSTGRES_URL"]
    with open_pool(url) as pool:
        key = api_clients.create(pool, name, scopes, rate_per_s)
    with httpx.Client(base_url=stack.ingest_url, headers={"authorization": f"Bearer {key}"}, timeout=30) as http:
        yield App(http, key)
    with open_pool(url) as pool:  # anew: tests kill the server meanwhile
        api_clients.revoke(pool, name)


def new_chat(app: App) -> Chat:
    """A conversation with new people."""
    author, friend, stranger = app.users(3)
    return Chat(app, app.event(author, friend), author, friend, stranger)
