"""Who is killed and how, and waiting until all is back; the commit log of the CQL node, cut as a power cut would."""

import os
import signal
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from local.stack import Stack
from stores.journal import GROUP, STREAM
from tests.faults.kills_ledger import Verdict
from tests.faults.kills_senders import Conversation

APPS: Final = ("ingest", "worker-messages", "worker-upkeep", "beat")
SETTLED_S_MAX: Final = 90.0
"""The slowest way back on a busy machine: a start of the node, and 60 s until what a dead worker held is taken over."""
LOOK_S: Final = 0.3
WORKER_CHILD: Final = "worker child"
EVERYTHING: Final = "everything"


def kill(stack: Stack, victim: str) -> None:
    """SIGKILL for a service, or for all children of the worker that drains; its supervisor or parent starts it anew."""
    if victim == WORKER_CHILD:
        for pid in stack.children("worker-messages"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    else:
        stack.kill(victim)


def kill_everything(stack: Stack) -> None:
    """SIGKILL for every process of the stack at one moment; all but the CQL node are started anew by the supervisor."""
    names = ("postgres", "journal", "broker", *APPS)
    pids = [pid for name in names for pid in (*stack.children(name), stack.pid(name))]
    for pid in (*pids, stack.pid("cassandra")):
        os.kill(pid, signal.SIGSTOP)
    stack.kill("cassandra", stay_down=True)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


class JournalView:
    """The journal's stream as a test sees it."""

    def __init__(self, stack: Stack) -> None:
        self._client = redis.Redis.from_url(stack.env["TIMINGLE_JOURNAL_URLS"])

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def is_idle(self) -> bool:
        """Has everything been read and acknowledged?"""
        group = self._group()
        return not (group["lag"] or group["pending"])

    def holds(self) -> bool:
        """Does a worker hold entries that it has not acknowledged?"""
        return bool(self._group()["pending"])

    def trimmed(self) -> int:
        """How many entries were trimmed so far."""
        stream = self._client.xinfo_stream(STREAM)
        return int(stream["entries-added"]) - int(stream["length"])

    def _group(self) -> dict[str, int]:
        groups: list[dict[str, object]] = self._client.xinfo_groups(STREAM)
        return next(
            {key: int(str(group[key] or 0)) for key in ("lag", "pending")}
            for group in groups
            if group["name"] == GROUP.encode()
        )


def passed(seconds: float) -> Callable[[], bool]:
    """Have so many seconds gone by since this was asked for?"""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def settle(conversation: Conversation, seconds: float = SETTLED_S_MAX) -> Verdict:
    """Compare until all is as promised, or for so long; the last verdict."""
    limit = time.monotonic() + seconds
    while not (verdict := conversation.compare()).is_whole and time.monotonic() < limit:
        threading.Event().wait(LOOK_S)
    return verdict


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the commit log, at the end of what is synced."""

    segment: str
    offset: int


class CommitLog:
    """The commit log of the local CQL node, as its version 7 files are laid out.

    A header (version, id, length of its parameters, parameters, checksum), then sections. Each begins with the offset
    of the next and a checksum, written when it is synced: 0 ends the log.
    """

    HEADER: Final = struct.Struct(">iqH")
    CHECKSUM_BYTES: Final = 4
    MARKER: Final = struct.Struct(">iI")

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mark(self) -> Mark:
        """The end of what is synced now."""
        *_, newest = (segment for segment in self._segments() if self._end_of(segment) > self._begin_of(segment))
        return Mark(newest.name, self._end_of(newest))

    def cut(self, mark: Mark) -> int:
        """Lose everything that was written after a mark; the bytes lost. Only while the node is down."""
        lost = 0
        for segment in self._segments():
            if segment.name < mark.segment:
                continue
            begin = mark.offset if segment.name == mark.segment else self._begin_of(segment)
            content = segment.read_bytes()
            lost += len(content[begin:].rstrip(b"\0"))
            segment.write_bytes(content[:begin] + bytes(len(content) - begin))
        return lost

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("CommitLog-*.log"))

    def _begin_of(self, segment: Path) -> int:
        with segment.open("rb") as file:
            _, _, parameters = self.HEADER.unpack(file.read(self.HEADER.size))
        return self.HEADER.size + int(parameters) + self.CHECKSUM_BYTES

    def _end_of(self, segment: Path) -> int:
        content = segment.read_bytes()
        at = self._begin_of(segment)
        while at + self.MARKER.size <= len(content) and (after := self.MARKER.unpack_from(content, at)[0]):
            at = int(after)
        return at
