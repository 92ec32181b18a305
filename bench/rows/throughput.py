"""(a) the scylla-driver alone, and (b) our road from bulk over HTTP to stored, in turn: the ratio is what counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Final

from bench.apart import Done, together
from bench.driver import BATCHINGS, Batching, Share, Span, write_share
from bench.meter import ON_THE_ROAD, us_each
from bench.results import Cell, Chart, Section, at_least, median, ratio
from bench.script import Script
from bench.stage import Stage

IN_A_ROW: Final = (500, 25, 10, 1)
"""Messages in a row per event: an import, a lively chat, a usual one, messages scattered over all events."""
TARGETS: Final = {10: 0.85, 1: 0.8}
"""What of the driver's own speed our road shall reach."""

Times = dict[str, list[float]]
"""Measurements by name, a value a round."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the driver alone is measured."""

    label: str
    processes: int
    beforehand: bool


WAYS: Final = {
    "a1": Way("a: driver, 1 process", 1, beforehand=True),
    "a2": Way("a: driver, 2 processes", 2, beforehand=True),
    "binding": Way("driver, 2 processes that also bind", 2, beforehand=False),
}
CEILING: Final = ("a1", "a2")
TRIES: Final = 2


class Driver:
    """The driver alone, with the best batching of this machine."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seqs = count(0, 1_000)
        self.batching = BATCHINGS[0]

    def find_best(self) -> None:
        """Try each way to batch for a moment, all of them twice since the JVM still learns, and keep the fastest."""
        speeds: dict[Batching, float] = {}
        for batching in BATCHINGS * TRIES:
            self.batching = batching
            script = self._stage.script(self._stage.sizes.bulk_messages // 2, 10)
            speed = self.write(script, WAYS["a2"])["speed"]
            speeds[batching] = max(speed, speeds.get(batching, 0.0))
            self._stage.show.step(f"  driver, {batching}: {speed:,.0f}/s")
        self.batching = max(speeds, key=lambda batching: speeds[batching])

    def write(self, script: Script, way: Way) -> Mapping[str, float]:
        """Messages a second, and CPU µs a message of driver and Cassandra."""
        settings, first = self._stage.settings, next(self._seqs)
        batching = replace(self.batching, beforehand=way.beforehand)
        shares = [Share(index, way.processes, first) for index in range(way.processes)]
        written: list[Done[Span]] = together(
            write_share,
            [(settings.contact_points, settings.scylla_keyspace, script, share, batching) for share in shares],
            at_start=self._stage.meter.start,
        )
        seconds = max(done.value.ended for done in written) - min(done.value.began for done in written)
        cpu_s = {"driver": sum(done.cpu_s for done in written), "cassandra": self._stage.meter.cpu_s()["cassandra"]}
        return {"speed": script.messages / seconds, **us_each(cpu_s, script.messages)}


def measure(stage: Stage) -> list[Section]:
    """Rows a and b."""
    driver = Driver(stage)
    rounds = stage.sizes.rounds
    with stage.show.part("a, b: driver and road", len(BATCHINGS) * TRIES + 1 + len(IN_A_ROW) * rounds):
        driver.write(stage.script(stage.sizes.warm_up_messages, 10), WAYS["a2"])  # so that the JVM knows its batches
        stage.show.step()
        driver.find_best()
        found = {in_a_row: _in_turn(stage, driver, in_a_row) for in_a_row in IN_A_ROW}
    stage.capacity_per_s = median(found[10]["b"])
    return [_speeds(found, driver.batching), _cpu(found)]


def _in_turn(stage: Stage, driver: Driver, in_a_row: int) -> Times:
    times: Times = {}
    for _ in range(stage.sizes.rounds):
        script = stage.script(stage.sizes.bulk_messages, in_a_row)
        figures = {name: driver.write(script, way) for name, way in WAYS.items()} | {"b": _road(stage, script)}
        for name, figure in figures.items():
            for what, value in figure.items():
                times.setdefault(name if what == "speed" else f"{name} {what}", []).append(value)
        speeds = ", ".join(f"{name} {figure['speed']:,.0f}/s" for name, figure in figures.items())
        stage.show.step(f"  {in_a_row} in a row: {speeds}")
    return times


def _road(stage: Stage, script: Script) -> Mapping[str, float]:
    """Our road with one script: speeds, and CPU µs a message of everybody on it."""
    sent = stage.post(script, at_start=stage.meter.start)
    stored = stage.stream.wait_stored()
    cpu_s = {**stage.meter.cpu_s(), "sender": sent.cpu_s}
    return {
        "speed": script.messages / (stored - sent.began),
        "accepted": script.messages / sent.seconds,
        **us_each(cpu_s, script.messages),
    }


def _speeds(found: Mapping[int, Times], batching: Batching) -> Section:
    lines: list[Sequence[Cell]] = [
        (
            in_a_row,
            *(median(times[name]) for name in WAYS),
            median(times["b"]),
            median(times["b accepted"]),
            ratio(_ratio(times, CEILING)),
            ratio(_ratio(times, ("binding",))),
        )
        for in_a_row, times in found.items()
    ]
    labels = {name: way.label for name, way in WAYS.items()} | {"b": "b: timingle, HTTP to stored"}
    return Section(
        row="ab",
        title="messages stored a second: the scylla-driver alone, and our road from HTTP to stored",
        about=f"""\
