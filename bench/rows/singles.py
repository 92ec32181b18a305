"""(c) One message a request on 64 connections, against an application that only decodes and answers, in turn."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bench.load import run
from bench.meter import Meter
from bench.programs import Program, running
from bench.results import Cell, Chart, Section, at_least, median, percentile, ratio
from bench.sender import LOOPBACK, Pace, SenderError, Sent, send
from bench.stage import LIVELY_EVENTS, Stage
from bench.wire import singles
from local import ports

TARGET: Final = 0.35
READY_S_MAX: Final = 30.0
KINDS: Final = {
    "bare": "bare application",
    "ours": "timingle, stored meanwhile",
    "taken": "timingle, workers stopped",
}


def measure(stage: Stage) -> list[Section]:
    """Row c."""
    rounds = stage.sizes.rounds
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    port = next(p for p in range(stage.port + 1_000, 32_000) if ports.is_free(p))
    bare_argv = ("granian", "--interface", "asgi", "--host", LOOPBACK, "--port", str(port), "--no-ws", "bench.bare:app")
    with (
        running([bare_argv], os.environ, stage.stack.state / "logs" / "bare.log") as (bare,),
        stage.show.part("c: single requests", 1 + rounds * len(KINDS)),
    ):
        _wait_ready(stage, port, bare)
        for warming in (port, stage.port):
            _load(stage, warming)
        stage.show.step()
        ingest = Meter(stage.stack, ("ingest",))
        for _ in range(rounds):
            found["bare"].append(_measured(stage, port, bare.cpu_s))
            found["ours"].append(_measured(stage, stage.port, lambda: ingest.cpu_s()["ingest"]))
            stage.stream.wait_stored()
            stage.stack.stop("worker-messages")
            found["taken"].append(_measured(stage, stage.port, lambda: ingest.cpu_s()["ingest"]))
            stage.stack.start("worker-messages")
            stage.stream.wait_stored()
    stage.singles_per_s = median([figures["requests/s"] for figures in found["ours"]])
    return [_section(found)]


def _load(stage: Stage, port: int) -> Sent:
    return run(replace(stage.singles_load(None, stage.sizes.window_s), port=port))


def _measured(stage: Stage, port: int, cpu_s: Callable[[], float]) -> dict[str, float]:
    before = cpu_s()
    sent = _load(stage, port)
    each = 1_000_000 / sent.requests
    figures = {
        "requests/s": sent.requests / sent.seconds,
        "p50 ms": percentile(sent.latencies_ms, 50),
        "p99 ms": percentile(sent.latencies_ms, 99),
        "server CPU µs": (cpu_s() - before) * each,
        "sender CPU µs": sent.cpu_s * each,
    }
    stage.show.step(f"  port {port}: {figures['requests/s']:,.0f} requests/s")
    return figures


def _wait_ready(stage: Stage, port: int, bare: Program) -> None:
    request = singles(stage.script(1, 1), stage.key)
    limit = time.monotonic() + READY_S_MAX
    while True:
        try:
            send(port, request, Pace(connections=1))
        except OSError:
            if time.monotonic() > limit or not bare.is_alive():
                raise SenderError("The bare application does not answer; see logs/bare.log of the stack.") from None
            time.sleep(0.05)
        else:
            return


def _section(found: dict[str, list[dict[str, float]]]) -> Section:
    middle = {
        kind: {name: median([figures[name] for figures in times]) for name in times[0]} for kind, times in found.items()
    }
    per_round = {
        kind: [ours["requests/s"] / bare["requests/s"] for ours, bare in zip(times, found["bare"], strict=True)]
        for kind, times in found.items()
    }
    names = list(middle["bare"])
    lines: list[tuple[Cell, ...]] = [
        (label, *(middle[kind][name] for name in names), ratio(median(per_round[kind])))
        for kind, label in KINDS.items()
    ]
    return Section(
        row="c",
        title="single requests a second, 64 connections that stay open",
        about=f"""\
Medians of {len(found["bare"])} rounds in turn, messages of {LIVELY_EVENTS} events. All under granian with one process.
With the workers stopped one sees what taking a message costs; otherwise they and the stores share the CPUs.""",
        columns=("", *names, "ratio to bare"),
        lines=list(lines),
        targets=[at_least(f"c: {KINDS[kind]} / bare", median(per_round[kind]), TARGET) for kind in ("ours", "taken")],
        chart=Chart(
            "Single requests a second, 64 connections",
            "requests/s",
            list(KINDS.values()),
            {"requests/s": [middle[kind]["requests/s"] for kind in KINDS]},
        ),
        samples={kind: [figures["requests/s"] for figures in times] for kind, times in found.items()},
    )
