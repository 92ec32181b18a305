"""dramatiq on Redis: its default of 8 threads in each of 2 processes."""

from collections.abc import Iterable
from typing import Final

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers import four_writes
from bench.peers.servers import Servers

broker: Final = RedisBroker(url=Servers.from_environ().redis_url)  # type: ignore[no-untyped-call]  # it has no types
dramatiq.set_broker(broker)
store: Final = dramatiq.actor(four_writes.store)


def enqueue(messages: Iterable[four_writes.Message]) -> None:
    """A task each."""
    for message in messages:
        store.send(*message)
