"""Senders who go on whatever dies: what got no answer, or 503, is sent again, the same, until it is answered."""

import random
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import httpx
import msgspec

from local.demo.api import SCOPES, Id, Outcome, Outcomes, UnreadEvents
from local.demo.talk import random_phone
from local.stack import Stack
from stores import api_clients
from stores.connections import open_pool
from tests.faults.kills_ledger import Ledger, Said, Stored, UserEvent, Verdict
from tests.waiting import wait_until

REPLY_S_MAX: Final = 20.0
ANSWERED_S_MAX: Final = 120.0
"""The longest that a call may be refused or go unanswered: a whole start on a busy machine."""
RESEND_S: Final = 0.2
PAUSE_S: Final = 0.1
"""Between a sender's calls: the servers, and what is being restarted, need the machine more than the senders do."""
RATE_PER_S: Final = 3_000
BULK: Final = 10
SENDERS: Final = (BULK, BULK, 1, 1)
"""How many messages each sender puts into one call."""
SILENT: Final = 2
"""Participants who send nothing: the first of them reads, the second never does."""
EVENTS: Final = 3
LATER: Final = {"start_time": "2099-01-01T10:00:00+09:00", "end_time": "2099-01-01T11:00:00+09:00"}
TRY_AGAIN: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class UnexpectedAnswerError(Exception):
    """A call that is right was answered with neither yes nor 'try again', or not for ANSWERED_S_MAX."""


class Page(msgspec.Struct, frozen=True):
    """Messages of an event, newest first, and where older ones begin."""

    messages: list[Stored]
    next: UUID | None


@dataclass(frozen=True)
class Api:
    """The HTTP API as a patient app calls it."""

    http: httpx.Client

    def until_answered(
        self, method: str, path: str, body: object = None, query: Mapping[str, str | int] | None = None
    ) -> bytes:
        """The answer to a call, made again until there is one. Raises UnexpectedAnswerError."""
        limit = time.monotonic() + ANSWERED_S_MAX
        content = None if body is None else msgspec.json.encode(body)
        while True:
            try:
                answer = self.http.request(method, path, content=content, params=query)
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                if answer.is_success:
                    return answer.content
                why = f"{answer.status_code}: {answer.text}"
                if answer.status_code not in TRY_AGAIN:
                    raise UnexpectedAnswerError(f"{method} {path}: {why}")
            if time.monotonic() > limit:
                raise UnexpectedAnswerError(f"{method} {path} for {ANSWERED_S_MAX:.0f} s, at last {why}")
            threading.Event().wait(RESEND_S)


@contextmanager
def calling_app(stack: Stack) -> Iterator[Api]:
    """An app of this run only."""
    name = f"kills-{secrets.token_hex(6)}"
    with open_pool(stack.env["TIMINGLE_POSTGRES_URL"]) as pool:
        key = api_clients.create(pool, name, SCOPES, RATE_PER_S)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=f"{stack.ingest_url}/v1", headers=headers, timeout=REPLY_S_MAX) as http:
        yield Api(http)


class Conversation:
    """Events of their own and the people in them; everybody takes part in all."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.ledger = Ledger()
        self.user_ids = [
            self._made("/users", {"phone": random_phone(), "name": f"손님 {number}"})
            for number in range(len(SENDERS) + SILENT)
        ]
        event = {"actor_id": self.user_ids[0], "title": "컷", "participant_ids": self.user_ids[1:], **LATER}
        self.event_ids = [self._made("/events", event) for _ in range(EVENTS)]

    def _made(self, path: str, body: Mapping[str, object]) -> int:
        return msgspec.json.decode(self.api.until_answered("POST", path, body), type=Id).id

    def compare(self) -> Verdict:
        """Everything that was promised beside what the API reads now."""
        unread: dict[UserEvent, int] = {}
        for user in self.user_ids:
            answer = self.api.until_answered("GET", f"/users/{user}/unread")
            told = msgspec.json.decode(answer, type=UnreadEvents).events
            unread |= {(user, one.event_id): one.unread_count for one in told}
        return self.ledger.compare({event: self._stored(event) for event in self.event_ids}, unread, self.user_ids)

    def _stored(self, event_id: int) -> list[Stored]:
        """All of an event's messages, read backwards: such pages stop at no gap."""
        found: list[Stored] = []
        query: dict[str, str | int] = {"as_user": self.user_ids[0], "limit": 100}
        while True:
            answer = self.api.until_answered("GET", f"/events/{event_id}/messages", query=query)
            page = msgspec.json.decode(answer, type=Page)
            found += page.messages
            if page.next is None:
                return found
            query["before"] = str(page.next)


