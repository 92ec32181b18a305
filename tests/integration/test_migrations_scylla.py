"""The keyspace's schema: up and down, and failures, which CQL cannot roll back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import Away, MigrationError
from local.stack import Stack
from stores import migrations, migrations_scylla
from stores.migrations import NOTHING, Position
from stores.migrations_files import read_folder
from stores.migrations_scylla import ScyllaSchema
from tests.integration.databases import ROOT, Place, cluster, place

FILES = read_folder(ROOT / "cql")


@pytest.fixture
def where(stack: Stack) -> Iterator[Place]:
    with place(stack.env) as made:
        yield made


@pytest.fixture
def schema(where: Place) -> Iterator[ScyllaSchema]:
    with migrations_scylla.connect(where.contact_points, where.keyspace, 1) as made:
        yield made


def describe(where: Place) -> dict[str, str]:
    """Each table's CREATE TABLE statement, with every option."""
    with cluster(where) as found:
        found.connect()
        return {
            name: table.export_as_string()
            for name, table in found.metadata.keyspaces[where.keyspace].tables.items()
            if name != "schema_migrations"
        }


def quietly(_: str) -> None: ...


def test_up_all_down_and_up_again_gives_the_same_schema(where: Place, schema: ScyllaSchema) -> None:
    migrations.up(schema, FILES, quietly)
    before = describe(where)
    assert len(before) == len(FILES)
    migrations.down(schema, FILES, len(FILES), quietly)
    assert schema.position() == Position(NOTHING, dirty=False)
    assert describe(where) == {}
    migrations.up(schema, FILES, quietly)
    assert describe(where) == before


def test_a_keyspace_that_is_not_there_stands_at_nothing_and_is_not_made_by_looking(
    where: Place, schema: ScyllaSchema
) -> None:
    assert schema.position() == Position(NOTHING, dirty=False)
    with cluster(where) as found:
        found.connect()
        assert where.keyspace not in found.metadata.keyspaces


def test_the_keyspace_has_the_replication_of_the_settings(where: Place, schema: ScyllaSchema) -> None:
    migrations.up(schema, FILES[:1], quietly)
    with cluster(where) as found:
        found.connect()
        keyspace = found.metadata.keyspaces[where.keyspace]
        assert keyspace.replication_strategy.export_for_schema() == (
            "{'class': 'NetworkTopologyStrategy', 'datacenter1': '1'}"
        )
        assert keyspace.durable_writes


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        ("CREATE TABLE one (id INT PRIMARY KEY)", "already exist"),
        ("CREATE TABEL two (id INT PRIMARY KEY)", "no viable alternative"),
        ("CREATE TABLE two (id INT)", "PRIMARY KEY"),
    ],
)
def test_a_failure_halfway_names_the_statement_and_what_stays(
    where: Place, schema: ScyllaSchema, tmp_path: Path, second: str, cause: str
) -> None:
    folder = tmp_path / "cql"
    folder.mkdir()
    (folder / "000001_two.down.cql").write_text("DROP TABLE one;")
    one = "CREATE TABLE one (id INT PRIMARY KEY)"
    (folder / "000001_two.up.cql").write_text(f"-- one; two\n{one}\n  WITH comment = 'a; b';\n\n{second};\n")
    files = read_folder(folder)
    with pytest.raises(MigrationError, match=rf"cql/000001_two\.up\.cql, statement 2 \(line 5\): .*{cause}"):
        migrations.up(schema, files, quietly)
    assert schema.position() == Position(1, dirty=True)
    assert set(describe(where)) == {"one"}
    with pytest.raises(MigrationError, match=r"is dirty: .* timingle migrate force VERSION --only scylla"):
        migrations.up(schema, files, quietly)
    migrations.force(schema, files, 1, quietly)
    migrations.down(schema, files, 1, quietly)
    assert schema.position() == Position(NOTHING, dirty=False)


def test_a_failed_down_of_the_first_migration_stays_dirty(schema: ScyllaSchema, tmp_path: Path) -> None:
    folder = tmp_path / "cql"
    folder.mkdir()
    (folder / "000001_one.up.cql").write_text("CREATE TABLE one (id INT PRIMARY KEY);")
    (folder / "000001_one.down.cql").write_text("DROP TABLE nowhere;")
    files = read_folder(folder)
    migrations.up(schema, files, quietly)
    with pytest.raises(MigrationError, match="force 1 --only scylla"):
        migrations.down(schema, files, 1, quietly)
    assert schema.position() == Position(NOTHING, dirty=True)


def test_a_keyspace_that_is_refused_is_an_error_of_ours(where: Place) -> None:
    with (
        pytest.raises(MigrationError, match="ScyllaDB refuses: "),
        migrations_scylla.connect(where.contact_points, "no-name", 1) as schema,
    ):
        migrations.up(schema, FILES, quietly)


def test_no_answer_is_away_and_names_who_was_asked() -> None:
    with (
        pytest.raises(Away, match=r"ScyllaDB did not answer \(NoHostAvailable, asked 127\.0\.0\.1:1\)"),
        migrations_scylla.connect([("127.0.0.1", 1)], "nowhere", 1),
    ):
        pass
