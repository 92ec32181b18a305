"""Redis: the journal as its consumers see it: read, claim, acknowledge, hand back, park, sweep (P1, P10).

The stream's consumer group shares entries among workers and keeps what a dead one held; nothing here coordinates by
itself. XACK only, never XDEL, which turns the group's lag to nil. All are plain commands but `sweep`, which must be one
piece.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.entries import Entry, EntryId, UnreadableEntry, read_entry
from stores.errors import redis_errors
from stores.journal import (
    BELL,
    CLOCK,
    CONNECT_S_MAX,
    GROUP,
    NOTES,
    REPLY_S_MAX,
    STREAM,
    VANISHED,
    WRITE_S_MAX,
    is_there_already,
)
from stores.journal_functions import LIBRARY, SWEEP

WAITING: Final = "waiting"
"""The consumer that entries wait under for a verdict on one of their operations. No process reads under this name."""
BLOCK_MS: Final = 500
"""How long a drain waits for more before it ends. Without it drains end and rings come hundreds a second."""
IDLE_MS_MAX: Final = 60_000
"""What was idle for longer is taken over from whoever held it."""
HANDED_BACK_MS: Final = 3_600_000
WAIT_MS: Final = 2_000
"""An entry that waits is looked at again about this long after: once a sweep."""
DELIVERIES_MAX: Final = 3
"""An entry delivered this often without being handed back is read alone: it may be what kills its worker."""
BATCH_OPERATIONS: Final = 4_000
BATCH_ENTRIES_MAX: Final = 1_000
"""A batch is as many entries as hold about this many operations: enough to fill batches, and done in about a second."""
CLAIM_ENTRIES: Final = 500
BELL_MS: Final = 5_000
"""As long as a drain (`functions/append.lua` sets it too): a ring may wait in the queue until a drain has ended."""
MUTE_MS: Final = 1_000
"""How long nobody rings after a store was away. Less than a sweep's time: the sweep that comes next rings again."""
assert WRITE_S_MAX * 1_000 < IDLE_MS_MAX, "an entry must not be taken over while it is being written"


@dataclass(slots=True)
class Swept:
    """What a sweep found and did."""

    trimmed: int
    delivered_anew: bool
    waiting: int
    clock: int
    """The last version given (µs)."""


@dataclass(slots=True)
class Batch:
    """Entries delivered together."""

    entries: list[Entry]
    unreadable: list[UnreadableEntry]

    @property
    def ids(self) -> list[str]:
        """The ids of all entries."""
        return [entry.id for entry in self.entries] + [entry.id for entry in self.unreadable]


class _Notes(msgspec.Struct):
    settled: str


def open_sync(url: str) -> "redis.Redis":
    """A client that never sends a command twice by itself."""
    return redis.Redis.from_url(
        url,
        socket_timeout=REPLY_S_MAX,
        socket_connect_timeout=CONNECT_S_MAX,
        retry=Retry(NoBackoff(), 0),
    )


