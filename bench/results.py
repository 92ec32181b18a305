"""What a run found: sections of a table, targets met or missed, and the machine it was found on."""

import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import psutil

Cell = str | int | float | None


class Target(msgspec.Struct, frozen=True):
    """A ratio or a time that was to be reached."""

    what: str
    wanted: str
    found: str
    met: bool


class Chart(msgspec.Struct, frozen=True):
    """Grouped bars."""

    title: str
    unit: str
    groups: list[str]
    series: dict[str, list[float]]
    logarithmic: bool = False


class Section(msgspec.Struct, frozen=True):
    """The table of one row of the benchmark."""

    row: str
    title: str
    about: str
    """How it was measured."""
    columns: Sequence[str]
    lines: list[Sequence[Cell]]
    targets: list[Target] = []
    chart: Chart | None = None
    samples: dict[str, list[float]] = {}
    """Each measurement behind the medians, in the order they were made."""


class Machine(msgspec.Struct, frozen=True):
    """Where it was found."""

    cpus: int
    cpu: str
    memory_gib: float
    system: str
    python: str
    load_before: float
    """Processes that wanted a CPU, over the minute before the run: below 0.3 nobody else was at work."""

    @classmethod
    def this(cls) -> "Machine":
        """This machine, now."""
        return cls(
            psutil.cpu_count() or 0,
            _cpu_name(),
            round(psutil.virtual_memory().total / 2**30, 1),
            f"{platform.system()} {platform.release()} {platform.machine()}",
            sys.version.split()[0],
            round(os.getloadavg()[0], 2),
        )


class Results(msgspec.Struct):
    """All that one run found."""

    title: str
    began: datetime
    machine: Machine
    sections: list[Section]


SIGNIFICANT: Final = 3


def cell(value: Cell) -> str:
    """A number as people read it."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{SIGNIFICANT}g}"


def ratio(value: float) -> str:
    """A ratio in two digits behind the point, or none where it is large."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100).__int__() - 1))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def at_least(what: str, found: float, wanted: float) -> Target:
    """A ratio that should not be smaller."""
    return Target(what, f"≥ {ratio(wanted)}", ratio(found), found >= wanted)


def below_ms(what: str, found: float, wanted: float) -> Target:
    """Milliseconds that should not be reached."""
    return Target(what, f"< {wanted:.0f} ms", f"{found:.1f} ms", found < wanted)


def write(results: Results, folder: Path, name: str) -> None:
    """`name`.json with everything and `name`.md for people."""
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (folder / f"{name}.json").write_bytes(encoded + b"\n")
    (folder / f"{name}.md").write_text("\n".join(_page(results)) + "\n", "utf-8")


def _page(results: Results) -> Iterable[str]:
    machine = results.machine
    yield f"# {results.title}"
    yield ""
    yield (
        f"{results.began:%Y-%m-%d %H:%M} UTC · {machine.cpus} CPUs ({machine.cpu}) · {machine.memory_gib:g} GiB · "
        f"{machine.system} · Python {machine.python} · load average before the run {machine.load_before:g}. "
        "Everything runs on this one machine, the load generator too. How to read it: `bench/README.md`."
    )
    if targets := [target for section in results.sections for target in section.targets]:
        yield from ("", "| target | wanted | found | |", "|---|---|---|---|")
        for target in targets:
            yield f"| {target.what} | {target.wanted} | {target.found} | {'met' if target.met else '**missed**'} |"
    for section in results.sections:
        yield from ("", f"## ({section.row}) {section.title}", "", section.about, "")
        yield f"| {' | '.join(section.columns)} |"
        yield "|---" * len(section.columns) + "|"
        for line in section.lines:
            yield f"| {' | '.join(cell(value) for value in line)} |"


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
