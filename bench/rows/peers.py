"""(d) Job queues of others, one task a message: what our road, 10 in a row, is to be many times as fast as."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import product
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
WRITES: Final = {"four statements": False, "one batch": True}
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
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    ours = stage.capacity()
    with stage.show.part("d: peers", len(PEERS) * len(WRITES) * stage.sizes.peer_rounds):
        for _ in range(stage.sizes.peer_rounds):
            for (name, peer), (writes, in_one_batch) in product(PEERS.items(), WRITES.items()):
                figures = _measured(stage, servers_of(stage, in_one_batch=in_one_batch), peer)
                found.setdefault((name, writes), []).append(figures)
                stage.show.step(f"  {name}, {writes}: {figures['tasks/s']:,.0f} messages/s")
    return [_section(found, ours)]


def servers_of(stage: Stage, *, in_one_batch: bool) -> Servers:
    """Where a peer finds the stage's servers."""
    settings = stage.settings
    return Servers(
        redis_url=f"{settings.broker_url.rpartition('/')[0]}/{REDIS_DATABASE}",
        postgres_url=urlsplit(settings.postgres_url)._replace(path=f"/{DATABASE}").geturl(),
        scylla=settings.scylla_contact_points,
        keyspace=settings.scylla_keyspace,
        counts=stage.stack.state / "peers",
        in_one_batch=in_one_batch,
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


def _section(found: dict[tuple[str, str], list[dict[str, float]]], ours: float) -> Section:
    middle = {
        who: {what: median([figures[what] for figures in times]) for what in times[0]} for who, times in found.items()
    }
    speeds = {who: figures["tasks/s"] for who, figures in middle.items()}
    lines: list[Sequence[Cell]] = [
        (*who, *middle[who].values(), ratio(ours / speed))
        for who, speed in sorted(speeds.items(), key=lambda item: -item[1])
    ]
    best = {writes: max((who for who in speeds if who[1] == writes), key=speeds.__getitem__) for writes in WRITES}
    return Section(
        row="d",
        title="messages stored a second by others: one task a message",
        about=f"""\
Each peer runs 2 processes on the same servers; its queue is filled beforehand, which is not measured, and each task
stores its message by the same four writes: plainly as four statements side by side, and at best in one batch. Ours is
row b with 10 in a row, {ours:,.0f}/s, which takes its messages in over HTTP meanwhile.""",
        columns=("peer", "its four writes", *next(iter(middle.values())), "ours / theirs"),
        lines=lines,
        targets=[
            at_least(f"d: b with 10 in a row / the best peer with {writes}, {who[0]}", ours / speeds[who], TARGET)
            for writes, who in best.items()
        ],
        chart=Chart(
            "Messages stored a second",
            "messages/s",
            ["timingle", *PEERS],
            {writes: [ours, *(speeds[name, writes] for name in PEERS)] for writes in WRITES},
            logarithmic=True,
        ),
        samples={", ".join(who): [figures["tasks/s"] for figures in times] for who, times in found.items()},
    )
