"""timingle migrate: move the schemas of PostgreSQL and ScyllaDB."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

import settings
from domain.errors import MigrationError
from stores import migrations, migrations_postgres, migrations_scylla
from stores.migrations_files import Migration, read_folder

ROOT: Final = Path(__file__).parent.parent


class Store(StrEnum):
    """The stores that have a schema."""

    POSTGRES = "postgres"
    SCYLLA = "scylla"


Only = Annotated[Store | None, typer.Option(help="One store, not both.")]
Target = tuple[migrations.Schema, tuple[Migration, ...]]

app = typer.Typer(no_args_is_help=True, help="Move the schemas of PostgreSQL (migrations/) and ScyllaDB (cql/).")


@app.command()
def up(only: Only = None) -> None:
    """Apply what has not been applied yet."""
    with targets(only, alone=True) as found:
        for schema, files in found:
            migrations.up(schema, files, typer.echo)


@app.command()
def down(count: Annotated[int, typer.Argument(metavar="N", min=1)], only: Only = None) -> None:
    """Undo the last N migrations of each store."""
    with targets(only, alone=True) as found:
        for schema, files in found:
            migrations.down(schema, files, count, typer.echo)


@app.command()
def status(only: Only = None) -> None:
    """Show where each schema stands and what has not been applied."""
    with targets(only, alone=False) as found:
        for schema, files in found:
            for line in migrations.status(schema, files):
                typer.echo(line)


@app.command()
def force(version: Annotated[int, typer.Argument(metavar="V", min=0)], only: Only = None) -> None:
    """Note that a schema stands at version V (0: nothing applied) and is clean. Runs nothing."""
    with targets(only, alone=True) as found:
        meant = found if only else [(schema, files) for schema, files in found if schema.position().dirty]
        if len(meant) != 1:
            raise MigrationError("Say which schema is meant: --only postgres or --only scylla.")
        for schema, files in meant:
            migrations.force(schema, files, version, typer.echo)


@contextmanager
def targets(only: Store | None, *, alone: bool) -> Iterator[list[Target]]:
    """The schemas meant, each with its migrations; alone: nobody else moves a schema meanwhile."""
    current = settings.current()
    with ExitStack() as stack:
        postgres = stack.enter_context(migrations_postgres.connect(current.postgres_url))
        if alone:
            stack.enter_context(postgres.exclusive(typer.echo))
        found: list[Target] = []
        if only is not Store.SCYLLA:
            found.append((postgres, read_folder(ROOT / "migrations")))
        if only is not Store.POSTGRES:
            scylla = migrations_scylla.connect(
                current.contact_points, current.scylla_keyspace, current.scylla_replication
            )
            found.append((stack.enter_context(scylla), read_folder(ROOT / "cql")))
        yield found
