"""(d) Job queues of others, one task a message: what our road, 10 in a row, is to be many times as fast as."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
import redis

from bench.peers import PEERS, Peer
from bench.peers.four_writes import finished
from bench.peers.servers import Servers
from bench.programs import Program, running
from bench.results import Cell, Chart, Section, at_least, median, ratio
from bench.stage import Stage
from local.stack import ROOT

TARGET: Final = 15.0
WARM_TASKS: Final = 200
"""Done before the clock runs: each process has its session and has prepared its statements."""
WARM_S_MAX: Final = 90.0
LOOK_S: Final = 0.02
DATABASE: Final = "bench_peers"
REDIS_DATABASE: Final = 7
"""Of the broker's; Celery of our stack uses 0."""
ENQUEUE_S_MAX: Final = 300.0


def measure(stage: Stage) -> list[Section]:
    """Row d."""
    servers = _servers(stage)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in PEERS}
    ours = stage.capacity()
    with stage.show.part("d: peers", len(PEERS) * stage.sizes.rounds):
        for _ in range(stage.sizes.rounds):
            for name, peer in PEERS.items():
                figures = _measured(stage, servers, peer)
                found[name].append(figures)
                stage.show.step(f"  {name}: {figures['tasks/s']:,.0f} messages/s")
    return [_section(found, ours)]


def _servers(stage: Stage) -> Servers:
    settings = stage.settings
    return Servers(
        redis_url=f"{settings.broker_url.rpartition('/')[0]}/{REDIS_DATABASE}",
        postgres_url=urlsplit(settings.postgres_url)._replace(path=f"/{DATABASE}").geturl(),
        scylla=settings.scylla_contact_points,
        keyspace=settings.scylla_keyspace,
        counts=stage.stack.state / "peers",
    )


def _measured(stage: Stage, servers: Servers, peer: Peer) -> dict[str, float]:
    _empty(stage.settings.postgres_url, servers)
    environ = {**os.environ, **servers.to_environ()}
    enqueue = [sys.executable, "-m", "bench.peers.enqueue", peer.module, str(stage.sizes.peer_messages)]
    subprocess.run(enqueue, check=True, cwd=ROOT, env=environ, timeout=ENQUEUE_S_MAX)
    log = stage.stack.state / "logs" / f"{peer.module.rpartition('.')[2]}.log"
    with running(peer.workers, environ, log) as workers:
        _wait_warm(servers.counts, workers, log)
        return _counted(stage, servers.counts, workers)


def _counted(stage: Stage, counts: Path, workers: list[Program]) -> dict[str, float]:
    """Tasks a second over a window, or until there are no more; and CPU µs a task."""
    stage.meter.start()
    cpu_before = sum(worker.cpu_s() for worker in workers)
    first, began = finished(counts), time.monotonic()
    while (now := time.monotonic()) - began < stage.sizes.window_s and finished(counts) < stage.sizes.peer_messages:
        time.sleep(LOOK_S)
    tasks = finished(counts) - first
    if not tasks:
        raise RuntimeError("All of a peer's tasks were done before the clock ran: queue more of them.")
    cpu_s = sum(worker.cpu_s() for worker in workers) - cpu_before
    return {
        "tasks/s": tasks / (now - began),
        "worker CPU µs": cpu_s / tasks * 1e6,
        "Cassandra CPU µs": stage.meter.cpu_s()["cassandra"] / tasks * 1e6,
    }


def _wait_warm(counts: Path, workers: list[Program], log: Path) -> None:
    limit = time.monotonic() + WARM_S_MAX
    while finished(counts) < WARM_TASKS:
        if time.monotonic() > limit or not all(worker.is_alive() for worker in workers):
            raise RuntimeError(f"A peer's workers do nothing; see {log}.")
        time.sleep(LOOK_S)


def _empty(postgres_url: str, servers: Servers) -> None:
    """Forget what an earlier peer left."""
    shutil.rmtree(servers.counts, ignore_errors=True)
    servers.counts.mkdir(parents=True)
    with redis.Redis.from_url(servers.redis_url) as broker:
        broker.flushdb()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")


def _section(found: dict[str, list[dict[str, float]]], ours: float) -> Section:
    middle = {
        name: {what: median([figures[what] for figures in times]) for what in times[0]} for name, times in found.items()
    }
    best = max(middle, key=lambda name: middle[name]["tasks/s"])
    lines: list[tuple[Cell, ...]] = [
        (name, *figures.values(), ratio(ours / figures["tasks/s"]))
        for name, figures in sorted(middle.items(), key=lambda item: -item[1]["tasks/s"])
    ]
    return Section(
        row="d",
        title="messages stored a second by others: one task a message",
        about=f"""\
Each peer runs 2 processes on the same servers; its queue is filled beforehand, which is not measured, and
each task stores its message by one batch of the same four writes. Ours is row b with 10 in a row, {ours:,.0f}/s, which
takes its messages in over HTTP meanwhile.""",
        columns=("peer", *middle[best], "ours / theirs"),
        lines=list(lines),
        targets=[
            at_least(f"d: row b with 10 in a row / {best}, the best peer", ours / middle[best]["tasks/s"], TARGET)
        ],
        chart=Chart(
            "Messages stored a second",
            "messages/s",
            ["timingle", *(str(line[0]) for line in lines)],
            {"messages/s": [ours, *(middle[str(line[0])]["tasks/s"] for line in lines)]},
            logarithmic=True,
        ),
        samples={name: [figures["tasks/s"] for figures in times] for name, times in found.items()},
    )
