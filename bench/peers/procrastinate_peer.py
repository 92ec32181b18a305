"""procrastinate on PostgreSQL: 2 workers of asyncio."""

import asyncio
from collections.abc import Iterable
from itertools import islice
from typing import Final

from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONValue

from bench.peers import four_writes
from bench.peers.servers import Servers

BATCH: Final = 500
app: Final = App(connector=PsycopgConnector(conninfo=Servers.from_environ().postgres_url))
store: Final = app.task(name="store")(four_writes.store_async)

NAMES: Final = ("event_id", "sender_id", "text", "version", "seq")


def enqueue(messages: Iterable[four_writes.Message]) -> None:
    """A task each, in a database that is new."""
    asyncio.run(_enqueue(messages))


def arguments(message: four_writes.Message) -> dict[str, JSONValue]:
    """A task's arguments by name."""
    return dict(zip(NAMES, message, strict=True))


async def _enqueue(messages: Iterable[four_writes.Message]) -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        coming = iter(messages)
        while batch := list(islice(coming, BATCH)):
            await store.batch_defer_async(*map(arguments, batch))
