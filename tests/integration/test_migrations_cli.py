"""`timingle migrate` as an operator calls it, alone and beside another."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from cli import ExitCode
from local.stack import Stack
from stores import migrations_postgres
from stores.migrations_files import read_folder
from tests.integration.databases import ROOT, Place, ended, place

SQL_FILES = read_folder(ROOT / "migrations")
CQL_FILES = read_folder(ROOT / "cql")
SQL_NEWEST, CQL_NEWEST = SQL_FILES[-1].version, CQL_FILES[-1].version
WAITING = "another migration is running: waiting until it ends"


@pytest.fixture
def where(stack: Stack) -> Iterator[Place]:
    with place(stack.env) as made:
        yield made


def test_both_stores_go_up_and_a_second_run_does_nothing(where: Place) -> None:
    code, output = where.run("migrate", "up")
    assert (code, len(output.splitlines())) == (0, len(SQL_FILES) + len(CQL_FILES)), output
    code, output = where.run("migrate", "up")
    assert (code, re.findall("nothing to do, version ([0-9]+)", output)) == (0, [str(SQL_NEWEST), str(CQL_NEWEST)]), (
        output
    )


def test_only_one_store_is_moved_where_one_is_named(where: Place) -> None:
    assert where.run("migrate", "up", "--only", "postgres")[0] == 0
    code, output = where.run("migrate", "down", "2", "--only", "postgres")
    assert (code, output.count(".down.sql")) == (0, 2)
    code, output = where.run("migrate", "status")
    assert code == 0
    assert f"postgres: version {SQL_NEWEST - 2}, clean, 2 to apply\n" in output
    assert f"scylla: version 0, clean, {len(CQL_FILES)} to apply\n" in output


def test_force_takes_the_one_store_that_is_dirty_and_guesses_no_further(where: Place) -> None:
    assert where.run("migrate", "up", "--only", "postgres")[0] == 0
    code, output = where.run("migrate", "force", str(SQL_NEWEST))
    assert (code, output) == (
        ExitCode.FAILED,
        "timingle: Say which schema is meant: --only postgres or --only scylla.\n",
    )
    with psycopg.connect(where.postgres_url) as connection:
        connection.execute("UPDATE schema_migrations SET dirty = true")
    assert where.run("migrate", "force", str(SQL_NEWEST)) == (0, f"postgres: noted as version {SQL_NEWEST}, clean\n")


def test_a_run_waits_for_another_that_is_under_way(where: Place) -> None:
    with ExitStack() as other:
        schema = other.enter_context(migrations_postgres.connect(where.postgres_url))
        other.enter_context(schema.exclusive(print))
        with where.timingle("migrate", "up", "--only", "scylla") as process:
            assert process.stdout
            assert process.stdout.readline().strip() == WAITING
            assert process.poll() is None
            other.close()
            code, output = ended(process)
    assert (code, len(output.splitlines())) == (0, len(CQL_FILES)), output


def test_of_two_runs_at_once_both_succeed_and_each_file_runs_once(where: Place) -> None:
    with where.timingle("migrate", "up") as one, where.timingle("migrate", "up") as two:
        (code_one, output_one), (code_two, output_two) = ended(one), ended(two)
    assert (code_one, code_two) == (0, 0), output_one + output_two
    ran = re.findall(r"(\S+\.up\.\w+) \(", output_one + output_two)
    assert sorted(ran) == sorted(file.up.name for file in SQL_FILES + CQL_FILES)


def test_a_store_that_is_away_is_one_sentence_and_an_exit_code_of_its_own(where: Place) -> None:
    nowhere = Place({**where.env, "TIMINGLE_POSTGRES_URL": "postgresql://timingle:secret@127.0.0.1:1/timingle"})
    code, output = nowhere.run("migrate", "up")
    assert code == ExitCode.STORE_AWAY
    assert re.fullmatch(r"timingle: PostgreSQL did not answer \(.*refused.*\); try again\.\n", output), output
    assert "secret" not in output


def test_a_missing_setting_is_named(where: Place) -> None:
    code, output = Place({**where.env, "TIMINGLE_POSTGRES_URL": ""}).run("migrate", "status")
    assert (code, output.splitlines()[0]) == (
        ExitCode.WRONG_SETTINGS,
        "timingle: Not set: TIMINGLE_POSTGRES_URL. `make up` writes local ones to .local/env.",
    )
