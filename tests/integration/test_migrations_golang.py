"""Real golang-migrate on the same folders: each tool runs them, waits for the other and accepts what it left."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psycopg
import pytest

from local.stack import Stack
from stores import migrations_postgres
from stores.migrations import Position
from stores.migrations_files import read_folder
from tests.integration.databases import ROOT, Place, ended, place, started

# The version whose source stores/migrations_postgres.py follows.
SOURCE = "github.com/golang-migrate/migrate/v4/cmd/migrate@v4.20.1"
INSTALL_S_MAX = 600
WAIT_S_MAX = 10.0
SQL_NEWEST = read_folder(ROOT / "migrations")[-1].version
CQL_NEWEST = read_folder(ROOT / "cql")[-1].version
SELECT_WAITERS = """
    SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()"""


@pytest.fixture(scope="session")
def golang_migrate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built once into .local/go."""
    program = ROOT / ".local" / "go" / "bin" / "migrate"
    if not program.exists():
        if not (go := shutil.which("go")):
            pytest.skip("Go is missing")
        scratch = tmp_path_factory.mktemp("go")
        env = {"GOPATH": str(scratch), "GOCACHE": str(scratch / "cache"), "GOFLAGS": "-modcacherw"}
        built = subprocess.run(
            [go, "install", "-tags", "postgres cassandra", SOURCE],
            env={**os.environ, **env, "GOBIN": str(program.parent)},
            capture_output=True,
            text=True,
            timeout=INSTALL_S_MAX,
            check=False,
        )
        shutil.rmtree(scratch)
        if built.returncode:
            pytest.skip(f"golang-migrate could not be built: {built.stderr[-300:]}")
    return program


@pytest.fixture
def where(stack: Stack) -> Iterator[Place]:
    with place(stack.env) as made:
        yield made


def started_on(
    program: Path, folder: str, database: str, *arguments: str
) -> "AbstractContextManager[subprocess.Popen[str]]":
    return started([program, "-path", ROOT / folder, "-database", database, *arguments])


def run(program: Path, folder: str, database: str, *arguments: str) -> tuple[int, str]:
    with started_on(program, folder, database, *arguments) as process:
        return ended(process)


def scylla(where: Place) -> str:
    host, port = where.contact_points[0]
    return f"cassandra://{host}:{port}/{where.keyspace}?protocol=4&disable-host-lookup=true&timeout=1m"


def test_it_runs_migrations_up_and_all_the_way_down_and_each_goes_on_where_the_other_stopped(
    where: Place, golang_migrate: Path
) -> None:
    only = ("--only", "postgres")
    assert run(golang_migrate, "migrations", where.postgres_url, "up", "5")[0] == 0
    code, output = where.run("migrate", "up", *only)
    assert (code, output.count(".up.sql")) == (0, SQL_NEWEST - 5), output
    code, output = run(golang_migrate, "migrations", where.postgres_url, "up")
    assert (code, output) == (0, "no change\n")
    assert where.run("migrate", "down", "7", *only)[0] == 0
    code, output = run(golang_migrate, "migrations", where.postgres_url, "down", "-all")
    assert code == 0, output
    assert where.run("migrate", "status", *only)[1].startswith(f"postgres: version 0, clean, {SQL_NEWEST} to apply\n")
    code, output = run(golang_migrate, "migrations", where.postgres_url, "up")
    assert code == 0, output
    code, output = where.run("migrate", "down", str(SQL_NEWEST), *only)
    assert code == 0, output
    assert run(golang_migrate, "migrations", where.postgres_url, "version") == (1, "error: no migration\n")


def test_its_cassandra_driver_runs_cql_and_each_goes_on_where_the_other_stopped(
    where: Place, golang_migrate: Path
) -> None:
    only = ("--only", "scylla")
    assert where.run("migrate", "up", *only)[0] == 0
    assert run(golang_migrate, "cql", scylla(where), "version") == (0, f"{CQL_NEWEST}\n")
    code, output = run(golang_migrate, "cql", scylla(where), "down", "-all")
    assert code == 0, output
    code, output = run(golang_migrate, "cql", scylla(where), "up", "3")
    assert code == 0, output
    code, output = where.run("migrate", "up", *only)
    assert (code, output.count(".up.cql")) == (0, CQL_NEWEST - 3), output


def test_each_refuses_what_the_other_left_dirty(where: Place, golang_migrate: Path) -> None:
    assert run(golang_migrate, "migrations", where.postgres_url, "up", "2")[0] == 0
    with psycopg.connect(where.postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE event_participants ()")
        code, output = run(golang_migrate, "migrations", where.postgres_url, "up")
        assert code == 1, output
        code, output = where.run("migrate", "up")
        assert (code, "postgres is dirty: a migration to version 3" in output) == (1, True), output
        assert where.run("migrate", "force", "2")[0] == 0
        code, output = where.run("migrate", "up")
        assert (code, 'relation "event_participants" already exists (42P07)' in output) == (1, True), output
        code, output = run(golang_migrate, "migrations", where.postgres_url, "up")
        assert (code, output) == (1, "error: Dirty database version 3. Fix and force version.\n")
        assert run(golang_migrate, "migrations", where.postgres_url, "force", "2")[0] == 0
        connection.execute("DROP TABLE event_participants")
    assert where.run("migrate", "up", "--only", "postgres")[0] == 0


def test_it_waits_while_ours_runs(where: Place, golang_migrate: Path) -> None:
    with (
        migrations_postgres.connect(where.postgres_url) as ours,
        psycopg.connect(where.postgres_url, autocommit=True) as looking,
        ExitStack() as held,
    ):
        held.enter_context(ours.exclusive(print))
        with started_on(golang_migrate, "migrations", where.postgres_url, "up") as process:
            deadline = time.monotonic() + WAIT_S_MAX
            while looking.execute(SELECT_WAITERS).fetchone() != (1,):
                assert process.poll() is None, "it did not wait"
                assert time.monotonic() < deadline, "it never came to the lock"
            assert ours.position() == Position(0, dirty=False)
            held.close()
            code, output = ended(process)
        assert code == 0, output
        assert ours.position() == Position(SQL_NEWEST, dirty=False)
