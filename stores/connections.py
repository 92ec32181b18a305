"""Opens and closes what a worker's process talks to: PostgreSQL, ScyllaDB, the journals.

A process says once where its stores are (`configure`, after the fork) and opens each when it is first used: a store
that is away then fails the one task that needs it, as Away, and is tried again by the next. A pool asks a
connection whether it still lives before it lends it, so PostgreSQL's restart fails nobody who comes after it.
"""

import asyncio
import random
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from domain.keyring import KeyRing
from stores.consumer_group import ConsumerGroup, open_sync
from stores.journal import Journal, open_async
from stores.scylla import Scylla
from stores.scylla_async import AsyncScylla

POOL_WAIT_S_MAX: Final = 5.0
# A machine that vanished without a word frees what it had locked within half a minute.
KEEPALIVES: Final = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
POSTGRES_OPTIONS: Final = f"-c statement_timeout=30s -c lock_timeout=10s {KEEPALIVES}"
API_CONNECTIONS_MAX: Final = 25
API_CONNECTIONS_IDLE: Final = 5
CONNECTION_LIFE_S: Final = 300


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a process finds its stores, and what it needs to use them."""

    postgres_url: str
    scylla_contact_points: tuple[tuple[str, int], ...]
    scylla_keyspace: str
    journal_urls: tuple[str, ...]
    journal_keep_s: float
    keys: KeyRing
    index_keys: tuple[bytes, ...]
    """Of the blind index of phone numbers; the first hashes, all of them find."""
    consumer: str
    """The name of this process among the journals' consumers."""


def open_pool(postgres_url: str) -> ConnectionPool:
    """1 or 2 connections: a worker's child, or a command, does one thing at a time."""
    return ConnectionPool(
        postgres_url,
        min_size=0,
        max_size=2,
        timeout=POOL_WAIT_S_MAX,
        max_lifetime=CONNECTION_LIFE_S,
        check=ConnectionPool.check_connection,
        kwargs={"options": POSTGRES_OPTIONS, "connect_timeout": 3},
        open=True,
    )


class Stores:
    """The stores of one process."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self.keys = addresses.keys
        self.index_keys = addresses.index_keys
        self.journal_keep_s = addresses.journal_keep_s

    @cached_property
    def postgres(self) -> ConnectionPool:
        return open_pool(self._addresses.postgres_url)

    @cached_property
    def scylla(self) -> Scylla:
        """Raises Away, and tries again when next asked."""
        return Scylla(self._addresses.scylla_contact_points, self._addresses.scylla_keyspace)

    @cached_property
    def groups(self) -> tuple[ConsumerGroup, ...]:
        """Every journal, as this process consumes it."""
        return tuple(
            ConsumerGroup(journal_id, open_sync(url), self._addresses.consumer)
            for journal_id, url in enumerate(self._addresses.journal_urls)
        )

    def close(self) -> None:
        """Close what was opened."""
        opened = self.__dict__
        if "postgres" in opened:
            self.postgres.close()
        if "scylla" in opened:
            self.scylla.close()
        for group in opened.get("groups", ()):
            group.close()


class AsyncStores:
    """The stores of ingest's process: PostgreSQL as the API's role, ScyllaDB, every journal."""

    def __init__(
        self,
        addresses: Addresses,
        connections_idle: int = API_CONNECTIONS_IDLE,
        connections_max: int = API_CONNECTIONS_MAX,
    ) -> None:
        self.postgres = AsyncConnectionPool(
            addresses.postgres_url,
            min_size=connections_idle,
            max_size=connections_max,
            max_idle=CONNECTION_LIFE_S,
            max_lifetime=CONNECTION_LIFE_S,
            timeout=POOL_WAIT_S_MAX,
            check=AsyncConnectionPool.check_connection,
            kwargs={"options": POSTGRES_OPTIONS, "connect_timeout": 3},
            open=False,
        )
        self.scylla = AsyncScylla(addresses.scylla_contact_points, addresses.scylla_keyspace)
        self.journals = tuple(Journal(i, open_async(url)) for i, url in enumerate(addresses.journal_urls))
        self.keys = addresses.keys
        self.index_keys = addresses.index_keys

    def journal_for_new_event(self) -> Journal:
        """Where a new event's messages go, for good: the load is shared by chance."""
        return random.choice(self.journals)  # noqa: S311

    async def open(self) -> None:
        """Begin to connect; a store that is away now is tried again by itself."""
        await self.postgres.open()
        self.scylla.start()

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(self.postgres.close(), self.scylla.close(), *(j.close() for j in self.journals))


_stores: Stores | None = None
_lock = threading.Lock()


def configure(addresses: Addresses) -> None:
    """Say where this process finds its stores; ends what an earlier call opened."""
    global _stores
    with _lock:
        if _stores is not None:
            _stores.close()
        _stores = Stores(addresses)


def stores() -> Stores:
    """This process's stores."""
    if _stores is None:
        raise RuntimeError("call connections.configure() first: the worker does after its fork")
    return _stores
