"""Reads as the app's screens make them, timed one after another: at the store, and over HTTP."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from bench.apart import Start
from bench.sender import LOOPBACK
from domain.ids import MessageId
from domain.message import INT8_MAX
from stores import pages
from stores.scylla_async import AsyncScylla
from stores.unread import unread

LATEST: Final = 100
ACTIVITY: Final = 20
UNREAD_EVENTS: Final = 50
CONNECT_S_MAX: Final = 30.0
YEARS_BACK: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """An event, one of its participants, and a message in the middle of it."""

    event_id: int
    user_id: int
    middle: UUID


@dataclass(frozen=True, slots=True)
class Source:
    """Where readers read."""

    port: int
    key: str
    contact_points: tuple[tuple[str, int], ...]
    keyspace: str
    postgres_api_url: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Reads of each kind: so many, or as many as fit into the time."""

    reads: int
    seconds: float


Times = dict[str, list[float]]
"""Milliseconds of each read, by kind."""


def read_at_store(start: Start, source: Source, places: Sequence[Place], amount: Amount) -> Times:
    """Reads by `stores`, as ingest makes them. For a process of its own."""
    return asyncio.run(_at_store(start, source, places, amount))


async def _at_store(start: Start, source: Source, places: Sequence[Place], amount: Amount) -> Times:
    scylla = AsyncScylla(source.contact_points, source.keyspace)
    scylla.start()
    await scylla.wait_connected(CONNECT_S_MAX)
    years = [time.gmtime().tm_year - back for back in range(YEARS_BACK)]
    async with AsyncConnectionPool(source.postgres_api_url, min_size=1, max_size=2, open=False) as pool:
        kinds: Mapping[str, Callable[[Place], Awaitable[object]]] = {
            "latest 100": lambda at: pages.newest(scylla, at.event_id, LATEST),
            "page of 100 in the middle": lambda at: pages.before(scylla, at.event_id, MessageId.of(at.middle), LATEST),
            "activity 20": lambda at: pages.activity(scylla, at.user_id, years, ACTIVITY),
            "unread of 50 events": lambda at: unread(pool, scylla, at.user_id, INT8_MAX, UNREAD_EVENTS),
        }
        start()
        times: Times = {}
        for kind, read in kinds.items():
            times[kind] = [await _timed(read, place) for place in _visits(places, amount)]
    await scylla.close()
    return times


async def _timed(read: Callable[[Place], Awaitable[object]], place: Place) -> float:
    began = time.perf_counter()
    await read(place)
    return (time.perf_counter() - began) * 1_000


def read_over_http(start: Start, source: Source, places: Sequence[Place], amount: Amount) -> Times:
    """The same reads as an app makes them, on one connection. For a process of its own."""
    kinds: Mapping[str, Callable[[Place], str]] = {
        "latest 100": lambda at: f"events/{at.event_id}/messages?as_user={at.user_id}&limit={LATEST}",
        "page of 100 in the middle": lambda at: (
            f"events/{at.event_id}/messages?as_user={at.user_id}&limit={LATEST}&before={at.middle}"
        ),
        "activity 20": lambda at: f"users/{at.user_id}/activity?limit={ACTIVITY}",
        "unread of 50 events": lambda at: f"users/{at.user_id}/unread?limit={UNREAD_EVENTS}",
    }
    connection = HTTPConnection(LOOPBACK, source.port)
    headers = {"authorization": f"Bearer {source.key}"}
    start()
    times: Times = {}
    for kind, path in kinds.items():
        times[kind] = []
        for place in _visits(places, amount):
            began = time.perf_counter()
            connection.request("GET", f"/v1/{path(place)}", headers=headers)
            answer = connection.getresponse()
            answer.read()
            times[kind].append((time.perf_counter() - began) * 1_000)
            assert answer.status == 200, (answer.status, kind)
    connection.close()
    return times


def _visits(places: Sequence[Place], amount: Amount) -> Iterator[Place]:
    """Places by chance, always the same ones in the same order."""
    chance = random.Random(1)
    until = time.monotonic() + amount.seconds
    for _ in range(amount.reads):
        if time.monotonic() > until:
            return
        yield chance.choice(places)