Medians of {len(found[10]["b"])} rounds in turn. a writes the rows and registers of our drain by unlogged batches that
were bound and made beforehand ({batching}: the fastest of {len(BATCHINGS)} ways tried); beside it the same with binding
and batching while it writes, as every writer has to. b counts from the first byte sent to the last entry acknowledged.
Ratios are each round's; b / a is against the faster of a's two.""",
        columns=("in a row", *labels.values(), "b: accepted/s", "b / a", "b / driver that binds"),
        lines=lines,
        targets=[
            at_least(f"{what} with {in_a_row} in a row", _ratio(found[in_a_row], ways), wanted)
            for what, ways in (("b / a", CEILING), ("b / the driver that binds", ("binding",)))
            for in_a_row, wanted in TARGETS.items()
        ],
        chart=Chart(
            "Messages stored a second",
            "messages/s",
            [f"{in_a_row} in a row" for in_a_row in found],
            {label: [median(times[name]) for times in found.values()] for name, label in labels.items()},
        ),
        samples={f"{name}, {in_a_row} in a row": v for in_a_row, times in found.items() for name, v in times.items()},
    )


def _cpu(found: Mapping[int, Times]) -> Section:
    ours = (*ON_THE_ROAD, "others", "sender")
    lines: list[Sequence[Cell]] = []
    for in_a_row, times in found.items():
        alone = [[median(times[f"{way} {name}"]) for name in ("driver", "cassandra")] for way in ("a2", "binding")]
        each = [median(times[f"b {name}"]) for name in ours]
        shares = [ratio(sum(theirs) / sum(each)) for theirs in alone]
        lines.append((in_a_row, *chain.from_iterable(alone), *each, sum(each), *shares))
    return Section(
        row="ab-cpu",
        title="the same in CPU microseconds a message",
        about="""\
Of a with 2 processes, of the driver that also binds, and of b. A busy machine changes speeds far more than these. Where
the CPUs are the limit, the last two columns are what b can reach of the others' speed: their sums divided by b's.""",
        columns=(
            "in a row",
            *("a: driver", "a: Cassandra", "binding: driver", "binding: Cassandra"),
            *(f"b: {name}" for name in ours),
            *("b: all", "a / b", "binding / b"),
        ),
        lines=lines,
    )


def _ratio(times: Times, ways: Sequence[str]) -> float:
    """Of each round, against the fastest of these ways: what disturbs a round disturbs both."""
    ceiling = max((times[way] for way in ways), key=median)
    return median([ours / alone for ours, alone in zip(times["b"], ceiling, strict=True)])
