"""CPU time and memory of the stack's processes. CPU time a message says the same on a busy machine and an idle one."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from local.stack import Stack

ON_THE_ROAD: Final = ("ingest", "worker-messages", "journal", "cassandra")
"""Whose CPU time is shown each by itself; the others' is summed up."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process."""

    rss: int
    """Resident bytes."""
    pss: int
    """The same, with shared pages counted by share."""


class Meter:
    """Reads all processes of the named services, their children too."""

    def __init__(self, stack: Stack, names: tuple[str, ...]) -> None:
        self._stack, self._names = stack, names
        self._before = self._cpu()

    def start(self) -> None:
        """Count from now on."""
        self._before = self._cpu()

    def cpu_s(self) -> Mapping[str, float]:
        """CPU seconds of each service since the start; `others` is the rest of them."""
        spent = {name: now - self._before.get(name, 0.0) for name, now in self._cpu().items()}
        shown = {name: spent[name] for name in ON_THE_ROAD if name in spent}
        return shown | {"others": sum(spent.values()) - sum(shown.values())}

    def memory(self) -> dict[str, list[Memory]]:
        """Memory of each process of each service, the main one first."""
        found: dict[str, list[Memory]] = {name: [] for name in self._names}
        for name, process in self._processes():
            with suppress(psutil.NoSuchProcess):  # a backend of PostgreSQL that has just ended
                full = process.memory_full_info()
                found[name].append(Memory(full.rss, full.pss))
        return found

    def _cpu(self) -> dict[str, float]:
        spent = dict.fromkeys(self._names, 0.0)
        for name, process in self._processes():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                spent[name] += times.user + times.system
        return spent

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        for name in self._names:
            main = psutil.Process(self._stack.pid(name))
            yield from ((name, process) for process in (main, *main.children(recursive=True)))


def us_each(cpu_s: Mapping[str, float], count: int) -> dict[str, float]:
    """CPU microseconds a message (or a request)."""
    return {name: seconds / count * 1_000_000 for name, seconds in cpu_s.items()}
