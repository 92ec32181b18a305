"""Job queues that others use, each as its own documentation would set it up, doing the plain thing: a task a message.

Each module makes its framework's app, names `four_writes.store` or `store_async` as the task, and fills its queue.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them."""

    module: str
    workers: tuple[tuple[str, ...], ...]
    """The commands that start its workers: 2 processes in all that do tasks."""


HUEY: Final = ("huey_consumer", "bench.peers.huey_peer.huey", "-k", "thread", "-w", "8", "-q")
PROCRASTINATE: Final = ("procrastinate", "--app", "bench.peers.procrastinate_peer.app", "worker", "--concurrency", "32")
ARQ: Final = ("arq", "bench.peers.arq_peer.WorkerSettings")
CELERY: Final = ("celery", "-A", "bench.peers.celery_peer", "worker", "-c", "2", "-l", "WARNING")
CELERY_QUIET: Final = ("--without-mingle", "--without-gossip", "--without-heartbeat")
DRAMATIQ: Final = ("dramatiq", "bench.peers.dramatiq_peer", "--processes", "2", "--threads", "8")
TASKIQ: Final = ("taskiq", "worker", "bench.peers.taskiq_peer:broker", "--workers", "2", "--no-parse")

PEERS: Final = {
    "Celery": Peer("bench.peers.celery_peer", ((*CELERY, *CELERY_QUIET),)),
    "dramatiq": Peer("bench.peers.dramatiq_peer", (DRAMATIQ,)),
    "taskiq": Peer("bench.peers.taskiq_peer", ((*TASKIQ, "--log-level", "WARNING"),)),
    "huey": Peer("bench.peers.huey_peer", (HUEY, HUEY)),
    "procrastinate": Peer("bench.peers.procrastinate_peer", (PROCRASTINATE, PROCRASTINATE)),
    "arq": Peer("bench.peers.arq_peer", (ARQ, ARQ)),
}
