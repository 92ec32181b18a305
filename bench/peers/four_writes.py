"""What each peer's task does with its message: our four writes, as one unlogged batch, and counts that it did.

One batch is the kindest way to store four rows, and all that a task which knows one message can do.
"""

import asyncio
import mmap
import os
import threading
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Final

from cassandra.cluster import ResponseFuture, Session
from cassandra.query import BatchStatement, BatchType

from bench.driver import place
from bench.peers.servers import Servers
from bench.script import Said
from stores.messages import create_rows
from stores.registers import head_rows, mark_rows
from stores.scylla import Statements, connect

Message = tuple[int, int, str, int, int]
"""event_id, sender_id, text, version, seq: a task's arguments."""
COUNT_BYTES: Final = 8


class _Counter:
    """Finished tasks of this process, in a file that the measuring process reads."""

    def __init__(self, folder: Path) -> None:
        with (folder / str(os.getpid())).open("wb+") as file:
            file.truncate(COUNT_BYTES)
            self._map = mmap.mmap(file.fileno(), COUNT_BYTES)
        self._count = 0
        self._lock = threading.Lock()

    def add_one(self) -> None:
        with self._lock:
            self._count += 1
            self._map[:] = self._count.to_bytes(COUNT_BYTES, "little")


def finished(folder: Path) -> int:
    """Finished tasks of all processes that count in this folder."""
    return sum(int.from_bytes(file.read_bytes(), "little") for file in folder.iterdir())


class _Writer:
    """The session of this process; made by the first task, behind every fork."""

    def __init__(self) -> None:
        servers = Servers.from_environ()
        self.session: Session = connect(servers.contact_points, servers.keyspace)
        self.statements = Statements(self.session.prepare)
        self.count = _Counter(servers.counts).add_one

    def begin(self, message: Message) -> ResponseFuture:
        """Send the four writes of a message."""
        event_id, sender_id, text, version, seq = message
        placed = place(Said(event_id, sender_id, text), version, seq)
        batch = BatchStatement(BatchType.UNLOGGED)
        for cql, values in chain(create_rows(placed), head_rows(placed), mark_rows(placed)):
            batch.add(self.statements(cql).bind(values))
        return self.session.execute_async(batch)


_lock = threading.Lock()
_of_process: dict[int, _Writer] = {}


def _writer() -> _Writer:
    with _lock:
        if os.getpid() not in _of_process:
            _of_process[os.getpid()] = _Writer()
        return _of_process[os.getpid()]


def store(event_id: int, sender_id: int, text: str, version: int, seq: int) -> None:
    """The task, for frameworks of threads and processes."""
    writer = _writer()
    writer.begin((event_id, sender_id, text, version, seq)).result()
    writer.count()


async def store_async(event_id: int, sender_id: int, text: str, version: int, seq: int) -> None:
    """The task, for frameworks of asyncio."""
    writer = _writer()
    loop = asyncio.get_running_loop()
    stored: asyncio.Future[None] = loop.create_future()

    def later(settle: Callable[..., None]) -> Callable[[object], object]:
        return lambda outcome: loop.call_soon_threadsafe(settle, outcome)

    writer.begin((event_id, sender_id, text, version, seq)).add_callbacks(
        callback=later(lambda _: stored.set_result(None)), errback=later(stored.set_exception)
    )
    await stored
    writer.count()
