"""What people see while it runs: one bar over all rows, and a line for each thing found."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Show:
    """A progress bar of steps, with lines above it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(),
        )
        self._bar = self._progress.add_task("", total=None)
        self.started_s: dict[str, float] = {}
        """When each service was last ready, of time.monotonic()."""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def part(self, title: str, steps: int) -> Iterator[None]:
        """A row, or another part with so many steps."""
        self._progress.reset(self._bar, total=steps, description=title)
        yield
        self._progress.update(self._bar, completed=steps)

    def step(self, found: str = "", by: int = 1) -> None:
        """Steps are done; `found` is worth a line."""
        self._progress.advance(self._bar, by)
        if found:
            self.say(found)

    def say(self, text: str) -> None:
        """A line."""
        self._progress.console.print(text, highlight=False, markup=False)

    def service(self, name: str, what: str) -> None:
        """What the stack says of a service: worth a line only when it is not as usual."""
        if what.startswith("ready after"):
            self.started_s[name] = time.monotonic()
        elif not what.startswith(("stopped", "done in")):
            self.say(f"{name}: {what}")
