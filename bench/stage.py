"""What every row needs: a stack of its own, an app's key, users and events, made before any clock runs."""

import itertools
import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

import settings
from bench.apart import Start
from bench.load import Load, run
from bench.meter import Meter
from bench.script import Cast, Script
from bench.sender import Pace, SenderError, Sent, send
from bench.show import Show
from bench.sizes import Sizes
from bench.stream import Stream
from bench.wire import request
from ingest.clients import SCOPES
from local.stack import Stack
from stores import api_clients
from stores.connections import open_pool

RATE_MAX: Final = 2**31 - 1
"""No client's rate is what we measure."""
MAKING: Final = Pace(connections=16, keep_bodies=True)
BULK_MESSAGES: Final = 500
BULK_CONNECTIONS: Final = 8
"""Enough that ingest never waits for the sender, few enough that it answers each soon."""
SINGLES_CONNECTIONS: Final = 64
SINGLES_REQUESTS: Final = 5_000
"""Made beforehand, then sent over and over."""
LIVELY_EVENTS: Final = 200
PACED_BULK_MESSAGES: Final = 50
"""Small enough to be spread over a second."""
PACED_BULKS: Final = 200
"""Made beforehand, then sent over and over."""
FIRST_NUMBER: Final = 20_000_000
NUMBERS: Final = 50_000_000
"""Of mobile phones in Korea, behind 010."""
TIMES: Final = {"start_time": "2030-01-01T10:00:00+09:00", "end_time": "2030-01-01T11:00:00+09:00"}
PICTURE: Final = "https://pictures.example/users/{}.jpg"


@dataclass(slots=True)
class Stage:
    """A running stack with its cast."""

    stack: Stack
    sizes: Sizes
    show: Show
    key: str
    stream: Stream
    meter: Meter
    cast: Cast = field(default_factory=lambda: Cast((), ()))
    seeds: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    capacity_per_s: float = 0.0
    """Messages stored a second with 10 in a row; measured when it is first needed."""
    singles_per_s: float = 0.0
    """The same for requests with one message each."""

    @property
    def settings(self) -> settings.Settings:
        return settings.parse(self.stack.env)

    @property
    def port(self) -> int:
        return self.stack.ports.ingest

    def script(self, messages: int, in_a_row: int) -> Script:
        """A script that no earlier run had."""
        return Script(self.cast, messages, in_a_row, next(self.seeds))

    def bulk_load(self, per_second: float, seconds: float) -> Load:
        """So many messages a second for so long, in small bulks, 10 in a row."""
        pace = Pace(BULK_CONNECTIONS, seconds, per_second / PACED_BULK_MESSAGES)
        script = self.script(PACED_BULK_MESSAGES * PACED_BULKS, 10)
        return Load(self.port, self.key, script, PACED_BULK_MESSAGES, pace)

    def singles_load(self, per_second: float | None, seconds: float) -> Load:
        """So many single requests a second for so long, or as many as go, in a few lively events."""
        pace = Pace(SINGLES_CONNECTIONS, seconds, per_second)
        lively = Cast(self.cast.event_ids[:LIVELY_EVENTS], self.cast.user_ids)
        return Load(self.port, self.key, Script(lively, SINGLES_REQUESTS, 1, next(self.seeds)), 1, pace)

    def post(self, script: Script, at_start: Start = lambda: None) -> Sent:
        """Say all of a script in bulks. Raises SenderError unless all was taken."""
        load = Load(self.port, self.key, script, BULK_MESSAGES, Pace(BULK_CONNECTIONS))
        sent = run(load, at_start)
        if sent.accepted != script.messages:
            raise SenderError(f"{script.messages} messages were sent, {sent.accepted} taken.")
        return sent

    def capacity(self) -> float:
        """Messages a second with 10 in a row, as far as nobody has measured it yet."""
        if not self.capacity_per_s:
            sent = self.post(self.script(self.sizes.bulk_messages, 10))
            self.capacity_per_s = sent.accepted / (self.stream.wait_stored() - sent.began)
        return self.capacity_per_s

    def singles_capacity(self) -> float:
        """Requests a second with one message each, as far as nobody has measured it yet."""
        if not self.singles_per_s:
            sent = run(self.singles_load(None, self.sizes.window_s))
            self.stream.wait_stored()
            self.singles_per_s = sent.requests / sent.seconds
        return self.singles_per_s


@contextmanager
def opened(state: Path, sizes: Sizes, show: Show, *, fresh: bool) -> Iterator[Stage]:
    """A stage whose stack runs; all of it ends with the context. No TIMINGLE_* of the caller's shell counts."""
    with Stack(state, {}, show.service, fresh=fresh) as stack:
        show.say("starting the stack")
        stack.start(*stack.names)
        names = tuple(name for name in stack.names if name != "migrate")
        with open_pool(stack.env["TIMINGLE_POSTGRES_URL"]) as pool:
            key = api_clients.create(pool, f"bench-{secrets.token_hex(6)}", SCOPES, RATE_MAX)
        with closing(Stream(stack.env["TIMINGLE_JOURNAL_URLS"])) as stream:
            yield Stage(stack, sizes, show, key, stream, Meter(stack, names))


def make_cast(stage: Stage, users: int, events: int) -> Cast:
    """Users and events in which nothing has been said, through the API. Raises SenderError."""
    stage.show.say(f"making {users:,} users and {events:,} events")
    user_ids = make_users(stage, users)
    return Cast(make_events(stage, user_ids, range(events)), user_ids)


def make_users(stage: Stage, count: int) -> tuple[int, ...]:
    """The ids of new users."""
    first = FIRST_NUMBER + secrets.randbelow(NUMBERS)  # not those of a run that was cut
    return tuple(sorted(user.id for user in _made(stage, [_user(stage.key, first + n) for n in range(count)])))


def make_events(stage: Stage, user_ids: tuple[int, ...], places: range) -> tuple[int, ...]:
    """The ids of new events, by their places in the cast."""
    cast = Cast((), user_ids)
    made = _made(stage, [_event(stage.key, cast.talkers(place), place) for place in places])
    return tuple(event.id for event in sorted(made, key=lambda event: int(event.title)))


def _user(key: str, number: int) -> bytes:
    body = {
        "phone": f"010{number}",
        "display_name": f"User {number}",
        "profile_image_url": PICTURE.format(number),
    }
    return request("POST", "/v1/users", key, body)


def _event(key: str, talkers: Sequence[int], place: int) -> bytes:
    body = {"actor_id": talkers[0], "title": str(place), "participant_ids": talkers[1:], **TIMES}
    return request("POST", "/v1/events", key, body)


class _Made(msgspec.Struct):
    id: int
    title: str = ""
    """Of an event: its place."""


def _made(stage: Stage, requests: list[bytes]) -> list[_Made]:
    sent = send(stage.port, requests, MAKING)
    if sent.refused:
        raise SenderError(f"What was to be made was refused: {sent.statuses} {sent.bodies[-1]!r}")
    return [msgspec.json.decode(body, type=_Made) for body in sent.bodies]
