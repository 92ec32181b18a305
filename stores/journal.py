"""Redis: the journal's append and its registers, as ingest and system messages use them (P1, P2, P3).

journal STREAM · journal:clock STRING · journal:bell STRING · event:{id} HASH · once:{…} STRING: `functions/append.lua`
says what each holds. An acknowledged append is on disk: that is what a 202 promises.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import Away, JournalFull, OutcomeUnknown
from domain.operations import ENTRY_FORMAT
from domain.submissions import Answer, Receipt, Rejection, Submission
from stores.errors import redis_errors
from stores.journal_functions import APPEND, LAST_SEQ, LIBRARY, SEED, SEED_CLOCK, STATE
from stores.journal_pipelines import Pipelines

STREAM: Final = "journal"
GROUP: Final = "persist"
CLOCK: Final = "journal:clock"
BELL: Final = "journal:bell"
NOTES: Final = "journal:floors"
VANISHED: Final = "journal:vanished"
CONNECT_S_MAX: Final = 1.0
REPLY_S_MAX: Final = 5.0
"""Longer than any fsync seen; nobody waits longer for a journal that hangs, and only those who were first."""
WRITE_S_MAX: Final = 15
"""One longest write to ScyllaDB. A register is made good no sooner after Redis's start: what a worker had been handed
before may still be on its way there."""
WAITING_MS_MAX: Final = 7 * 24 * 3_600 * 1_000
"""A journal whose oldest waiting entry is older takes no more: an event's register, kept 30 days after its last use, is
then sure to outlive every entry that it numbered."""
assert WAITING_MS_MAX < 30 * 24 * 3_600 * 1_000
AGE_LOOK_S: Final = 5.0
STUCK_MS: Final = 60_000
"""Work that has waited this long is not moving: a drain takes seconds, a takeover from a dead worker one minute."""


def register(event_id: int) -> str:
    """The key of an event's seq register."""
    return f"event:{event_id}"


class SeedNeeded(Exception):
    """Registers (or the clock) are missing or were made before Redis restarted; seed them, then append again."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(", ".join(keys))
        self.clock = CLOCK in keys
        self.event_ids = tuple(int(key.removeprefix("event:")) for key in keys if key != CLOCK)


@dataclass(frozen=True, slots=True)
class Appended:
    """Answers in the submissions' order, and whether to ring."""

    answers: tuple[Answer, ...]
    ring: bool


@dataclass(frozen=True, slots=True)
class JournalState:
    """How the journal is doing."""

    entries: int
    lag: int
    pending: int
    oldest_waiting_ms: int
    vanished: int
    """Entries that were trimmed while a consumer held them. Must stay 0."""
    bytes_used: int
    bytes_allowed: int

    @property
    def is_stuck(self) -> bool:
        """Does it hold work that nobody does?"""
        return self.oldest_waiting_ms > STUCK_MS


def append_call(submissions: Sequence[Submission]) -> tuple[int, list[str | bytes | int]]:
    """The number of keys, then keys and arguments of `append`, as `functions/append.lua` lists them."""
    places: dict[int, int] = {}
    arguments: list[str | bytes | int] = []
    once: list[str] = []
    for s in submissions:
        place = places.setdefault(s.event_id, len(places) + 1)
        arguments += (
            s.operation,
            place,
            1 if s.creates else 0,
            s.names_seq,
            s.random,
            s.body_hash,
            s.remember_ms,
        )
        once.append(s.idempotency_key)
    keys = [STREAM, CLOCK, BELL, *map(register, places), *once]
    return len(keys), [*keys, ENTRY_FORMAT, len(places), *arguments]


def append_answer(reply: list[Any]) -> Appended:
    """What `append` answered; raises SeedNeeded."""
    if reply[0] == b"SEED":
        raise SeedNeeded([key.decode() for key in reply[1:]])
    _, ring, *answers = reply
    return Appended(
        tuple(Receipt(*answer) if isinstance(answer, list) else Rejection(answer.decode()) for answer in answers),
        bool(ring),
    )


