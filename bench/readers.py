"""Reads as the app's screens make them, timed one after another: at the store, and over HTTP."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final, NamedTuple
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from bench.apart import Start
from bench.sender import LOOPBACK
from domain.ids import MessageId
from domain.message import INT8_MAX
from stores import pages
from stores.scylla_async import AsyncScylla
from stores.unread import unread

PAGE: Final = 100
ACTIVITY: Final = 20
UNREAD_EVENTS: Final = 50
YEARS: Final = 2
CONNECT_S_MAX: Final = 30.0


class Stores(NamedTuple):
    """What a read at the store needs."""

    scylla: AsyncScylla
    postgres: AsyncConnectionPool


@dataclass(frozen=True, slots=True)
class Read:
    """One read, in both of its ways."""

    path: str
    """Of a GET under /v1."""
    at_store: Callable[..., Awaitable[object]]
    """Of the functions below, called with Stores and `arguments`."""
    arguments: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read."""

    port: int
    key: str
    contact_points: tuple[tuple[str, int], ...]
    keyspace: str
    postgres_api_url: str


@dataclass(frozen=True, slots=True)
class Place:
    """An event, one of its participants, and a message in the middle of it."""

    event_id: int
    user_id: int
    middle: UUID


Reads = Mapping[str, Sequence[Read]]
"""By kind."""
Times = dict[str, list[float]]
"""Milliseconds of each read, by kind."""


def latest(event_id: int, user_id: int) -> Read:
    """An event's last 100 messages."""
    return Read(f"events/{event_id}/messages?as_user={user_id}&limit={PAGE}", _newest, (event_id,))


def page_before(event_id: int, user_id: int, cursor: UUID) -> Read:
    """The 100 messages before one."""
    path = f"events/{event_id}/messages?as_user={user_id}&limit={PAGE}&before={cursor}"
    return Read(path, _before, (event_id, cursor))


def page_after(event_id: int, user_id: int, cursor: UUID) -> Read:
    """The 100 messages after one."""
    path = f"events/{event_id}/messages?as_user={user_id}&limit={PAGE}&after={cursor}"
    return Read(path, _after, (event_id, cursor))


def activity(user_id: int) -> Read:
    """What a user said last."""
    return Read(f"users/{user_id}/activity?limit={ACTIVITY}", _activity, (user_id,))


def unread_of(user_id: int) -> Read:
    """What a user has not read."""
    return Read(f"users/{user_id}/unread?limit={UNREAD_EVENTS}", _unread, (user_id,))


def reads_of(places: Sequence[Place], count: int) -> Reads:
    """So many reads of each kind; each kind has places of its own by chance, always the same."""
    kinds: Mapping[str, Callable[[Place], Read]] = {
        "latest 100": lambda at: latest(at.event_id, at.user_id),
        "page of 100 in the middle": lambda at: page_before(at.event_id, at.user_id, at.middle),
        "activity 20": lambda at: activity(at.user_id),
        "unread of 50 events": lambda at: unread_of(at.user_id),
    }
    return {kind: [read(at) for at in random.Random(kind).choices(places, k=count)] for kind, read in kinds.items()}


def read_at_store(start: Start, source: Source, reads: Reads, seconds: float) -> Times:
    """Reads by `stores`, as ingest makes them, for so long at most a kind. For a process of its own."""
    return asyncio.run(_read_at_store(start, source, reads, seconds))


async def _read_at_store(start: Start, source: Source, reads: Reads, seconds: float) -> Times:
    scylla = AsyncScylla(source.contact_points, source.keyspace)
    scylla.start()
    await scylla.wait_connected(CONNECT_S_MAX)
    async with AsyncConnectionPool(source.postgres_api_url, min_size=1, max_size=2, open=False) as postgres:
        stores = Stores(scylla, postgres)
        start()
        times: Times = {}
        for kind, several in reads.items():
            times[kind] = []
            until = time.monotonic() + seconds
            for read in several:
                began = time.perf_counter()
                await read.at_store(stores, *read.arguments)
                times[kind].append((time.perf_counter() - began) * 1_000)
                if time.monotonic() > until:
                    break
    await scylla.close()
    return times


def read_over_http(start: Start, source: Source, reads: Reads, seconds: float) -> Times:
    """The same reads as an app makes them, on one connection. For a process of its own."""
    connection = HTTPConnection(LOOPBACK, source.port)
    headers = {"authorization": f"Bearer {source.key}"}
    start()
    times: Times = {}
    for kind, several in reads.items():
        times[kind] = []
        until = time.monotonic() + seconds
        for read in several:
            began = time.perf_counter()
            connection.request("GET", f"/v1/{read.path}", headers=headers)
            answer = connection.getresponse()
            answer.read()
            times[kind].append((time.perf_counter() - began) * 1_000)
            if answer.status != 200:
                raise RuntimeError(f"{read.path} was answered with {answer.status}")
            if time.monotonic() > until:
                break
    connection.close()
    return times


async def _newest(stores: Stores, event_id: int) -> object:
    return await pages.newest(stores.scylla, event_id, PAGE)


async def _before(stores: Stores, event_id: int, cursor: UUID) -> object:
    return await pages.before(stores.scylla, event_id, MessageId.of(cursor), PAGE)


async def _after(stores: Stores, event_id: int, cursor: UUID) -> object:
    return await pages.after(stores.scylla, event_id, MessageId.of(cursor), PAGE)


async def _activity(stores: Stores, user_id: int) -> object:
    this_year = time.gmtime().tm_year
    return await pages.activity(stores.scylla, user_id, [this_year - back for back in range(YEARS)], ACTIVITY)


async def _unread(stores: Stores, user_id: int) -> object:
    return await unread(stores.postgres, stores.scylla, user_id, INT8_MAX, UNREAD_EVENTS)
