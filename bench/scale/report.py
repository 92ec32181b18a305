"""Loads, measures and tells: `--scale full`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.readers import Times
from bench.results import Cell, Chart, Section, percentile
from bench.rows.memory import COLUMNS, MIB, lines_of_memory
from bench.scale.loading import load
from bench.scale.measuring import Stored, look, read_cold_and_warm, read_long, restart
from bench.scale.plan import BULK_MESSAGES, Plan, resumed
from bench.show import Show
from bench.sizes import NORMAL
from bench.stage import opened

STEPS: Final = 1 + 4 + 2
"""A restart, four kinds of reading, two of the long event."""


def run(show: Show, state: Path, events: int, messages: int) -> list[Section]:
    """Load what is not loaded yet, then measure."""
    with opened(state, NORMAL, show, fresh=False) as stage:
        file = state / "plan.json"
        plan = resumed(file, events, messages)
        load(stage, plan, file)
        stored = look(stage, plan)
        memory = lines_of_memory(stage.meter)
        with show.part("measuring", STEPS):
            tables, seconds = restart(stage)
            show.step(f"  everything started in {seconds['everything']:.1f} s")
            reads = read_cold_and_warm(stage, stored.places)
            pages = read_long(stage, stored.long_event)
    return [
        _loaded(plan, stored, tables, seconds),
        _reads(stored, reads),
        _long(stored, pages),
        Section("memory", "memory after loading", "MiB of each process.", COLUMNS, [*memory]),
    ]


def _loaded(plan: Plan, stored: Stored, tables: Mapping[str, int], seconds: Mapping[str, float]) -> Section:
    lines: list[Sequence[Cell]] = [
        ("events", plan.events, ""),
        ("users", len(plan.user_ids), ""),
        ("messages stored", stored.messages, f"{plan.messages:,} planned"),
        ("loading, messages a second", plan.messages / plan.loading_s, f"{plan.loading_s:,.0f} s from HTTP to stored"),
        ("messages of the longest event", stored.long_messages, ""),
        ("on disk, bytes a message", sum(tables.values()) / stored.messages, "all tables, after a clean stop"),
        *(
            (f"of them {table}", size / stored.messages, f"largest partition ≤ {stored.largest_mib.get(table, 0)} MiB")
            for table, size in sorted(tables.items(), key=lambda item: -item[1])
            if size > MIB
        ),
        *((f"start-up of {name}, s", at, "since the start of all") for name, at in seconds.items()),
    ]
    return Section(
        row="load",
        title=f"{plan.events:,} events, {plan.messages:,} messages of 500 bytes through the road",
        about=f"""\
Users and events by their calls, messages in bulks of {BULK_MESSAGES}, 10 in a row; some events are far livelier than
others, and the first {plan.long_bulks * BULK_MESSAGES:,} messages are all of one event.""",
        columns=("what", "found", "remark"),
        lines=lines,
    )


def _reads(stored: Stored, found: Mapping[tuple[str, str], Times]) -> Section:
    lines: list[Sequence[Cell]] = [
        (state, at, kind, len(ms), percentile(ms, 50), percentile(ms, 99))
        for (state, at), times in found.items()
        for kind, ms in times.items()
    ]
    kinds = list(found["warm", "store"])
    return Section(
        row="reads",
        title="milliseconds of a read",
        about=f"""\
One after another, of {len(stored.places):,} events by chance. Cold: everything was restarted and the store's files
dropped from the system's cache, so that the JVM has compiled nothing either.""",
        columns=("state", "at", "read", "reads", "p50 ms", "p99 ms"),
        lines=lines,
        chart=Chart(
            f"Reads at {stored.messages:,} messages, p99",
            "ms",
            kinds,
            {f"{at}, {state}": [percentile(times[kind], 99) for kind in kinds] for (state, at), times in found.items()},
            logarithmic=True,
        ),
        samples={f"{state}, {at}, {kind}": ms for (state, at), times in found.items() for kind, ms in times.items()},
    )


def _long(stored: Stored, found: Mapping[str, Times]) -> Section:
    lines: list[Sequence[Cell]] = [
        (at, kind, len(ms), percentile(ms, 50), percentile(ms, 99))
        for at, times in found.items()
        for kind, ms in times.items()
    ]
    return Section(
        row="long",
        title=f"milliseconds of a page of 100 in an event of {stored.long_messages:,} messages",
        about="Warm, one after another, at cursors by chance.",
        columns=("at", "page", "reads", "p50 ms", "p99 ms"),
        lines=lines,
        samples={f"{at}, {kind}": ms for at, times in found.items() for kind, ms in times.items()},
    )
