"""What the drivers raise, as ours. One table a driver; a test walks each driver's own exceptions against it.

*Away*: the store did not answer, try again. *Wrong*: it refuses these very values. What stands in no table is a
mistake of ours and goes through as it is. The drivers' texts quote values, so they go no further (P11): a code is a
class's name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import cassandra
import cassandra.cluster
import cassandra.connection
import cassandra.pool
import cassandra.protocol
import obstore.exceptions
import psycopg
import redis

from domain.errors import Away, JournalFull, Wrong

POSTGRES_AWAY: Final = (
    psycopg.OperationalError,  # the pool's errors too
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby, before it has taken over
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
)
POSTGRES_WRONG: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # longer than an index can hold
)
UNIQUE_VIOLATION: Final = "23505"
"""The code of a Wrong by which somebody else has the value already."""

SCYLLA_AWAY: Final = (
    cassandra.DriverException,  # time-outs, unavailable, failures of replicas, over rate, shutdown
    cassandra.cluster.NoHostAvailable,
    cassandra.connection.ConnectionBusy,
    cassandra.connection.ConnectionException,
    cassandra.pool.NoConnectionsAvailable,
    cassandra.protocol.RequestExecutionException,  # overloaded, bootstrapping: what the driver leaves as it came
    cassandra.protocol.ServerError,
)
SCYLLA_WRONG: Final = (cassandra.InvalidRequest, cassandra.protocol.SyntaxException)

REDIS_AWAY: Final = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterDownError,  # MASTERDOWN too: a replica that has lost its master
    redis.exceptions.InvalidResponse,
    OSError,
)
REDIS_AWAY_REPLIES: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ")
"""A function that runs too long, a disk that cannot be written, too few replicas: for these redis-py has no class."""

# Whatever ails it is nothing that a file has: also a wrong key, a missing bucket, a full disk.
OBJECT_STORE_AWAY: Final = (obstore.exceptions.BaseError, OSError)


@contextmanager
def postgres_errors() -> Iterator[None]:
    """Run statements of PostgreSQL; raises Away or Wrong. A code is a SQLSTATE where the server gave one."""
    try:
        yield
    except POSTGRES_WRONG as error:
        raise Wrong("PostgreSQL", error.sqlstate or type(error).__name__) from None
    except POSTGRES_AWAY as error:
        raise Away("PostgreSQL", getattr(error, "sqlstate", None) or type(error).__name__) from None


@contextmanager
def scylla_errors() -> Iterator[None]:
    """Run statements of ScyllaDB; raises Away or Wrong."""
    try:
        yield
    except SCYLLA_WRONG as error:
        raise Wrong("ScyllaDB", type(error).__name__) from None
    except SCYLLA_AWAY as error:
        raise Away("ScyllaDB", type(error).__name__) from None


@contextmanager
def redis_errors() -> Iterator[None]:
    """Run commands of the journal's Redis; raises Away, or JournalFull at its memory limit."""
    try:
        yield
    except redis.exceptions.OutOfMemoryError:
        raise JournalFull("the journal", "full", retry_after_s=5) from None
    except REDIS_AWAY as error:
        raise Away("the journal", type(error).__name__) from None
    except redis.exceptions.ResponseError as error:
        if not str(error).startswith(REDIS_AWAY_REPLIES):
            raise
        raise Away("the journal", str(error).partition(" ")[0]) from None


@contextmanager
def object_store_errors() -> Iterator[None]:
    """Use the object store; raises Away."""
    try:
        yield
    except OBJECT_STORE_AWAY as error:
        raise Away("the object store", type(error).__name__) from None
