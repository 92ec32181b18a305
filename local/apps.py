"""Our own processes: migrations, ingest, a Celery worker for each group of queues, beat and Flower."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from local import probes
from local.ports import Ports
from local.probes import LOOPBACK
from local.service import Service

# Of the virtual environment: its console scripts stand beside its python, which must not be resolved to the system's.
PROGRAMS: Final = Path(sys.executable).parent
STORES: Final = ("postgres", "journal", "broker", "cassandra")


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """A Celery worker: the queues it serves and how many children it has."""

    name: str
    queues: str
    concurrency: int
    flags: tuple[str, ...] = ()


REPORTS_KIB_MAX: Final = 400_000
"""A child that has grown beyond this is replaced after its report: 50,000 entries take less."""
# Drains share one group so that two run at once. The sweep has a worker of its own: behind a drain it would be late.
# Payments mostly wait for their providers. A report may take minutes: nothing else waits behind it.
# Of events' two children a relay holds one, for as long as its backlog takes: what makes events DONE has the other.
WORKERS: Final = (
    WorkerGroup("messages", "messages", 2),
    WorkerGroup("upkeep", "upkeep", 1),
    WorkerGroup("events", "events", 2),
    WorkerGroup("payments", "payments", 2),
    WorkerGroup("reports", "reports", 1, (f"--max-memory-per-child={REPORTS_KIB_MAX}",)),
)
FLOWER: Final = (
    "--persistent=True",
    "--state_save_interval=5000",
    # An hour or two of them. Flower stands still while it saves: 0.25 s for these, 4 s for its own 100,000.
    "--max_tasks=10000",
    # It shows. Who has its password can neither stop a worker nor send tasks.
    "--read_only=True",
    # The routing key is the queue's name.
    "--tasks_columns=name,routing_key,state,received,runtime,worker,uuid",
    # A worker that a new one replaced, in seconds.
    "--purge_offline_workers=86400",
)


def services(root: Path, data: Path, at: Ports, env: Mapping[str, str], broker_password: str) -> list[Service]:
    """All of them, for the project folder `root`, with the settings `env` and their files under `data`."""
    workers = [_worker(root, env, group, at.broker, broker_password) for group in WORKERS]
    beat, flower = _beat(root, env, data, at.broker), _flower(root, env, data, at)
    return [_migrate(root, env), _ingest(root, env, at), *workers, beat, flower]


def _migrate(root: Path, env: Mapping[str, str]) -> Service:
    return Service(
        name="migrate",
        argv=(str(PROGRAMS / "timingle"), "migrate", "up"),
        cwd=root,
        env=env,
        after=("postgres", "cassandra"),
        once=True,
        waits_for="migrates",
        ready=lambda _: False,
        ready_s_max=120,
    )


def _ingest(root: Path, env: Mapping[str, str], at: Ports) -> Service:
    flags = ("--interface", "asgi", "--host", LOOPBACK, "--port", str(at.ingest), "--no-ws")
    return Service(
        name="ingest",
        argv=(str(PROGRAMS / "granian"), *flags, "ingest:app"),
        cwd=root,
        env=env,
        after=("migrate", *STORES),
        waits_for="waits for /livez to answer 200",
        ready=lambda _: probes.http_answers(at.ingest, "/livez"),
        address=f"http://{LOOPBACK}:{at.ingest}",
    )


def _worker(root: Path, env: Mapping[str, str], group: WorkerGroup, broker_port: int, password: str) -> Service:
    flags = ("-Q", group.queues, "-n", f"{group.name}@%h", "-c", str(group.concurrency), *group.flags)
    return Service(
        name=f"worker-{group.name}",
        # -E: Flower lives on its events. Mingle and gossip are talk among workers that nothing here needs.
        argv=_celery("worker", *flags, "-E", "--without-mingle", "--without-gossip"),
        cwd=root,
        env=env,
        after=("migrate", *STORES),
        waits_for="waits for its first look into its queues",
        ready=lambda pid: _consumes(pid, broker_port, password),
        # A drain may run 5 s and its writes another 10 s; only then is a worker stuck.
        stop_s_max=30,
    )


def _beat(root: Path, env: Mapping[str, str], data: Path, broker_port: int) -> Service:
    folder = data / "beat"
    folder.mkdir(parents=True, exist_ok=True)
    return Service(
        name="beat",
        # Its process id is ours to keep: a file that outlived a kill would stop the next start.
        argv=_celery("beat", "--schedule", str(folder / "schedule"), "--pidfile="),
        cwd=root,
        env=env,
        after=("migrate", "broker"),
        waits_for="waits for its first job to be due",
        # It reaches for the broker only then; the sweep is due every 2 s.
        ready=lambda pid: bool(_ports_towards(broker_port, pid)),
    )


def _flower(root: Path, env: Mapping[str, str], data: Path, at: Ports) -> Service:
    folder = data / "flower"
    folder.mkdir(parents=True, exist_ok=True)
    place = (f"--address={LOOPBACK}", f"--port={at.flower}", f"--db={folder / 'flower'}")
    return Service(
        name="flower",
        argv=_celery("flower", *place, *FLOWER),
        cwd=root,
        # Flower reads this variable itself: an argument could be read by every user of the machine.
        env={**env, "FLOWER_BASIC_AUTH": env["TIMINGLE_FLOWER_BASIC_AUTH"]},
        # It asks the workers once, at its start, which queues they serve.
        after=("broker", *(f"worker-{group.name}" for group in WORKERS)),
        waits_for="waits for /healthcheck to answer 200",
        ready=lambda _: probes.http_answers(at.flower, "/healthcheck"),
        address=f"http://{LOOPBACK}:{at.flower}",
    )


def _celery(*arguments: str) -> tuple[str, ...]:
    return (str(PROGRAMS / "celery"), "-A", "worker", *arguments)


def _consumes(pid: int, broker_port: int, password: str) -> bool:
    """Whether the broker has a connection of this process that waits for tasks (BRPOP)."""
    clients = probes.redis_clients(broker_port, password).splitlines()
    fields = (field for line in clients if " cmd=brpop " in line for field in line.split())
    ports = {int(field.rpartition(":")[2]) for field in fields if field.startswith("addr=")}
    return not ports.isdisjoint(_ports_towards(broker_port, pid))


def _ports_towards(port: int, pid: int) -> set[int]:
    """The process's own ports of its connections to a server."""
    connections = psutil.Process(pid).net_connections("tcp4")
    return {each.laddr.port for each in connections if each.raddr and each.raddr.port == port}
