"""PostgreSQL: schema_migrations and whatever a migration touches. Does what golang-migrate's driver does.

Its table, its lock and its way to run a file: all statements in one simple query, which PostgreSQL runs as
one transaction. So nothing of a file that failed is left (source: golang-migrate v4.20,
database/postgres/postgres.go and database/util.go).
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, LiteralString

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from domain.errors import Away, MigrationError
from stores.migrations import NOTHING, Position, Say
from stores.migrations_files import split

CONNECT_TIMEOUT_S: Final = 10
# A statement that waits for a lock holds up all that come after it for that table: rather fail, be run again.
LOCK_TIMEOUT_S: Final = 4
# An index over a million rows takes seconds; what takes longer than this wants a plan, not a migration.
STATEMENT_TIMEOUT_S: Final = 60
# Longer than any run of migrations; then somebody should look at who holds the lock.
EXCLUSIVE_WAIT_S_MAX: Final = 600

LOCK_ID_SALT: Final = 1486364155
NIL_VERSION: Final = -1
"""golang-migrate's word for no migration at all."""

FIND_SCHEMA_AND_DATABASE: Final[LiteralString] = "SELECT current_schema(), current_database()"
TRY_LOCK: Final[LiteralString] = "SELECT pg_try_advisory_lock(%s)"
WAIT_FOR_LOCK: Final[LiteralString] = "SELECT pg_advisory_lock(%s)"
UNLOCK: Final[LiteralString] = "SELECT pg_advisory_unlock(%s)"
SET_TIMEOUTS: Final[LiteralString] = (
    "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)"
)
CREATE_VERSION_TABLE: Final[LiteralString] = (
    "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, dirty BOOLEAN NOT NULL)"
)
FIND_VERSION_TABLE: Final[LiteralString] = "SELECT to_regclass('schema_migrations') IS NOT NULL"
SELECT_VERSION: Final[LiteralString] = "SELECT version, dirty FROM schema_migrations LIMIT 1"
TRUNCATE_VERSION: Final[LiteralString] = "TRUNCATE schema_migrations"
INSERT_VERSION: Final[LiteralString] = "INSERT INTO schema_migrations (version, dirty) VALUES (%s, %s)"


def lock_id(schema: str, database: str) -> int:
    """The advisory lock of golang-migrate, which names a database by the path of its URL, slash and all."""
    names = f"{schema}\0schema_migrations\0/{database}".encode()
    return zlib.crc32(names) * LOCK_ID_SALT % 2**32


class PostgresSchema:
    """The schema of a PostgreSQL database."""

    name = "postgres"

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    @contextmanager
    def exclusive(self, say: Say) -> Iterator[None]:
        """Nobody else migrates meanwhile, be it by golang-migrate. Waits EXCLUSIVE_WAIT_S_MAX at most."""
        schema, database = fetch_row(self._connection, FIND_SCHEMA_AND_DATABASE)
        lock = [lock_id(str(schema), str(database))]
        if fetch_row(self._connection, TRY_LOCK, lock) == (False,):
            say("another migration is running: waiting until it ends")
            self._set_timeouts(lock_s=EXCLUSIVE_WAIT_S_MAX, statement_s=0)
            try:
                self._connection.execute(WAIT_FOR_LOCK, lock)
            except psycopg.errors.LockNotAvailable as error:
                raise MigrationError(
                    f"Another migration has been running for {EXCLUSIVE_WAIT_S_MAX} s: pg_locks says whose."
                ) from error
        self._set_timeouts(lock_s=LOCK_TIMEOUT_S, statement_s=STATEMENT_TIMEOUT_S)
        try:
            yield
        finally:
            if not self._connection.broken:  # the lock of a broken connection went with it
                self._connection.execute(UNLOCK, lock)

    def _set_timeouts(self, lock_s: int, statement_s: int) -> None:
        self._connection.execute(SET_TIMEOUTS, [f"{lock_s}s", f"{statement_s}s"])

    def position(self) -> Position:
        """Where the schema stands. A database that never met a migration stands at NOTHING."""
        if fetch_row(self._connection, FIND_VERSION_TABLE) == (False,):
            return Position(NOTHING, dirty=False)
        row = self._connection.execute(SELECT_VERSION).fetchone()
        version, dirty = row or (NIL_VERSION, False)
        return Position(max(version, NOTHING), dirty)

    def mark(self, position: Position) -> None:
        """Note where the schema stands, as golang-migrate does."""
        with self._connection.transaction():
            if fetch_row(self._connection, FIND_VERSION_TABLE) == (False,):
                self._connection.execute(CREATE_VERSION_TABLE)
            self._connection.execute(TRUNCATE_VERSION)
            if position != Position(NOTHING, dirty=False):
                self._connection.execute(INSERT_VERSION, [position.version or NIL_VERSION, position.dirty])

    def run(self, path: Path) -> None:
        """Run a file as one simple query, so as one transaction."""
        text = path.read_text("utf-8")
        pgconn = self._connection.pgconn
        pgconn.send_query(text.encode())
        done = 0
        failed: PGresult | None = None
        while result := pgconn.get_result():
            if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
                done += 1
            elif result.status != ExecStatus.EMPTY_QUERY:
                failed = result
        if failed:
            raise MigrationError(
                f"{path.parent.name}/{path.name}, {describe(failed, text, done)} Nothing of it is left."
            )


def describe(failed: PGresult, text: str, done: int) -> str:
    """Which statement failed, at which line of the file, and why; `done` statements had been run before."""

    def field(of: DiagnosticField) -> str:
        return (failed.error_field(of) or b"").decode()

    statements = split(text)
    place = field(DiagnosticField.STATEMENT_POSITION)
    if place:
        at = int(place) - 1
        line = text.count("\n", 0, at) + 1
        where = f"statement {sum(statement.begin <= at for statement in statements)} (line {line})"
    else:
        where = f"statement {done + 1} (line {statements[done].line})"
    cause = field(DiagnosticField.MESSAGE_PRIMARY) or failed.error_message.decode().strip()
    return f"{where}: {cause} ({field(DiagnosticField.SQLSTATE) or 'no SQLSTATE'})."


def fetch_row(
    connection: psycopg.Connection, query: LiteralString, parameters: list[int] | None = None
) -> tuple[object, ...]:
    """The one row that a query always has."""
    row: tuple[object, ...] | None = connection.execute(query, parameters).fetchone()
    return row or ()


@contextmanager
def connect(url: str) -> Iterator[PostgresSchema]:
    """The schema behind a URL. Away if PostgreSQL does not answer, MigrationError if it refuses."""
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="timingle migrate"
        ) as connection:
            yield PostgresSchema(connection)
    except psycopg.OperationalError as error:
        raise Away("PostgreSQL", " ".join(str(error).split())) from error
    except psycopg.Error as error:
        raise MigrationError(f"PostgreSQL refuses: {error.diag.message_primary} ({error.sqlstate}).") from error
