"""ScyllaDB (or Cassandra): schema_migrations and whatever a migration touches.

The table is the one that golang-migrate's Cassandra driver keeps. DDL has no transaction here: a file runs
statement by statement, and what ran before one that failed stays. PostgreSQL's lock excludes another run.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cassandra import ConsistencyLevel, DriverException, InvalidRequest, OperationTimedOut, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import DCAwareRoundRobinPolicy
from cassandra.protocol import ErrorMessage
from cassandra.query import BatchStatement, tuple_factory

from domain.errors import Away, MigrationError
from stores.migrations import NOTHING, Position
from stores.migrations_files import split
from stores.scylla import DATACENTER

# A CREATE TABLE on a busy node takes seconds; after this somebody should look.
REQUEST_TIMEOUT_S: Final = 60.0
# How long the nodes of a cluster may take to agree on a changed schema.
SCHEMA_AGREEMENT_S_MAX: Final = 60.0

NO_ANSWER: Final = (NoHostAvailable, OperationTimedOut, RequestExecutionException)
REFUSED: Final = (DriverException, ErrorMessage)

NIL_VERSION: Final = -1
"""golang-migrate's word for no migration at all."""

FIND_VERSION_TABLE: Final = (
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s AND table_name = 'schema_migrations'"
)
CREATE_KEYSPACE: Final = (
    "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
    "{{'class': 'NetworkTopologyStrategy', '{datacenter}': {replication}}} AND durable_writes = true"
)
# A word that Cassandra's parser refuses. Said aloud, because no ALTER KEYSPACE can change it later.
ON_SCYLLADB: Final = " AND tablets = {'enabled': true}"
SELECT_SCYLLADB: Final = "SELECT table_name FROM system_schema.scylla_tables LIMIT 1"
CREATE_VERSION_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS {keyspace}.schema_migrations (version BIGINT PRIMARY KEY, dirty BOOLEAN)"
)
SELECT_VERSION: Final = "SELECT version, dirty FROM {keyspace}.schema_migrations"
DELETE_VERSION: Final = "DELETE FROM {keyspace}.schema_migrations WHERE version = %s"
INSERT_VERSION: Final = "INSERT INTO {keyspace}.schema_migrations (version, dirty) VALUES (%s, %s)"


class ScyllaSchema:
    """The schema of a keyspace."""

    name = "scylla"

    def __init__(self, session: Session, keyspace: str, replication: int) -> None:
        self._session, self._keyspace, self._replication = session, keyspace, replication

    def position(self) -> Position:
        """Where the schema stands. A keyspace that is not there yet stands at NOTHING."""
        if not self._has_version_table():
            return Position(NOTHING, dirty=False)
        version, dirty = self._session.execute(self._in_keyspace(SELECT_VERSION)).one() or (NIL_VERSION, False)
        return Position(max(version, NOTHING), dirty)

    def mark(self, position: Position) -> None:
        """Note where the schema stands, all or nothing; makes keyspace and table if they are not there."""
        self._create_keyspace()
        batch = BatchStatement()
        version = position.version or NIL_VERSION
        for (old,) in {row[:1] for row in self._session.execute(self._in_keyspace(SELECT_VERSION))} - {(version,)}:
            batch.add(self._in_keyspace(DELETE_VERSION), [old])
        if position == Position(NOTHING, dirty=False):
            batch.add(self._in_keyspace(DELETE_VERSION), [version])
        else:
            batch.add(self._in_keyspace(INSERT_VERSION), [version, position.dirty])
        self._session.execute(batch)

    def run(self, path: Path) -> None:
        """Run a file statement by statement; each waits until all nodes agree on the schema."""
        self._session.set_keyspace(self._keyspace)
        statements = split(path.read_text("utf-8"))
        for statement in statements:
            try:
                self._execute_ddl(statement.text)
            except (*NO_ANSWER, *REFUSED, MigrationError) as error:
                raise MigrationError(
                    f"{path.parent.name}/{path.name}, statement {statement.number} (line {statement.line}):"
                    f" {describe(error)}. The {statement.number - 1} before it stay done."
                ) from error

    def _execute_ddl(self, query: str) -> None:
        result = self._session.execute(query)
        if not result.response_future.is_schema_agreed:
            raise MigrationError(f"the nodes did not agree on the schema in {SCHEMA_AGREEMENT_S_MAX:.0f} s")

    def _create_keyspace(self) -> None:
        if not self._has_version_table():
            query = CREATE_KEYSPACE.format(
                keyspace=self._keyspace, datacenter=DATACENTER, replication=self._replication
            )
            self._execute_ddl(query + (ON_SCYLLADB if self._is_scylladb() else ""))
            self._execute_ddl(self._in_keyspace(CREATE_VERSION_TABLE))

    def _has_version_table(self) -> bool:
        return self._session.execute(FIND_VERSION_TABLE, [self._keyspace]).one() is not None

    def _is_scylladb(self) -> bool:
        try:
            self._session.execute(SELECT_SCYLLADB)
        except InvalidRequest:  # Cassandra has no such table
            return False
        return True

    def _in_keyspace(self, query: str) -> str:
        return query.format(keyspace=self._keyspace)


def describe(error: Exception) -> str:
    """What the engine said, or that it said nothing."""
    if isinstance(error, NO_ANSWER):
        return f"no answer ({type(error).__name__}); it may have been done all the same"
    return str(error)


@contextmanager
def connect(points: Sequence[tuple[str, int]], keyspace: str, replication: int) -> Iterator[ScyllaSchema]:
    """The schema of a keyspace. Away if no node answers, MigrationError if it refuses."""
    profile = ExecutionProfile(
        load_balancing_policy=DCAwareRoundRobinPolicy(local_dc=DATACENTER),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=REQUEST_TIMEOUT_S,
        row_factory=tuple_factory,
    )
    cluster = Cluster(
        contact_points=points,
        port=points[0][1],  # a node does not tell its own port, and the driver would guess 9042
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        max_schema_agreement_wait=SCHEMA_AGREEMENT_S_MAX,
        protocol_version=4,
    )
    try:
        yield ScyllaSchema(cluster.connect(), keyspace, replication)
    except NO_ANSWER as error:
        asked = ", ".join(f"{host}:{port}" for host, port in points)
        raise Away("ScyllaDB", f"{type(error).__name__}, asked {asked}") from error
    except REFUSED as error:
        raise MigrationError(f"ScyllaDB refuses: {error}") from error
    finally:
        cluster.shutdown()
