"""arq on Redis: 2 workers of asyncio, nothing kept of results."""

import asyncio
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from arq import create_pool, func
from arq.connections import RedisSettings

from bench.peers import four_writes
from bench.peers.servers import Servers

REDIS: Final = RedisSettings.from_dsn(Servers.from_environ().redis_url)


async def store(ctx: dict[Any, Any], *message: Any) -> None:  # noqa: ARG001  arq hands it over
    """The task."""
    await four_writes.store_async(*message)


class WorkerSettings:
    """What `arq` looks for."""

    functions: ClassVar = [func(store, name="store", keep_result=0)]
    redis_settings = REDIS
    max_jobs = 64
    poll_delay = 0.01


def enqueue(messages: Iterable[four_writes.Message]) -> None:
    """A task each."""
    asyncio.run(_enqueue(messages))


async def _enqueue(messages: Iterable[four_writes.Message]) -> None:
    redis = await create_pool(REDIS)
    for message in messages:
        await redis.enqueue_job("store", *message)
    await redis.aclose()
