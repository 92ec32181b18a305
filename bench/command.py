"""`python -m bench [--rows a,b,…] [--quick] [--scale full]`: measures, and writes a table, its figures and plots."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import plots, results
from bench.results import Machine, Results, Section
from bench.rows import event_reads, events, latency, memory, peers, reads, reports, rings, singles, throughput, webhooks
from bench.scale import report
from bench.show import Show
from bench.sizes import NORMAL, QUICK, Sizes
from bench.stage import Stage, make_cast, opened
from local.install import Installation
from local.stack import DEFAULT_STATE, ROOT

RESULTS: Final = ROOT / "bench" / "results"
EVENTS: Final = 100_000
MESSAGES: Final = 10_000_000
Row = Callable[[Stage], list[Section]]
ROWS: Final[Mapping[str, Row]] = {
    "a": throughput.measure,
    "b": throughput.measure,
    "c": singles.measure,
    "d": peers.measure,
    "e": latency.measure,
    "f": reads.measure,
    "g": memory.measure,
    "h": rings.measure,
    "i": events.measure,
    "j": event_reads.measure,
    "k": webhooks.measure,
    "l": reports.measure,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """What is asked for; ends with a sentence if it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="which rows, such as a,b,e; all without it")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that each row works")
    parser.add_argument("--scale", choices=("normal", "full"), default="normal")
    parser.add_argument("--events", type=int, default=EVENTS, help="of --scale full")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="of --scale full")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of table, figures and plots")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.rows.split(",")) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    return asked


def main(arguments: list[str]) -> int:
    """Measure, show, write."""
    asked = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the stack ends with us
    Installation(DEFAULT_STATE).complete(print)
    machine, began = Machine.this(), datetime.now(UTC)
    with Show() as show:
        if asked.scale == "full":
            name, title = "full", f"timingle with {asked.events:,} events and {asked.messages:,} messages"
            if (asked.events, asked.messages) != (EVENTS, MESSAGES):
                title += f" (smaller than it is built for: {EVENTS:,} and {MESSAGES:,})"
            state = DEFAULT_STATE / f"bench-{asked.events}-{asked.messages}"
            sections = report.run(show, state, asked.events, asked.messages)
        else:
            name, title = "table", "timingle measured" + (" (quick: too small to tell anything)" if asked.quick else "")
            rows = dict.fromkeys(ROWS[row] for row in asked.rows.split(","))  # a and b are one
            sections = measure(show, rows, QUICK if asked.quick else NORMAL)
    found = Results(title, began, machine, sections)
    results.write(found, asked.results, name)
    plots.draw_all(found, asked.results, name)
    print((asked.results / f"{name}.md").read_text())
    return 0


def measure(show: Show, rows: Iterable[Row], sizes: Sizes) -> list[Section]:
    """Each row once, on a stack that begins empty."""
    with opened(DEFAULT_STATE / "bench", sizes, show, fresh=True) as stage:
        stage.cast = make_cast(stage, sizes.users, sizes.events)
        show.say("warming up: the JVM compiles what it does often")
        stage.post(stage.script(sizes.warm_up_messages, 10))
        stage.stream.wait_stored()
        return [section for row in rows for section in row(stage)]
