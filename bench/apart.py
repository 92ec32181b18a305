"""Runs a function in a process of its own, which tells when it is prepared and then waits for the start.

What is measured must not share an interpreter with who measures it, and preparing must not count.
"""

import multiprocessing
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, Self, TypeVar

T = TypeVar("T")
Start = Callable[[], None]
"""The function calls this when it is prepared; it returns at the common start."""
PREPARED_S_MAX: Final = 300.0
DONE_S_MAX: Final = 900.0


class ApartError(Exception):
    """A function failed in its process; the text is its traceback."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What a function returned, and the CPU time that it took after the start."""

    value: T
    cpu_s: float


class Apart(Generic[T]):
    """`with Apart(function, …) as one: one.prepared(); one.go(); one.done()`."""

    def __init__(self, function: Callable[..., T], *arguments: object) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._ours, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_run, args=(theirs, function, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def prepared(self) -> None:
        """Return when it waits for the start. Raises ApartError."""
        self._receive(PREPARED_S_MAX)

    def go(self) -> None:
        """Let it start."""
        self._ours.send(None)

    def is_over(self, seconds: float) -> bool:
        """Wait for so long at most; whether `done` will return, or raise, at once."""
        return self._ours.poll(seconds)

    def done(self, seconds: float = DONE_S_MAX) -> Done[T]:
        """What it returned. Raises ApartError."""
        result: Done[T] = self._receive(seconds)
        return result

    def _receive(self, seconds: float) -> Any:
        if not self._ours.poll(seconds):
            raise ApartError(f"It said nothing for {seconds:.0f} s.")
        try:
            failure, value = self._ours.recv()
        except EOFError:
            raise ApartError("Its process ended without a word.") from None
        if failure:
            raise ApartError(failure)
        return value


def together(
    function: Callable[..., T], each: Sequence[tuple[object, ...]], at_start: Start = lambda: None
) -> list[Done[T]]:
    """Run a function once for each tuple of arguments, each in a process of its own, all started at once.

    `at_start` is called when all are prepared, just before.
    """
    with ExitStack() as processes:
        running = [processes.enter_context(Apart(function, *arguments)) for arguments in each]
        for one in running:
            one.prepared()
        at_start()
        for one in running:
            one.go()
        return [one.done() for one in running]


def _run(pipe: Connection, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    cpu_before = 0.0

    def start() -> None:
        nonlocal cpu_before
        pipe.send((None, None))
        pipe.recv()
        cpu_before = time.process_time()

    try:
        value = function(start, *arguments)
        pipe.send((None, Done(value, time.process_time() - cpu_before)))
    except Exception:  # noqa: BLE001  whatever it was, it is told where it is awaited
        pipe.send((traceback.format_exc(), None))
