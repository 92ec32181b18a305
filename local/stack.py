"""The whole stack of one state directory. `python -m local` and the tests use this class alike."""

import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import psutil

from local import apps, envfile, fakes, ports, postgres, processes, record, valkey
from local.install import Installation
from local.probes import LOOPBACK
from local.service import Service
from local.supervisor import Supervisor

ROOT: Final = Path(__file__).resolve().parent.parent
DEFAULT_STATE: Final = ROOT / ".local"
SERVERS: Final = apps.STORES
# What a killed supervisor left gets this long to end by itself: Cassandra drains, a worker finishes its task.
LEFTOVERS_S_MAX: Final = 30.0

Say = Callable[[str, str], None]


def end_leftovers(state: Path, say: Say, seconds: float = LEFTOVERS_S_MAX) -> None:
    """End what a supervisor left behind that was killed itself. Call it only while no supervisor lives."""
    if (left := record.read(state)) is not None:
        for name in processes.end(left.services, seconds):
            say(name, "was left behind; ended")
        record.forget(state)


class Stack:
    """A stack in its state directory: `with Stack(state, environ, say) as stack: stack.start(*SERVERS)`.

    Entering it takes the directory, ends leftovers, finds ports and writes `env`; leaving it stops all.
    """

    env: Mapping[str, str]
    """Every TIMINGLE_* variable in force."""
    ports: ports.Ports

    def __init__(self, state: Path, environ: Mapping[str, str], say: Say, *, fresh: bool = False) -> None:
        """`environ` may override settings; `fresh` throws the data of an earlier run away."""
        self.state, self._environ, self._say, self._fresh = state, environ, say, fresh
        self._resources = ExitStack()
        self._record_lock = threading.Lock()
        self._phase: record.Phase = "starting"
        self._running: Sequence[processes.Trace] = ()
        self._addresses: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            resources.enter_context(record.lock(self.state))
            end_leftovers(self.state, self._say)
            resources.callback(record.forget, self.state)
            secret = self._settle()
            services = self._services(secret)
            self.names = tuple(service.name for service in services)
            self._addresses = {service.name: service.address for service in services if service.address}
            self._supervisor = resources.enter_context(
                Supervisor(services, self.state / "logs", self._say, self._note_running)
            )
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.set_phase("stopping")
        self._resources.close()

    @property
    def ingest_url(self) -> str:
        """Where ingest listens, without a slash at its end."""
        return f"http://{LOOPBACK}:{self.ports.ingest}"

    def start(self, *names: str) -> None:
        """Start these (or those of them that do not run), return when all are ready. StackError if one will not be."""
        self._supervisor.start(*names)

    def stop(self, *names: str) -> None:
        """Stop these as they like it, and leave them so."""
        self._supervisor.stop(*names)

    def kill(self, name: str, *, stay_down: bool = False) -> None:
        """SIGKILL for the process; it is restarted at once unless it shall stay down (then `start` it)."""
        self._supervisor.kill(name, stay_down=stay_down)

    def wait_ready(self, *names: str) -> None:
        """Return when these are ready (again). StackError if that takes too long."""
        self._supervisor.wait_ready(*names)

    def pid(self, name: str) -> int:
        """The process id of a running service."""
        return self._supervisor.pid(name)

    def children(self, name: str) -> list[int]:
        """The process ids of all descendants of a running service."""
        return [child.pid for child in psutil.Process(self.pid(name)).children(recursive=True)]

    def restarts(self, name: str) -> int:
        """How often a service was restarted because it had died."""
        return self._supervisor.restarts(name)

    def set_phase(self, phase: record.Phase) -> None:
        """Tell later commands how far the stack is."""
        self._phase = phase
        self._write_record()

    def _note_running(self, traces: Sequence[processes.Trace]) -> None:
        self._running = traces
        self._write_record()

    def _write_record(self) -> None:
        with self._record_lock:
            now = record.Record(os.getpid(), self._phase, self._running, self._addresses)
            record.write(self.state, now)

    def _settle(self) -> envfile.Secrets:
        """Find ports and settings, and prepare the data directories."""
        data = self.state / "data"
        if self._fresh:
            shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, exist_ok=True)
        outside = envfile.overrides(self.state / "env", self._environ)
        self.ports = ports.choose(ports.preferred(self.state, DEFAULT_STATE), outside, self._say)
        secret = envfile.keep_secrets(self.state / "secrets.json")
        envfile.keep_signing_key(self.state / envfile.SIGNING_KEY)
        self.env = envfile.write(self.state / "env", envfile.defaults(self.ports, secret, self.state), outside)
        return secret

    def _services(self, secret: envfile.Secrets) -> list[Service]:
        data, at = self.state / "data", self.ports
        postgres.prepare(data / "postgres", secret.postgres, secret.postgres_api)
        servers = [
            postgres.service(data / "postgres", at.postgres),
            valkey.journal(data / "journal", at.journal, secret.journal),
            valkey.broker(data / "broker", at.broker, secret.broker),
            Installation(DEFAULT_STATE).cassandra(data / "cassandra", at),
        ]
        ours = apps.services(ROOT, data, at, self.env, secret.broker)
        return servers + fakes.services(ROOT, at, self.env) + ours
