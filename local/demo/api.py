"""The HTTP API as the demo's calling app uses it: calls by name, answers as structs of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Self, TypeVar
from uuid import UUID, uuid4

import httpx
import msgspec

from domain.errors import TimingleError
from stores import api_clients
from stores.connections import open_pool

AREAS: Final = ("messages", "events", "users", "payments", "reports")
SCOPES: Final = tuple(f"{area}:{access}" for area in AREAS for access in ("read", "write"))
RATE_PER_S: Final = 1_000
"""Far more than one person can watch."""
ANSWER_S_MAX: Final = 30.0
"""Longer than any store keeps ingest waiting: it answers that a store is away."""

Body = Mapping[str, object]
Query = Mapping[str, str | int]
T = TypeVar("T")


class DemoError(TimingleError):
    """The demo cannot go on."""


class Id(msgspec.Struct, frozen=True):
    """What was made."""

    id: int


class Event(msgspec.Struct, frozen=True):
    """An event as the API answers it; length and head of its history are a receipt."""

    id: int
    status: str
    history_length: int
    history_head: str

    @property
    def receipt(self) -> str:
        return f"{self.history_length}:{self.history_head}"


class Entry(msgspec.Struct, frozen=True):
    """An entry of an event's history."""

    chain_seq: int
    changed_at: datetime
    actor_name: str | None
    change_type: str
    field_name: str | None
    old_value: object
    new_value: object
    prev_hash: str
    entry_hash: str


class History(msgspec.Struct, frozen=True):
    """A page of it, newest first."""

    entries: list[Entry]


class PaymentAnswer(msgspec.Struct, frozen=True):
    """A payment as the API answers it."""

    id: int
    order_id: str
    status: str
    amount: str
    currency: str
    refunded_amount: str


class Report(msgspec.Struct, frozen=True):
    """How far an audit PDF is."""

    id: int
    status: str
    step: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of a message: its id and place, or why it was refused."""

    message_id: UUID | None = None
    seq: int = 0
    status: int = 0
    field: str = ""

    @property
    def refusal(self) -> str:
        """The status, and the field that it is about; empty if the message was taken."""
        return "" if self.message_id else f"{self.status} {self.field}".strip()


class Outcomes(msgspec.Struct, frozen=True):
    """What became of each message of a bulk."""

    results: list[Outcome]


class Reaction(msgspec.Struct, frozen=True):
    """Who reacted, and how."""

    user_id: int
    emoji: str


class Message(msgspec.Struct, frozen=True):
    """A message as it is read."""

    message_id: UUID
    seq: int
    sender_id: int | None
    message: str
    message_type: str
    attachments: tuple[str, ...]
    reply_to: UUID | None
    edited_at: str | None
    is_deleted: bool
    metadata: dict[str, str]
    reactions: tuple[Reaction, ...]


class Messages(msgspec.Struct, frozen=True):
    """A page."""

    messages: list[Message]


class Recent(msgspec.Struct, frozen=True):
    """A message in a user's activity."""

    message_id: UUID
    message: str


class Activity(msgspec.Struct, frozen=True):
    """What a user said lately, newest first."""

    messages: list[Recent]


class Unread(msgspec.Struct, frozen=True):
    """What a user has not read of one event."""

    event_id: int
    unread_count: int


class UnreadEvents(msgspec.Struct, frozen=True):
    """The same for each of their events."""

    events: list[Unread]


class Api:
    """Calls the API with a client's key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._http = httpx.Client(base_url=f"{url}/v1", headers=headers, timeout=ANSWER_S_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, shape: type[T], path: str, query: Query | None = None) -> T:
        """What is there. Raises DemoError."""
        return msgspec.json.decode(self.do("GET", path, query=query), type=shape)

    def post(self, shape: type[T], path: str, body: Body) -> T:
        """What was made of this. Raises DemoError."""
        return msgspec.json.decode(self.do("POST", path, body), type=shape)

    def say(self, path: str, body: Body) -> Outcome:
        """What became of a message; it may well be refused. Raises DemoError if nobody could tell."""
        return msgspec.json.decode(self._call("POST", path, body, None).content, type=Outcome)

    def attempt(
        self, method: str, path: str, body: Body, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and answer of a call that may well be refused. Raises DemoError if nobody could tell."""
        answer = self._call(method, path, body, None, headers)
        return answer.status_code, answer.content

    def do(self, method: str, path: str, body: Body | None = None, query: Query | None = None) -> bytes:
        """The answer to a call that must be answered with yes. Raises DemoError."""
        answer = self._call(method, path, body, query)
        if not answer.is_success:
            raise DemoError(f"{method} {path} was answered with {answer.status_code}: {answer.text}")
        return answer.content

    def _call(
        self,
        method: str,
        path: str,
        body: Body | None,
        query: Query | None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self._http.request(method, path, content=content, params=query, headers=headers)
        except httpx.TransportError as error:
            raise DemoError(f"{method} {path} had no answer ({type(error).__name__}).") from None
        if answer.is_server_error:
            raise DemoError(f"{method} {path} was answered with {answer.status_code}: {answer.text}")
        return answer


@contextmanager
def calling_app(url: str, postgres_url: str) -> Iterator[Api]:
    """An app of this run only, as `timingle clients create` makes one; its key is revoked at the end."""
    name = f"demo-{uuid4().hex[:12]}"
    with open_pool(postgres_url) as pool:
        key = api_clients.create(pool, name, SCOPES, RATE_PER_S)
        try:
            with Api(url, key) as api:
                yield api
        finally:
            api_clients.revoke(pool, name)
