"""What a supervised process is: how it is started, how one knows that it is ready, and how it is stopped."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import TimingleError


class StackError(TimingleError):
    """The local stack cannot do this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process of the stack. Its children belong to it: they share its session and end with it."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    waits_for: str
    """What it is that `ready` waits for, to complete "not ready: it still ..."."""
    ready: Callable[[int], bool]
    """Given the process's id, whether it can be used now. Quick: it is asked every few hundredths of a second."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own environment."""
    after: tuple[str, ...] = ()
    """Services that must be ready before this one starts, and that stop after it."""
    once: bool = False
    """Runs to its end, and is ready when that was a clean one. Never restarted."""
    stop_signal: signal.Signals = signal.SIGTERM
    clean_exits: frozenset[int] = frozenset({0})
    """Exit codes that say it ended as asked."""
    ready_s_max: float = 30.0
    stop_s_max: float = 20.0
    """Seconds that it may take to stop before it is killed."""
    address: str = ""
    """Where it can be reached, for people."""


def in_order(services: Mapping[str, Service]) -> list[str]:
    """Names so that each stands behind all that it comes after. StackError if that is impossible."""
    ordered: list[str] = []
    while len(ordered) < len(services):
        free = [n for n, s in services.items() if n not in ordered and set(s.after) <= set(ordered)]
        if not free:
            raise StackError(f"These services wait for each other: {', '.join(set(services) - set(ordered))}.")
        ordered += free
    return ordered
