"""Moves the schemas of PostgreSQL and ScyllaDB up and down, as golang-migrate does.

A schema's version and a dirty flag stand in its table schema_migrations. The flag is set before a file runs,
with the version that it leads to, and stays when the file fails: nothing runs until somebody has looked and
said with `force` where the schema stands. Runs exclude each other, and golang-migrate, by an advisory lock of
PostgreSQL.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from domain.errors import MigrationError
from stores.migrations_files import Migration

NOTHING: Final = 0
"""The version of a schema to which no migration has been applied."""

Say = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a schema stands. Dirty: a migration to this version began and did not end."""

    version: int
    dirty: bool


class Schema(Protocol):
    """A schema that can be moved."""

    name: str
    """As `--only` has it."""

    def position(self) -> Position:
        """Where the schema stands now."""
        ...

    def mark(self, position: Position) -> None:
        """Note where the schema stands."""
        ...

    def run(self, path: Path) -> None:
        """Run a file. MigrationError says at which statement it failed and what is left of it."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One file to run, and the version before and after it."""

    path: Path
    before: int
    after: int


def steps_up(migrations: Sequence[Migration], version: int) -> list[Step]:
    """Every migration above a version, lowest first."""
    return [
        Step(migration.up, before, migration.version)
        for before, migration in zip([NOTHING, *(m.version for m in migrations)], migrations, strict=False)
        if migration.version > version
    ]


def steps_down(migrations: Sequence[Migration], version: int, count: int) -> list[Step]:
    """The last `count` migrations up to a version, or as many as there are, highest first."""
    applied = [
        Step(migration.down, migration.version, after)
        for after, migration in zip([NOTHING, *(m.version for m in migrations)], migrations, strict=False)
        if migration.version <= version
    ]
    return applied[::-1][:count]


def up(schema: Schema, migrations: Sequence[Migration], say: Say) -> None:
    """Apply every migration that has not been applied yet."""
    move(schema, steps_up(migrations, clean_version(schema, migrations)), say)


def down(schema: Schema, migrations: Sequence[Migration], count: int, say: Say) -> None:
    """Undo the last `count` migrations, or as many as there are."""
    move(schema, steps_down(migrations, clean_version(schema, migrations), count), say)


def force(schema: Schema, migrations: Sequence[Migration], version: int, say: Say) -> None:
    """Note that the schema stands at a version and is clean. Runs nothing."""
    if version not in {NOTHING, *(migration.version for migration in migrations)}:
        raise MigrationError(f"{schema.name} has no migration {version}.")
    schema.mark(Position(version, dirty=False))
    say(f"{schema.name}: noted as version {version}, clean")


def status(schema: Schema, migrations: Sequence[Migration]) -> list[str]:
    """Where the schema stands, and a line for each migration that has not been applied."""
    position = schema.position()
    pending = steps_up(migrations, position.version)
    state = f"dirty: a migration to version {position.version} did not end" if position.dirty else "clean"
    return [
        f"{schema.name}: version {position.version}, {state}, {len(pending)} to apply",
        *(f"{schema.name}: to apply {step.path.name}" for step in pending),
    ]


def clean_version(schema: Schema, migrations: Sequence[Migration]) -> int:
    """The version to move on from. MigrationError if it is dirty, or not one of ours."""
    position = schema.position()
    if position.dirty:
        raise MigrationError(
            f"{schema.name} is dirty: a migration to version {position.version} began and did not end. Look at"
            " what it left, then say where the schema stands:"
            f" timingle migrate force VERSION --only {schema.name}"
        )
    newest = max((migration.version for migration in migrations), default=NOTHING)
    if position.version > newest:
        raise MigrationError(
            f"{schema.name} is at version {position.version} and this timingle knows {newest} at most:"
            " install the newer."
        )
    return position.version


def move(schema: Schema, steps: Sequence[Step], say: Say) -> None:
    """Run the steps in order; stop at the first that fails and leave the schema dirty."""
    if not steps:
        say(f"{schema.name}: nothing to do, version {schema.position().version}")
    for step in steps:
        began_s = time.monotonic()
        schema.mark(Position(step.after, dirty=True))
        try:
            schema.run(step.path)
        except MigrationError as error:
            raise MigrationError(
                f"{error} {schema.name} is marked dirty. When it stands at version {step.before} again:"
                f" timingle migrate force {step.before} --only {schema.name}"
            ) from error
        schema.mark(Position(step.after, dirty=False))
        say(f"{schema.name}: {step.path.name} ({(time.monotonic() - began_s) * 1000:.0f} ms)")
