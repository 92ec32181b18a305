"""The scylla-driver alone: the rows and registers of our drain, written as fast as we can find. The ceiling.

Ids and the values of rows are made before the clock runs; so are bound statements and batches, unless `beforehand` is
false. There is no journal, no check and no acknowledgement. Registers are coalesced over as many messages as
one drain takes.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from cassandra.cluster import Session
from cassandra.query import BatchStatement, BatchType, BoundStatement

from bench.apart import Start
from bench.script import Said, Script
from domain.entries import Placed
from domain.operations import Create
from domain.plan import furthest_of_each, last_of_each
from stores.consumer_group import BATCH_OPERATIONS
from stores.messages import create_rows
from stores.registers import head_rows, mark_rows
from stores.scylla import Rows, Statements, connect

APART: Final = 10**12
"""Added to the ids of events and users: what is written here is in nobody's way."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How rows are sent."""

    rows: int
    """Of an unlogged batch."""
    in_flight: int
    """Batches under way, of each process."""
    by_partition: bool
    """Rows of one partition side by side, so that they share batches."""
    beforehand: bool = True
    """Statements are bound and batches made before the clock runs; else while others are under way."""

    def __str__(self) -> str:
        order = "sorted by partition" if self.by_partition else "in the drain's order"
        return f"{self.rows} rows a batch, {self.in_flight} under way, {order}"


BATCHINGS: Final = tuple(
    Batching(rows, in_flight, by_partition)
    for rows, in_flight in ((20, 32), (40, 16), (80, 16), (160, 8), (320, 4))
    for by_partition in (False, True)
)
"""What is tried for the best."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a script that one process writes: each drain's worth of messages goes to the next one in turn."""

    index: int
    of: int
    first_seq: int
    """Behind what earlier runs wrote."""


@dataclass(frozen=True, slots=True)
class Span:
    """When it was written, of time.monotonic()."""

    began: float
    ended: float


def write_share(
    start: Start,
    contact_points: Sequence[tuple[str, int]],
    keyspace: str,
    script: Script,
    share: Share,
    batching: Batching,
) -> Span:
    """Write one process's part of a script. For a process of its own."""
    session = connect(contact_points, keyspace)
    try:
        statements = Statements(session.prepare)
        rows = [list(chain.from_iterable(_rows(drained))) for drained in _drains(script, share)]
        batches = (batch for drained in rows for batch in _batches(statements, drained, batching))
        ready = list(batches) if batching.beforehand else batches
        start()
        began = time.monotonic()
        _pump(session, ready, batching.in_flight)
        return Span(began, time.monotonic())
    finally:
        session.cluster.shutdown()


def _drains(script: Script, share: Share) -> Iterator[list[Placed[Create]]]:
    seqs: Counter[int] = Counter()
    coming = iter(script)
    for number, said in enumerate(iter(lambda: list(islice(coming, BATCH_OPERATIONS)), [])):
        placed = []
        for one in said:
            seqs[one.event_id] += 1
            placed.append(place(one, time.time_ns() // 1_000, share.first_seq + seqs[one.event_id]))
        if number % share.of == share.index:
            yield placed


def place(said: Said, version: int, seq: int) -> Placed[Create]:
    """A message as a drain would hold it, of an event and a user far from ours."""
    create = Create(
        event_id=said.event_id + APART,
        random=version & 0x3FFFFFFF,
        sender_id=said.sender_id + APART,
        sender_name=f"User {said.sender_id}",
        sender_profile_url=f"https://pictures.example/users/{said.sender_id}.jpg",
        message=said.text,
        message_type="text",
    )
    return Placed(create, version, seq, "0-0")


def _rows(drained: list[Placed[Create]]) -> Iterator[Rows]:
    """The same as `tasks.messages.store_creates`."""
    yield from map(create_rows, drained)
    yield from map(head_rows, last_of_each(drained))
    yield from map(mark_rows, furthest_of_each(drained, []))


def _batches(statements: Statements, rows: Rows, batching: Batching) -> Iterator[BatchStatement]:
    bound: list[BoundStatement] = [statements(cql).statement.bind(values) for cql, values in rows]
    if batching.by_partition:
        bound.sort(key=lambda one: (one.prepared_statement.query_string, one.routing_key))
    for at in range(0, len(bound), batching.rows):
        batch = BatchStatement(BatchType.UNLOGGED)
        for one in bound[at : at + batching.rows]:
            batch.add(one)
        yield batch


def _pump(session: Session, batches: Iterable[BatchStatement], in_flight: int) -> None:
    slots = threading.Semaphore(in_flight)
    failures: list[BaseException] = []

    def failed(error: BaseException) -> None:
        failures.append(error)
        slots.release()

    for batch in batches:
        slots.acquire()
        session.execute_async(batch).add_callbacks(callback=lambda _: slots.release(), errback=failed)
    for _ in range(in_flight):
        slots.acquire()
    if failures:
        raise failures[0]
