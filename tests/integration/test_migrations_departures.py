"""docs/departures.md against the live schemas: tables, columns, indexes, keys and options."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from local.stack import Stack
from stores import migrations, migrations_postgres, migrations_scylla
from stores.migrations_files import read_folder
from tests.integration.databases import ROOT, Place, cluster, place

PAGE = (ROOT / "docs" / "departures.md").read_text()
SELECT_COLUMNS = """
    SELECT table_name, array_agg(column_name::text) FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name IN (SELECT tablename FROM pg_tables) GROUP BY table_name"""
SELECT_INDEXES = "SELECT tablename, array_agg(indexname::text) FROM pg_indexes WHERE schemaname = 'public' GROUP BY 1"
SELECT_CQL_COLUMNS = """
    SELECT table_name, column_name, type, kind, position, clustering_order FROM system_schema.columns
    WHERE keyspace_name = %s"""
WORD = re.compile(r"\d+\.\d+|\w+")
OPTIONS = ("compaction", "gc_grace_seconds", "bloom_filter_fp_chance", "caching", "default_time_to_live")


@pytest.fixture(scope="module")
def where(stack: Stack) -> Iterator[Place]:
    with place(stack.env) as made:
        with migrations_postgres.connect(made.postgres_url) as postgres:
            migrations.up(postgres, read_folder(ROOT / "migrations"), print)
        with migrations_scylla.connect(made.contact_points, made.keyspace, 1) as scylla:
            migrations.up(scylla, read_folder(ROOT / "cql"), print)
        yield made


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    below = PAGE.split(f"\n{heading}\n")[1].split("\n#")[0]
    table = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[2:]]


def words(cell: str) -> set[str]:
    return set(cell.split(", "))


def test_the_page_lists_postgres_as_it_is(where: Place) -> None:
    with psycopg.connect(where.postgres_url) as connection:
        columns = {table: set(names) for table, names in connection.execute(SELECT_COLUMNS)}
        indexes = {table: set(names) for table, names in connection.execute(SELECT_INDEXES)}
    told = {table: (words(column), words(index)) for table, column, index in rows("### PostgreSQL, live")}
    assert told == {table: (columns[table], indexes[table]) for table in columns}


def test_the_page_lists_the_keyspace_as_it_is(where: Place) -> None:
    with cluster(where) as found:
        columns = list(found.connect().execute(SELECT_CQL_COLUMNS, [where.keyspace]))
    live: dict[str, tuple[str, set[str]]] = {}
    for table in {column[0] for column in columns}:
        mine = [column for column in columns if column[0] == table]
        partition = [name for _, name, _, kind, _, _ in sorted(mine, key=lambda c: c[4]) if kind == "partition_key"]
        clustering = [
            f"{name} {order.upper()}"
            for _, name, _, kind, _, order in sorted(mine, key=lambda c: c[4])
            if kind == "clustering"
        ]
        key = ", ".join([f"({', '.join(partition)})", *clustering])
        live[table] = (key, {f"{name} {kind}" for _, name, kind, _, _, _ in mine})
    told = {table: (key, set(column.split("; "))) for table, key, column, _ in rows("### ScyllaDB, live")}
    assert told == live


def test_the_page_lists_the_options_as_they_are(where: Place) -> None:
    with cluster(where) as found:
        found.connect()
        tables = found.metadata.keyspaces[where.keyspace].tables
        live = {name: {option: str(table.options[option]) for option in OPTIONS} for name, table in tables.items()}
    for table, _, _, told in rows("### ScyllaDB, live"):
        for option, value in re.findall(r"(\w+) = ([^;]+)", told):
            for word in WORD.findall(value):
                assert word in WORD.findall(live[table][option]), (table, option)


def test_every_option_in_cql_has_a_source() -> None:
    cited = " ".join(row[0] for row in rows("### Words that the two engines treat differently"))
    used = {
        option
        for path in (ROOT / "cql").glob("*.up.cql")
        for option in re.findall(r"(?:WITH|AND)\s+(\w+) =", path.read_text())
    }
    assert used
    assert {option for option in used if option not in cited} == set()
    for row in rows("### Words that the two engines treat differently"):
        assert "(https://docs.scylladb.com/" in row[4], row[0]
