"""Redis: calls of one turn of the event loop sent together; while Redis hangs, callers are turned away at once."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import hiredis
import redis
import redis.asyncio

from domain.errors import Away

PIPELINE_CALLS_MAX: Final = 64
PIPELINES_UNDER_WAY_MAX: Final = 2
"""One being fsynced, one being filled; more only makes them smaller."""
HANG_S: Final = 2.0
"""Longer than an fsync takes on a disk that is well: a Redis that has not replied by then hangs, and whoever comes now
need not wait to be told so."""

Command = tuple[Any, ...]
Call = tuple[Command, "asyncio.Future[list[Any]]"]


class Pipelines:
    """The way to one Redis. Calls that share a pipeline share its round trip, and their writes one fsync."""

    def __init__(self, client: "redis.asyncio.Redis", reply_s_max: float) -> None:
        """`reply_s_max`: how long a call may be under way; the client need have no time-out of its own."""
        self._client = client
        self._reply_s_max = reply_s_max
        self._waiting: deque[Call] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._hangs = False
        self._probing: asyncio.Task[None] | None = None

    def call(self, command: Command) -> "asyncio.Future[list[Any]]":
        """The reply to come, or redis-py's error. Raises Away while Redis hangs: then nothing is sent."""
        if self._hangs:
            raise Away("the journal", "Hangs")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Any]] = loop.create_future()
        self._waiting.append((command, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._send_waiting)
        return future

    async def close(self) -> None:
        """Return when nothing is under way any more."""
        while self._waiting or self._under_way:
            await asyncio.sleep(0)  # what waits is sent in the loop's next turn
            await asyncio.gather(*self._under_way)
        if self._probing is not None:
            self._probing.cancel()

    def _send_waiting(self) -> None:
        while self._waiting and len(self._under_way) < PIPELINES_UNDER_WAY_MAX:
            calls = [self._waiting.popleft() for _ in range(min(PIPELINE_CALLS_MAX, len(self._waiting)))]
            task = asyncio.get_running_loop().create_task(self._send(calls))
            self._under_way.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._send_waiting()

    async def _send(self, calls: list[Call]) -> None:
        hanging = asyncio.get_running_loop().call_later(HANG_S, self._turn_away)
        try:
            async with asyncio.timeout(self._reply_s_max):  # one a pipeline: one a reply costs a third of a call
                replies = await self._exchange([command for command, _ in calls])
        except TimeoutError:
            replies = [redis.exceptions.TimeoutError()] * len(calls)
        except (redis.exceptions.RedisError, OSError) as error:
            replies = [error] * len(calls)
        finally:
            hanging.cancel()
        if self._hangs and self._probing is None:
            self._probing = asyncio.get_running_loop().create_task(self._probe())
        for (_, future), reply in zip(calls, replies, strict=True):
            if future.done():
                continue
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        """One write, then a reply a command. redis-py's own pipeline packs in Python, for twice the CPU time."""
        pool = self._client.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.send_packed_command(b"".join(map(hiredis.pack_command, commands)))
            return [await _reply(connection) for _ in commands]
        finally:
            await pool.release(connection)

    def _turn_away(self) -> None:
        """Redis hangs: those who wait to be sent, and whoever comes, are told so."""
        self._hangs = True
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(Away("the journal", "Hangs"))

    async def _probe(self) -> None:
        """Ask until Redis replies, or its connections fail at once: then the next caller is told by their own call."""
        while self._hangs:
            try:
                async with asyncio.timeout(self._reply_s_max):
                    await self._client.ping()
            except (TimeoutError, redis.exceptions.TimeoutError):
                continue
            except (redis.exceptions.RedisError, OSError):
                pass
            self._hangs = False
        self._probing = None


async def _reply(connection: "redis.asyncio.Connection") -> Any:
    """A reply, or the error that Redis replied; raises when the connection breaks."""
    try:
        return await connection.read_response()
    except redis.exceptions.ResponseError as error:
        return error