def open_async(url: str) -> "redis.asyncio.Redis":
    """A client that never sends a command twice by itself: only this module knows when that is safe."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=8,
        timeout=REPLY_S_MAX,
        socket_timeout=None,  # `Pipelines` has one for all the replies to a pipeline
        socket_connect_timeout=CONNECT_S_MAX,
        retry=Retry(NoBackoff(), 0),
    )
    return redis.asyncio.Redis.from_pool(pool)


class Journal:
    """One journal, for asyncio. Calls of one turn of the event loop share a pipeline, and so one fsync."""

    def __init__(self, journal_id: int, client: "redis.asyncio.Redis") -> None:
        self.id = journal_id
        self._client = client
        self._pipelines = Pipelines(client, REPLY_S_MAX)
        self._stale = False
        self._look_again_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def append(self, submissions: Sequence[Submission]) -> Appended:
        """Take operations into the journal, all of them in one entry or none of them.

        Raises SeedNeeded, JournalFull, Away (nothing was taken), OutcomeUnknown (sent, no reply).
        """
        self._look_at_age()
        if self._stale:
            raise JournalFull("the journal", "its oldest entry waits for over a week", retry_after_s=60)
        count, arguments = append_call(submissions)
        return append_answer(await self._call(APPEND, count, *arguments))

    async def last_seq(self, event_id: int) -> int:
        """The seq of the event's last message taken. Raises SeedNeeded, Away."""
        reply = await self._call(LAST_SEQ, 1, register(event_id))
        if reply[0] == b"SEED":
            raise SeedNeeded([register(event_id)])
        return int(reply[1])

    async def seed(self, event_id: int, seq: int, redis_up_s: int = WRITE_S_MAX) -> int:
        """Make an event's register, or make it good after a loss; the seq it then has. Raises Away when too early."""
        reply = await self._call(SEED, 1, register(event_id), seq, redis_up_s)
        if reply[0] == b"EARLY":
            raise Away("the journal", "register after a restart", retry_after_s=float(reply[1]))
        return int(reply[1])

    async def seed_clock(self, version: int) -> None:
        """Start the clock past this version, if it has none."""
        await self._call(SEED_CLOCK, 1, CLOCK, version)

    async def state(self) -> JournalState:
        """How the journal is doing. Raises Away."""
        return JournalState(*await self._call(STATE, 2, STREAM, VANISHED, GROUP))

    async def prepare(self) -> None:
        """Load the functions and make the consumer group, where they are missing."""
        with redis_errors():
            for command in (
                ("FUNCTION", "LOAD", LIBRARY),
                ("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"),
            ):
                try:
                    async with asyncio.timeout(REPLY_S_MAX):
                        await self._client.execute_command(*command)
                except redis.exceptions.ResponseError as error:
                    if not is_there_already(error):
                        raise

    async def close(self) -> None:
        """End the connections, after what is under way."""
        if self._looking is not None:
            self._looking.cancel()
        await self._pipelines.close()
        await self._client.aclose()

    def _look_at_age(self) -> None:
        """Every AGE_LOOK_S, beside the appends."""
        now = time.monotonic()
        if now >= self._look_again_at:
            self._look_again_at = now + AGE_LOOK_S
            self._looking = asyncio.get_running_loop().create_task(self._note_age())

    async def _note_age(self) -> None:
        with contextlib.suppress(Away):  # then appends say so themselves
            self._stale = (await self.state()).oldest_waiting_ms > WAITING_MS_MAX

    async def _call(self, function: str, count: int, *arguments: str | bytes | int) -> list[Any]:
        """Call a function. A lost reply: once more with the same keys, which is what idempotency keys are for."""
        command = ("FCALL", function, count, *arguments)
        with redis_errors():
            try:
                return await self._pipelines.call(command)
            except redis.exceptions.ResponseError as error:
                if not is_unprepared(error):
                    raise
                await self.prepare()
                return await self._pipelines.call(command)
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                return await self._resend(command)

    async def _resend(self, command: tuple[Any, ...]) -> list[Any]:
        try:
            return await self._pipelines.call(command)
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, Away) as error:
            raise OutcomeUnknown("the journal", type(error).__name__) from None


def is_there_already(error: redis.exceptions.ResponseError) -> bool:
    """The library is loaded or the group was made, by whoever came first."""
    return "already exists" in str(error) or str(error).startswith("BUSYGROUP")


def is_unprepared(error: redis.exceptions.ResponseError) -> bool:
    """Redis has lost the functions or the group (a new one, or an empty one)."""
    return str(error).startswith(("Function not found", "NOGROUP")) or "no such key" in str(error)
