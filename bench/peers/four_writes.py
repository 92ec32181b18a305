"""What each peer's task does with its message: our four writes, and counts that it did.

Plainly as four prepared statements side by side, which is what the driver's guide tells writers of several partitions;
or, as a task that knows one message can at best, in one unlogged batch, which on one node is faster.
"""

import asyncio
import mmap
import os
import threading
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
        self._in_one_batch = servers.in_one_batch

    def begin(self, message: Message) -> list[ResponseFuture]:
        """Send the four writes of a message."""
        event_id, sender_id, text, version, seq = message
        placed = place(Said(event_id, sender_id, text), version, seq)
        rows = chain(create_rows(placed), head_rows(placed), mark_rows(placed))
        bound = [self.statements(cql).statement.bind(values) for cql, values in rows]
        if not self._in_one_batch:
            return [self.session.execute_async(statement) for statement in bound]
        batch = BatchStatement(BatchType.UNLOGGED)
        batch.add_all(bound, [()] * len(bound))
        return [self.session.execute_async(batch)]


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
    for written in writer.begin((event_id, sender_id, text, version, seq)):
        written.result()
    writer.count()


async def store_async(event_id: int, sender_id: int, text: str, version: int, seq: int) -> None:
    """The task, for frameworks of asyncio."""
    writer = _writer()
    await asyncio.gather(*map(_awaitable, writer.begin((event_id, sender_id, text, version, seq))))
    writer.count()


def _awaitable(written: ResponseFuture) -> "asyncio.Future[None]":
    """The driver answers on a thread of its own."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    written.add_callbacks(
        callback=lambda _: loop.call_soon_threadsafe(future.set_result, None),
        errback=lambda error: loop.call_soon_threadsafe(future.set_exception, error),
    )
    return future