class Sender(threading.Thread):
    """One person who writes, edits, deletes and reads, a call at a time."""

    def __init__(
        self, conversation: Conversation, user_id: int, bulk: int, seed: int, stopping: threading.Event
    ) -> None:
        super().__init__(name=f"sender-{user_id}", daemon=True)
        self._talk, self._user_id, self._bulk = conversation, user_id, bulk
        self._api, self._ledger = conversation.api, conversation.ledger
        self._random = random.Random(f"{seed} {bulk} {user_id}")  # noqa: S311
        self._stopping = stopping
        self._mine: list[Said] = []
        self._count = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        """Write until told to stop; whatever was begun is finished first."""
        try:
            while not self._stopping.is_set():
                self._say()
                self._change()
                self._read()
                self._stopping.wait(PAUSE_S)
        except (UnexpectedAnswerError, AssertionError, msgspec.MsgspecError) as error:
            self.failure = error

    def _say(self) -> None:
        bodies = [self._body() for _ in range(self._bulk)]
        if self._bulk == 1:
            (whole,) = bodies
            body = {name: value for name, value in whole.items() if name != "event_id"}
            answer = self._api.until_answered("POST", f"/events/{whole['event_id']}/messages", body)
            self._note(whole, msgspec.json.decode(answer, type=Outcome))
            return
        while bodies:
            answer = self._api.until_answered("POST", "/messages:batch", {"messages": bodies})
            outcomes = msgspec.json.decode(answer, type=Outcomes).results
            assert len(outcomes) == len(bodies), "a bulk was answered with another number of results"
            placed = list(zip(bodies, outcomes, strict=True))
            bodies = [body for body, outcome in placed if not self._note(body, outcome)]

    def _body(self) -> dict[str, object]:
        self._count += 1
        name = f"{self._user_id}-{self._count}"
        return {
            "event_id": self._random.choice(self._talk.event_ids),
            "actor_id": self._user_id,
            "message": f"{name} " + "안" * self._random.randrange(120),
            "client_id": name,
        }

    def _note(self, body: Mapping[str, object], outcome: Outcome) -> bool:
        """Note what was taken; False if it is to be sent again."""
        if outcome.message_id is None:
            if outcome.status not in TRY_AGAIN:
                raise UnexpectedAnswerError(f"a message of a bulk: {outcome.refusal}")
            return False
        said = Said(int(str(body["event_id"])), outcome.message_id, outcome.seq, self._user_id, str(body["message"]))
        self._mine.append(said)
        self._ledger.say(said)
        return True

    def _change(self) -> None:
        """Now and then another text for one of the last messages, or no text at all."""
        said = self._random.choice(self._mine[-200:])
        if said.is_deleted:
            return
        chance = self._random.random()
        path = f"/events/{said.event_id}/messages/{said.message_id}"
        if chance < 0.3:
            text = f"{said.text[:40]} (edited {chance})"
            self._api.until_answered("PATCH", path, {"actor_id": self._user_id, "message": text})
            said.text = text
        elif chance < 0.4:
            self._api.until_answered("DELETE", path, query={"actor_id": self._user_id})
            said.is_deleted = True

    def _read(self) -> None:
        """Now and then a read mark, one's own or a silent participant's."""
        if self._random.random() < 0.3:
            reader = self._random.choice([self._user_id, self._talk.user_ids[len(SENDERS)]])
            up_to = self._random.choice(self._ledger.of_event(self._random.choice(self._mine).event_id)[-50:])
            path = f"/events/{up_to.event_id}/read"
            self._api.until_answered("POST", path, {"actor_id": reader, "up_to": str(up_to.message_id)})
            self._ledger.read(reader, up_to.event_id, up_to.seq)


class Traffic:
    """Senders at work: `with Traffic(conversation, seed) as traffic:`; leaving it lets them finish what they began."""

    def __init__(self, conversation: Conversation, seed: int) -> None:
        self._ledger = conversation.ledger
        self._stopping = threading.Event()
        self._senders = [
            Sender(conversation, user_id, bulk, seed, self._stopping)
            for user_id, bulk in zip(conversation.user_ids, SENDERS, strict=False)
        ]

    def __enter__(self) -> Self:
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        for sender in self._senders:
            sender.join(ANSWERED_S_MAX + REPLY_S_MAX)
        if kind is None:
            self.check()

    def wait_accepted(self, more: int, seconds: float = ANSWERED_S_MAX) -> None:
        """Return when so many more messages than now were answered 202."""
        wanted = self._ledger.accepted + more
        wait_until(f"{more} more messages accepted", lambda: self.failures or self._ledger.accepted >= wanted, seconds)
        self.check()

    def check(self) -> None:
        """Raise what a sender met."""
        if self.failures:
            raise self.failures[0]

    @property
    def failures(self) -> Sequence[Exception]:
        """What ended senders before their time."""
        return [sender.failure for sender in self._senders if sender.failure]