class ConsumerGroup:
    """One journal's group. `consumer` names one process: two must not share it at one time."""

    def __init__(self, journal_id: int, client: "redis.Redis", consumer: str) -> None:
        self.journal_id = journal_id
        self._client = client
        # redis-py would read the ids that JUSTID answers as entries, and drop the cursor.
        client.set_response_callback("XAUTOCLAIM", lambda reply, **_: reply)
        self._consumer = consumer
        self._held: dict[str, int] = {}
        self._batch_entries = 100

    def prepare(self) -> None:
        """Load the functions and make the group where they are missing: the journal may be new or have lost all."""
        with redis_errors():
            for command in (
                ("FUNCTION", "LOAD", LIBRARY),
                ("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"),
            ):
                try:
                    self._client.execute_command(*command)
                except redis.exceptions.OutOfMemoryError:
                    return  # full, so it was prepared: to fail here would keep it full for ever
                except redis.exceptions.ResponseError as error:
                    if not is_there_already(error):
                        raise

    def call(self, calls: Iterable[Sequence[str | bytes | int]]) -> list[Any]:
        """Call functions of the journal (name, number of keys, keys, arguments) at once. Raises JournalFull, Away."""
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for call in calls:
                pipeline.execute_command("FCALL", *call)
            return pipeline.execute()

    def quiet_bell(self) -> None:
        """Forget that anybody rang: work that comes from now on rings again."""
        with redis_errors():
            self._client.delete(BELL)

    def set_bell(self) -> bool:
        """True for the first of those who want to ring. A full Redis sets no bell: then everybody may ring."""
        with redis_errors():
            try:
                return bool(self._client.set(BELL, "1", nx=True, px=BELL_MS))
            except redis.exceptions.OutOfMemoryError:
                return True

    def mute_bell(self) -> None:
        """Let nobody ring for MUTE_MS: a store that was away is not asked again with every message that comes."""
        with redis_errors(), suppress(redis.exceptions.OutOfMemoryError):  # full: then no message comes
            self._client.set(BELL, "1", px=MUTE_MS)

    def take(self, seconds: float) -> Iterator[Batch]:
        """Entries in batches until none came for BLOCK_MS or the time is over: first what others left, then new ones.

        Each batch is to be acknowledged, parked or handed back before the next is asked for.
        """
        until = time.monotonic() + seconds
        self._claim_abandoned()
        for ids in self._own():
            if batch := self._deliver_again(ids):
                yield batch
            if time.monotonic() > until:
                return
        while time.monotonic() < until:
            with redis_errors():
                reply = self._client.xreadgroup(
                    GROUP, self._consumer, {STREAM: ">"}, count=self._batch_entries, block=BLOCK_MS
                )
            if not reply:
                return
            entries = cast("list[Any]", reply)[0][1]
            self._held.update((entry_id.decode(), 0) for entry_id, _ in entries)
            yield self._read(entries)

    def ack(self, entry_ids: Iterable[str]) -> None:
        """Their effects are stored."""
        if ids := list(entry_ids):
            with redis_errors():
                self._client.xack(STREAM, GROUP, *ids)
            self._forget(ids)

    def park(self, entry_ids: Iterable[str]) -> None:
        """Let entries wait for a verdict; any drain looks again after WAIT_MS."""
        self._give(WAITING, IDLE_MS_MAX - WAIT_MS, set(entry_ids))

    def hand_back(self) -> None:
        """Give up all that is held, as if it had never been delivered: no attempt is counted (P10)."""
        self._give(self._consumer, HANDED_BACK_MS, set(self._held))

    def release(self) -> None:
        """Give up what an earlier process of this name held, for whoever drains next; its attempts stay counted."""
        self.prepare()
        for _ in self._own():
            pass
        self.hand_back()

    def has_work(self) -> bool:
        """Does anything wait to be read, or to be acknowledged?"""
        with redis_errors():
            group = self._group()
        return bool(group["lag"] or group["pending"])

    def settled(self) -> EntryId:
        """All creates before this entry are on the store's disk, as the last sweep knew."""
        with redis_errors():
            notes = self._client.get(NOTES)
        return EntryId.parse(msgspec.json.decode(cast("bytes", notes), type=_Notes).settled) if notes else EntryId(0, 0)

    def sweep(self, keep_s: float, generations: str) -> Swept:
        """Note how far all is stored and trim what has been on disk long enough; see `functions/sweep.lua`.

        `generations` names every node of ScyllaDB with its generation, "" if one of them does not answer.
        """
        with redis_errors():
            reply = self._client.fcall(SWEEP, 3, STREAM, NOTES, CLOCK, GROUP, WAITING, int(keep_s * 1_000), generations)
        trimmed, anew, waiting, clock = cast("list[int]", reply)
        return Swept(trimmed, bool(anew), waiting, clock)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _group(self) -> dict[str, Any]:
        groups: list[dict[str, Any]] = self._client.xinfo_groups(STREAM)
        return next(group for group in groups if group["name"] == GROUP.encode())

    def _claim_abandoned(self) -> None:
        """Take over what was idle too long; it is delivered as our own."""
        cursor = "0-0"
        with redis_errors():
            while True:
                reply = self._client.execute_command(
                    "XAUTOCLAIM",
                    STREAM,
                    GROUP,
                    self._consumer,
                    IDLE_MS_MAX,
                    cursor,
                    "COUNT",
                    CLAIM_ENTRIES,
                    "JUSTID",
                )
                cursor, _, vanished = reply[0].decode(), reply[1], reply[2]
                self._count_vanished(len(vanished))
                if cursor == "0-0":
                    return

    def _own(self) -> Iterator[list[str]]:
        """Ids of entries that we hold and have not seen: claimed, handed back, or delivered in a lost reply."""
        start = "-"
        while True:
            with redis_errors():
                reply = self._client.xpending_range(STREAM, GROUP, start, "+", CLAIM_ENTRIES, self._consumer)
            found: list[dict[str, Any]] = reply
            if not found:
                return
            self._held.update((e["message_id"].decode(), e["times_delivered"]) for e in found)
            suspects = [e["message_id"].decode() for e in found if e["times_delivered"] >= DELIVERIES_MAX]
            others = [e["message_id"].decode() for e in found if e["times_delivered"] < DELIVERIES_MAX]
            for at in range(0, len(others), self._batch_entries):
                yield others[at : at + self._batch_entries]
            for suspect in suspects:
                yield [suspect]
            start = "(" + found[-1]["message_id"].decode()

    def _deliver_again(self, ids: list[str]) -> Batch | None:
        with redis_errors():
            reply = self._client.xclaim(STREAM, GROUP, self._consumer, 0, cast("Any", ids))
        entries = cast("list[Any]", reply)
        missing = set(ids) - {entry_id.decode() for entry_id, _ in entries}
        with redis_errors():  # what is still there was delivered anew to another meanwhile, who has acknowledged it
            self._count_vanished(sum(not self._client.xrange(STREAM, entry_id, entry_id) for entry_id in missing))
        self._forget(missing)
        return self._read(entries) if entries else None

    def _read(self, entries: list[Any]) -> Batch:
        read = [read_entry(entry_id.decode(), fields) for entry_id, fields in entries]
        batch = Batch(
            [entry for entry in read if isinstance(entry, Entry)],
            [entry for entry in read if isinstance(entry, UnreadableEntry)],
        )
        operations = sum(len(entry.operations) for entry in batch.entries) or 1
        self._batch_entries = max(10, min(BATCH_ENTRIES_MAX, BATCH_OPERATIONS * len(read) // operations))
        return batch

    def _give(self, consumer: str, idle_ms: int, ids: set[str]) -> None:
        by_count: dict[int, list[str]] = {}
        for entry_id in ids:
            by_count.setdefault(self._held.get(entry_id, 0), []).append(entry_id)
        for count, group in by_count.items():
            with redis_errors():
                self._client.xclaim(
                    STREAM, GROUP, consumer, 0, cast("Any", group), idle=idle_ms, retrycount=count, justid=True
                )
        self._forget(ids)

    def _forget(self, ids: Iterable[str]) -> None:
        for entry_id in ids:
            self._held.pop(entry_id, None)

    def _count_vanished(self, count: int) -> None:
        if count:
            self._client.incrby(VANISHED, count)
