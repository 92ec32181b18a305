"""(a) the scylla-driver alone, and (b) our road from bulk over HTTP to stored, in turn: the ratio is what counts."""

from collections.abc import Sequence
from itertools import count
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
COLUMNS: Final = (
    "messages in a row",
    "a: driver, 1 process",
    "a: driver, 2 processes",
    "b: our road",
    "b / a",
    "accepted/s",
    "CPU µs a message: a (driver + Cassandra)",
    *(f"b: {name}" for name in ON_THE_ROAD),
    "b: sender",
    "b: all others",
)

Times = dict[str, list[float]]


class Ceiling:
    """The driver alone, with the best batching of this machine."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seqs = count(0, 1_000)
        self.batching = BATCHINGS[0]

    def find_best(self) -> None:
        """Try each way to batch for a moment, and keep the fastest."""
        messages = self._stage.sizes.bulk_messages // 2
        speeds = {}
        for batching in BATCHINGS:
            self.batching = batching
            speeds[batching] = self.write(self._stage.script(messages, 10), processes=2)[0]
            self._stage.show.step(f"  driver, {batching}: {speeds[batching]:,.0f}/s")
        self.batching = max(speeds, key=lambda batching: speeds[batching])

    def write(self, script: Script, processes: int) -> tuple[float, float]:
        """Messages a second, and CPU µs a message of driver and Cassandra."""
        settings, first = self._stage.settings, next(self._seqs)
        shares = [Share(index, processes, first) for index in range(processes)]
        self._stage.meter.start()
        written: list[Done[Span]] = together(
            write_share,
            [(settings.contact_points, settings.scylla_keyspace, script, share, self.batching) for share in shares],
        )
        seconds = max(done.value.ended for done in written) - min(done.value.began for done in written)
        cpu_s = sum(done.cpu_s for done in written) + self._stage.meter.cpu_s()["cassandra"]
        return script.messages / seconds, cpu_s / script.messages * 1_000_000


def measure(stage: Stage) -> Section:
    """Rows a and b."""
    ceiling = Ceiling(stage)
    rounds = stage.sizes.rounds
    with stage.show.part("a, b: driver and road", len(BATCHINGS) + 1 + len(IN_A_ROW) * rounds):
        warm_up(stage, ceiling)
        ceiling.find_best()
        found = {in_a_row: _in_turn(stage, ceiling, in_a_row) for in_a_row in IN_A_ROW}
    stage.capacity_per_s = median(found[10]["b"])
    return _section(found, ceiling.batching)


def warm_up(stage: Stage, ceiling: Ceiling) -> None:
    """Let the JVM compile what the measurements do."""
    stage.show.say("warming up")
    stage.post(stage.script(stage.sizes.warm_up_messages, 10))
    stage.stream.wait_stored()
    ceiling.write(stage.script(stage.sizes.warm_up_messages, 10), processes=2)
    stage.show.step()


def _in_turn(stage: Stage, ceiling: Ceiling, in_a_row: int) -> Times:
    times: Times = {}
    for _ in range(stage.sizes.rounds):
        script = stage.script(stage.sizes.bulk_messages, in_a_row)
        one, _ = ceiling.write(script, processes=1)
        two, cpu_us = ceiling.write(script, processes=2)
        figures = {"a1": one, "a2": two, "a cpu": cpu_us, **_road(stage, script)}
        for name, value in figures.items():
            times.setdefault(name, []).append(value)
        stage.show.step(f"  {in_a_row} in a row: a {one:,.0f} · {two:,.0f}/s, b {figures['b']:,.0f}/s")
    return times


def _road(stage: Stage, script: Script) -> dict[str, float]:
    """Our road with one script: speeds, and CPU µs a message of everybody on it."""
    stage.meter.start()
    sent = stage.post(script)
    stored = stage.stream.wait_stored()
    spent = us_each(stage.meter.cpu_s(), script.messages)
    speeds = {"b": script.messages / (stored - sent.began), "accepted": script.messages / sent.seconds}
    return speeds | {f"b {name}": us for name, us in spent.items()} | {"b sender": sent.cpu_s / script.messages * 1e6}


def _section(found: dict[int, Times], batching: Batching) -> Section:
    lines: list[Sequence[Cell]] = []
    for in_a_row, times in found.items():
        middle = {name: median(values) for name, values in times.items()}
        lines.append(
            (
                in_a_row,
                middle["a1"],
                middle["a2"],
                middle["b"],
                ratio(_ratio(times)),
                middle["accepted"],
                middle["a cpu"],
                *(middle[f"b {name}"] for name in ON_THE_ROAD),
                middle["b sender"],
                middle["b others"],
            )
        )
    return Section(
        row="ab",
        title="messages stored a second: the scylla-driver alone, and our road from HTTP to stored",
        about=f"""\
Medians of {len(found[10]["b"])} rounds in turn. a writes the rows and registers of our drain by
unlogged batches that were bound beforehand ({batching}: the fastest of {len(BATCHINGS)} ways tried); b counts from the
first byte sent to the last entry acknowledged. b / a is each round's, against the faster of a's two ways.""",
        columns=COLUMNS,
        lines=lines,
        targets=[
            at_least(f"b / a with {in_a_row} in a row", _ratio(found[in_a_row]), wanted)
            for in_a_row, wanted in TARGETS.items()
        ],
        chart=Chart(
            "Messages stored a second",
            "messages/s",
            [f"{in_a_row} in a row" for in_a_row in found],
            {
                label: [median(times[name]) for times in found.values()]
                for name, label in (
                    ("a1", "driver alone, 1 process"),
                    ("a2", "driver alone, 2 processes"),
                    ("b", "timingle, HTTP to stored"),
                )
            },
        ),
        samples={f"{name}, {in_a_row} in a row": v for in_a_row, times in found.items() for name, v in times.items()},
    )


def _ratio(times: Times) -> float:
    """Of each round, against the faster way of the driver: what disturbs a round disturbs both."""
    ceiling = max(times["a1"], times["a2"], key=median)
    return median([ours / alone for ours, alone in zip(times["b"], ceiling, strict=True)])
