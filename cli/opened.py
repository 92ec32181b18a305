"""The stores, as a subcommand uses them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import settings
from cli.migrate import ROOT
from domain.errors import MigrationError
from stores import migrations_postgres
from stores.connections import Stores
from stores.migrations import Schema
from stores.migrations_files import read_folder


@contextmanager
def opened() -> Iterator[Stores]:
    """The stores of this process, each opened when it is first used. Raises SettingsError."""
    # Not at the top: `worker` reads the settings as it is imported, and --help needs none.
    from worker.addresses import addresses

    with closing(Stores(addresses(settings.current().postgres_url, consumer="cli"))) as stores:
        yield stores


@contextmanager
def migrated() -> Iterator[Stores]:
    """The same, once PostgreSQL has the tables of this release. Raises SettingsError, Away, MigrationError."""
    with migrations_postgres.connect(settings.current().postgres_url) as schema:
        check_schema(schema, "migrations")
    with opened() as stores:
        yield stores


def check_schema(schema: Schema, folder: str) -> None:
    """Raises MigrationError if a schema is dirty or older than this release."""
    position, newest = schema.position(), read_folder(ROOT / folder)[-1].version
    if position.dirty:
        raise MigrationError(f"A migration to version {position.version} failed; see `timingle migrate status`.")
    if position.version < newest:
        raise MigrationError(f"The schema is at version {position.version} of {newest}; run `timingle migrate up`.")
