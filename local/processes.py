"""Processes of this machine: whose they are, and how to end all of them, also those of a supervisor that was killed.

Each service leads a session of its own, which its descendants share. The kernel does not give a session's id to
a new process while a member lives, so a session's id and its leader's birth name exactly our processes.
"""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
import psutil

# Linux tells a birth in ticks since boot, and the time of boot shifts with the clock: two readings may differ by this.
BIRTH_TOLERANCE_S: Final = 2.0
# The kernel ends a killed process as soon as it leaves the call it is in; only a stuck disk holds one longer.
KILLED_S_MAX: Final = 5.0


class Trace(msgspec.Struct, frozen=True):
    """What is noted of a running service, so that a later command can find and end it."""

    name: str
    pid: int
    born: float
    """Seconds since the epoch."""
    stop_signal: int = signal.SIGTERM


def trace(name: str, pid: int, stop_signal: int) -> Trace:
    """The trace of a process that was just started."""
    return Trace(name, pid, psutil.Process(pid).create_time(), stop_signal)


def lives(seen: Trace) -> bool:
    """Whether this very process still runs; a later one of the same id does not count."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(seen.pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return abs(process.create_time() - seen.born) < BIRTH_TOLERANCE_S
    return False


def session_members(session: int) -> list[psutil.Process]:
    """Every living process of a session, its leader too."""
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def kill_session(session: int) -> None:
    """SIGKILL for every process of a session; returns when they are gone and what they held is free again."""
    limit = time.monotonic() + KILLED_S_MAX
    while (members := session_members(session)) and time.monotonic() < limit:
        for process in members:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.01)


def end(traces: Sequence[Trace], seconds: float) -> list[str]:
    """End processes that no supervisor watches any more, kindly at first; the names of those that still lived."""
    ours = [seen for seen in traces if lives(seen) or _orphans(seen)]
    for seen in ours:
        with suppress(ProcessLookupError):
            if lives(seen):
                os.kill(seen.pid, seen.stop_signal)
    limit = time.monotonic() + seconds
    while any(lives(seen) for seen in ours) and time.monotonic() < limit:
        time.sleep(0.05)
    for seen in ours:
        kill_session(seen.pid)
    return [seen.name for seen in ours]


def _orphans(seen: Trace) -> bool:
    """Whether descendants outlived their leader. A younger process of its id means that it is somebody else's."""
    return not psutil.pid_exists(seen.pid) and bool(session_members(seen.pid))
