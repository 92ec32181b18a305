"""huey on Redis: 2 consumers of 8 threads, nothing kept of results."""

from collections.abc import Iterable
from typing import Final

from huey import RedisHuey  # type: ignore[import-untyped]  # it has no types

from bench.peers import four_writes
from bench.peers.servers import Servers

huey: Final = RedisHuey("peer", url=Servers.from_environ().redis_url, results=False)
store: Final = huey.task()(four_writes.store)


def enqueue(messages: Iterable[four_writes.Message]) -> None:
    """A task each."""
    for message in messages:
        store(*message)
