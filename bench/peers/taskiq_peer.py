"""taskiq on a Redis list, its fastest broker: 2 processes of asyncio."""

import asyncio
from collections.abc import Iterable
from typing import Final

from taskiq_redis import ListQueueBroker

from bench.peers import four_writes
from bench.peers.servers import Servers

broker: Final = ListQueueBroker(url=Servers.from_environ().redis_url)
store: Final = broker.task(task_name="store")(four_writes.store_async)


def enqueue(messages: Iterable[four_writes.Message]) -> None:
    """A task each."""
    asyncio.run(_enqueue(messages))


async def _enqueue(messages: Iterable[four_writes.Message]) -> None:
    await broker.startup()
    for message in messages:
        await store.kiq(*message)
    await broker.shutdown()
