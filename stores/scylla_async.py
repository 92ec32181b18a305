"""ScyllaDB: a session for asyncio.

The driver answers on a thread of its own. Its callbacks queue what they got and wake the event loop once for all that
is queued: a wake-up a future costs a third of the throughput.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from cassandra.cluster import ResponseFuture, Session

from domain.errors import Away
from stores.errors import scylla_errors
from stores.scylla import RECONNECT_S, Statements, connect

PAGE_ROWS: Final = 100


class AsyncScylla:
    """A session that connects in the background: ingest takes messages in while ScyllaDB is away."""

    def __init__(self, contact_points: Sequence[tuple[str, int]], keyspace: str) -> None:
        self._contact_points = contact_points
        self._keyspace = keyspace
        self._session: Session | None = None
        self._answers: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._woken = False
        self._connecting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect, again and again until it succeeds."""
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def wait_connected(self, seconds: float) -> None:
        """Return when the first connection stands, or after so long: then whoever needs it is told Away."""
        if self._connecting is not None:
            await asyncio.wait({self._connecting}, timeout=seconds)

    async def close(self) -> None:
        """End the session."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._session is not None:
            await asyncio.to_thread(self._session.cluster.shutdown)

    async def execute(self, cql: str, parameters: Sequence[object], rows_max: int = PAGE_ROWS) -> list[tuple[Any, ...]]:
        """The first `rows_max` rows of a statement. Raises Away, Wrong.

        ScyllaDB cuts a page short where it has read 1 MB, or many tombstones: it is read on until it is full.
        """
        session = self._session
        if session is None:
            raise Away("ScyllaDB", "NotConnected")
        loop = asyncio.get_running_loop()
        with scylla_errors():
            bound = self._prepared(cql).bind(parameters)
            bound.fetch_size = rows_max
            sent = session.execute_async(bound)
            found = await self._answer_to(loop, sent)
            while len(found) < rows_max and sent.has_more_pages:
                sent.clear_callbacks()
                sent.start_fetching_next_page()
                found += await self._answer_to(loop, sent)
            return found[:rows_max]

    async def _connect(self) -> None:
        while self._session is None:
            try:
                session = await asyncio.to_thread(connect, self._contact_points, self._keyspace)
            except Away:
                await asyncio.sleep(RECONNECT_S)
            else:
                self._prepared = Statements(session.prepare)
                self._session = session

    def _answer_to(
        self, loop: asyncio.AbstractEventLoop, sent: ResponseFuture
    ) -> "asyncio.Future[list[tuple[Any, ...]]]":
        """The page to come."""
        future: asyncio.Future[list[tuple[Any, ...]]] = loop.create_future()
        sent.add_callbacks(
            callback=lambda rows: self._answer(loop, future, rows, None),
            errback=lambda error: self._answer(loop, future, None, error),
        )
        return future

    def _answer(
        self, loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]", rows: Any, error: BaseException | None
    ) -> None:
        """On the driver's thread: queue an answer, and wake the loop if nobody has."""
        self._answers.append((future, rows, error))
        if not self._woken:
            self._woken = True
            loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._woken = False  # before the queue is emptied: an answer that comes from now on wakes the loop again
        while self._answers:
            future, rows, error = self._answers.popleft()
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(rows if isinstance(rows, list) else [])
