"""The PostgreSQL schema: up and down, failures, locks, and the committed dump of what the migrations add up to."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain.errors import MigrationError
from local.postgres import programs
from local.stack import Stack
from stores import migrations, migrations_postgres
from stores.migrations import NOTHING, Position
from stores.migrations_files import read_folder
from stores.migrations_postgres import PostgresSchema
from tests.integration.databases import ROOT, Place, place

FILES = read_folder(ROOT / "migrations")
SCHEMA = ROOT / "migrations" / "schema.sql"
# What differs from dump to dump or from server to server, and what a reader does not need.
NOISE = re.compile(r"^(?:--.*|\\(?:un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*)\n", re.MULTILINE)


@pytest.fixture
def where(stack: Stack) -> Iterator[Place]:
    with place(stack.env) as made:
        yield made


@pytest.fixture
def schema(where: Place) -> Iterator[PostgresSchema]:
    with migrations_postgres.connect(where.postgres_url) as made, made.exclusive(print):
        yield made


def dump(where: Place) -> str:
    """The schema as pg_dump tells it, but for the table of versions."""
    told = subprocess.run(
        [
            programs() / "pg_dump",
            "--schema-only",
            "--no-owner",
            "--exclude-table=schema_migrations",
            where.postgres_url,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return re.sub(r"\n{3,}", "\n\n", NOISE.sub("", told)).strip() + "\n"


def quietly(_: str) -> None: ...


def test_schema_sql_is_what_the_migrations_add_up_to(where: Place, schema: PostgresSchema) -> None:
    migrations.up(schema, FILES, quietly)
    found = dump(where)
    fresh = ROOT / ".local" / "schema.sql"
    fresh.parent.mkdir(exist_ok=True)
    fresh.write_text(found)
    assert found == SCHEMA.read_text(), "If the change is meant: cp .local/schema.sql migrations/schema.sql"


def test_every_down_undoes_its_up(where: Place, schema: PostgresSchema) -> None:
    dumps = [dump(where)]
    for step in migrations.steps_up(FILES, NOTHING):
        migrations.move(schema, [step], quietly)
        dumps.append(dump(where))
    assert len(set(dumps)) == len(FILES) + 1, "a migration changes nothing"
    for _ in FILES:
        dumps.pop()
        migrations.down(schema, FILES, 1, quietly)
        assert dump(where) == dumps[-1]


def test_up_all_down_and_up_again_gives_the_same_schema(where: Place, schema: PostgresSchema) -> None:
    migrations.up(schema, FILES, quietly)
    before = dump(where)
    migrations.down(schema, FILES, len(FILES), quietly)
    assert schema.position() == Position(NOTHING, dirty=False)
    migrations.up(schema, FILES, quietly)
    assert dump(where) == before


def folder_with(tmp_path: Path, up: str) -> Path:
    """A folder of two migrations, of which the second goes up like this."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "000001_first.up.sql").write_text("CREATE TABLE first (id INT);")
    (folder / "000001_first.down.sql").write_text("DROP TABLE first;")
    (folder / "000002_second.up.sql").write_text(up)
    (folder / "000002_second.down.sql").write_text("DROP TABLE second;")
    return folder


@pytest.mark.parametrize(
    ("third", "cause"),
    [
        ("INSERT INTO second VALUES (1), (1);", r"duplicate key value .* \(23505\)"),
        ("SELECT nowhere FROM second;", r'column "nowhere" does not exist \(42703\)'),
        ("CREATE TABEL third ();", r'syntax error at or near "TABEL" \(42601\)'),
    ],
)
def test_a_failure_halfway_names_the_statement_and_leaves_nothing_but_dirt(
    schema: PostgresSchema, tmp_path: Path, third: str, cause: str
) -> None:
    text = f"-- one; two\nCREATE TABLE second (id INT PRIMARY KEY);\nSELECT ';', $$;$$;\n\n/* ; */ {third}\nSELECT 1;\n"
    files = read_folder(folder_with(tmp_path, text))
    with pytest.raises(MigrationError, match=rf"000002_second\.up\.sql, statement 3 \(line 5\): {cause}"):
        migrations.up(schema, files, quietly)
    assert schema.position() == Position(2, dirty=True)
    assert tables(schema) == {"first", "schema_migrations"}


def test_nothing_moves_while_dirty_until_forced(schema: PostgresSchema, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "SELECT 1 / 0;")
    with pytest.raises(MigrationError, match="timingle migrate force 1 --only postgres"):
        migrations.up(schema, read_folder(folder), quietly)
    files = read_folder(folder)
    refusal = r"is dirty: .* timingle migrate force VERSION --only postgres"
    with pytest.raises(MigrationError, match=refusal):
        migrations.up(schema, files, quietly)
    with pytest.raises(MigrationError, match=refusal):
        migrations.down(schema, files, 1, quietly)
    (folder / "000002_second.up.sql").write_text("CREATE TABLE second ();")
    migrations.force(schema, files, 1, quietly)
    migrations.up(schema, files, quietly)
    assert schema.position() == Position(2, dirty=False)


def test_a_failed_down_of_the_first_migration_stays_dirty(schema: PostgresSchema, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "CREATE TABLE second ();")
    (folder / "000001_first.down.sql").write_text("DROP TABLE nowhere;")
    files = read_folder(folder)
    migrations.up(schema, files, quietly)
    with pytest.raises(MigrationError, match="force 1 --only postgres"):
        migrations.down(schema, files, 2, quietly)
    assert schema.position() == Position(NOTHING, dirty=True)


def test_a_schema_newer_than_ours_is_refused(schema: PostgresSchema) -> None:
    newest = FILES[-1].version
    schema.mark(Position(newest + 1, dirty=False))
    with pytest.raises(MigrationError, match=f"knows {newest} at most: install the newer"):
        migrations.up(schema, FILES, quietly)


def test_a_version_that_no_migration_has_cannot_be_forced(schema: PostgresSchema) -> None:
    with pytest.raises(MigrationError, match="has no migration 4711"):
        migrations.force(schema, FILES, 4711, quietly)


def test_waiting_for_another_run_ends_with_a_sentence(where: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations_postgres, "EXCLUSIVE_WAIT_S_MAX", 1)
    with (
        migrations_postgres.connect(where.postgres_url) as one,
        one.exclusive(quietly),
        migrations_postgres.connect(where.postgres_url) as two,
        pytest.raises(MigrationError, match="Another migration has been running for 1 s: pg_locks says whose"),
        two.exclusive(quietly),
    ):
        pass


def test_a_statement_gives_up_on_a_lock_soon(where: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations_postgres, "LOCK_TIMEOUT_S", 1)
    files = read_folder(folder_with(tmp_path, "ALTER TABLE first ADD COLUMN more INT;"))
    with (
        migrations_postgres.connect(where.postgres_url) as schema,
        schema.exclusive(quietly),
        psycopg.connect(where.postgres_url) as other,
    ):
        migrations.up(schema, files[:1], quietly)
        other.execute("LOCK TABLE first")
        with pytest.raises(MigrationError, match=r"canceling statement due to lock timeout \(55P03\)"):
            migrations.up(schema, files, quietly)


def tables(schema: PostgresSchema) -> set[str]:
    rows = schema._connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in rows}
