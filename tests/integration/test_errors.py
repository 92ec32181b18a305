"""What a driver raises is away, wrong, or on a list of what is a mistake of ours. Its text goes no further (P11)."""

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Final

import cassandra
import cassandra.cluster
import cassandra.connection
import cassandra.pool
import cassandra.protocol
import cassandra.query
import obstore.exceptions
import psycopg
import psycopg.errors
import psycopg_pool
import pytest
import redis
from redis import exceptions as of_redis

from domain.errors import Away, JournalFull, Wrong
from local.stack import Stack
from stores import errors, scylla

NO_CLUSTER: Final = "a journal is one Redis, no Redis Cluster"
NOT_USED: Final = "of a part of the driver that we do not use"
INTERNAL: Final = "raised and caught inside the driver"
OUR_STATEMENT: Final = "a statement of ours is wrong, or the schema is not the one it was written for"

Reasons = Mapping[type[BaseException], str]
POSTGRES_OURS: Final[Reasons] = {
    psycopg.Error: "the base; raised as one of its subclasses",
    psycopg.DatabaseError: "a SQLSTATE of a class that no driver knows",
    psycopg.ProgrammingError: OUR_STATEMENT,
    psycopg.NotSupportedError: OUR_STATEMENT,
    psycopg.InternalError: "a transaction in a state that our code must not lead it to, or a broken database",
    psycopg.Warning: NOT_USED,
    psycopg.Rollback: "raised by us to leave a transaction; the driver catches it",
    **dict.fromkeys(
        [
            psycopg.errors.NoData,
            psycopg.errors.NoAdditionalDynamicResultSetsReturned,
            psycopg.errors.SqlStatementNotYetComplete,
            psycopg.errors.TriggeredActionException,
            psycopg.errors.InvalidTransactionInitiation,
            psycopg.errors.LocatorException,
            psycopg.errors.InvalidLocatorSpecification,
            psycopg.errors.InvalidGrantor,
            psycopg.errors.InvalidGrantOperation,
            psycopg.errors.InvalidRoleSpecification,
            psycopg.errors.DiagnosticsException,
            psycopg.errors.StackedDiagnosticsAccessedWithoutActiveHandler,
            psycopg.errors.SnapshotTooOld,
        ],
        OUR_STATEMENT,
    ),
}
SCYLLA_OURS: Final[Reasons] = {
    cassandra.DependencyException: "raised while the driver is imported",
    cassandra.cluster.UserTypeDoesNotExist: NOT_USED,
    cassandra.cluster.QueryExhausted: NOT_USED,
    cassandra.query.TraceUnavailable: NOT_USED,
    cassandra.connection.ProtocolError: INTERNAL,
    cassandra.connection.CrcException: INTERNAL,
    cassandra.protocol.InternalError: INTERNAL,
    cassandra.protocol.NotSupportedError: "the protocol's version cannot do what we ask for",
    cassandra.protocol.ErrorMessage: "the base; raised as one of its subclasses",
    cassandra.protocol.ErrorMessageSub: "the base; raised as one of its subclasses",
    cassandra.protocol.RequestValidationException: "the base; raised as one of its subclasses",
    cassandra.protocol.ProtocolException: "what the driver sent is not understood",
    cassandra.protocol.BadCredentials: INTERNAL,
    cassandra.protocol.PreparedQueryNotFound: INTERNAL,
    cassandra.protocol.ConfigurationException: "of DDL, which only migrations speak",
}
REDIS_OURS: Final[Reasons] = {
    of_redis.RedisError: "the base; raised as one of its subclasses",
    of_redis.ResponseError: "a command or a function of ours is wrong; REDIS_AWAY_REPLIES names those that are not",
    of_redis.DataError: "a value of a type that no command takes",
    of_redis.NoPermissionError: "the journal's user may not do what we ask for",
    of_redis.AuthenticationWrongNumberOfArgsError: "the journal's URL names no user or too many",
    **dict.fromkeys(
        [of_redis.ClusterError, of_redis.RedisClusterException, of_redis.AskError, of_redis.ClusterCrossSlotError],
        NO_CLUSTER,
    ),
    **dict.fromkeys(
        [
            of_redis.ChildDeadlockedError,
            of_redis.ExecAbortError,
            of_redis.IncorrectPolicyType,
            of_redis.LockError,
            of_redis.ModuleError,
            of_redis.NoScriptError,
            of_redis.NoSuchFieldsetError,
            of_redis.PubSubError,
            of_redis.WatchError,
        ],
        NOT_USED,
    ),
}
FAMILIES: Final = {
    psycopg.ProgrammingError,
    psycopg.NotSupportedError,
    psycopg.InternalError,
    of_redis.RedisClusterException,
    of_redis.LockError,
    of_redis.AskError,
}
"""Of these the reason holds for every class below them too."""


def exceptions_of(*modules: ModuleType) -> Iterator[type[BaseException]]:
    """The exceptions that a driver's modules name and that are its own."""
    drivers = {module.__name__.partition(".")[0] for module in modules}
    found = {
        member
        for module in modules
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, BaseException) and member.__module__.partition(".")[0] in drivers
    }
    yield from sorted(found, key=lambda error: (error.__module__, error.__name__))


def is_ours(error: type[BaseException], ours: Reasons) -> bool:
    return error in ours or any(issubclass(error, family) for family in FAMILIES & ours.keys())


def is_translated(error: type[BaseException]) -> bool:
    """The driver itself raises another class in its place."""
    translation = getattr(error, "to_exception", None)
    return translation not in (None, cassandra.protocol.ErrorMessage.to_exception)


DRIVERS: Final = [
    ((psycopg, psycopg.errors, psycopg_pool), (*errors.POSTGRES_AWAY, *errors.POSTGRES_WRONG), POSTGRES_OURS, 250),
    (
        (cassandra, cassandra.cluster, cassandra.connection, cassandra.pool, cassandra.protocol, cassandra.query),
        (*errors.SCYLLA_AWAY, *errors.SCYLLA_WRONG),
        SCYLLA_OURS,
        60,
    ),
    ((of_redis,), (*errors.REDIS_AWAY, of_redis.OutOfMemoryError), REDIS_OURS, 35),
    ((obstore.exceptions,), errors.OBJECT_STORE_AWAY, {}, 12),
]


@pytest.mark.parametrize(
    ("modules", "table", "ours", "at_least"), DRIVERS, ids=["psycopg", "cassandra", "redis", "obstore"]
)
def test_every_exception_of_a_driver_is_away_or_wrong_or_known_to_be_a_mistake_of_ours(
    modules: tuple[ModuleType, ...],
    table: tuple[type[BaseException], ...],
    ours: Reasons,
    at_least: int,
) -> None:
    walked = list(exceptions_of(*modules))
    assert len(walked) >= at_least
    neither = [
        f"{error.__module__}.{error.__name__}"
        for error in walked
        if not issubclass(error, table) and not is_ours(error, ours) and not is_translated(error)
    ]
    assert neither == []
    assert [error for error in ours if issubclass(error, table)] == [], "listed as ours, but the tables catch it"


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (psycopg.errors.UniqueViolation, Wrong),
        (psycopg.errors.CheckViolation, Wrong),
        (psycopg.errors.NumericValueOutOfRange, Wrong),
        (psycopg.errors.ProgramLimitExceeded, Wrong),
        (psycopg.errors.QueryCanceled, Away),
        (psycopg.errors.LockNotAvailable, Away),
        (psycopg.errors.AdminShutdown, Away),
        (psycopg.errors.DiskFull, Away),
        (psycopg.errors.TooManyConnections, Away),
        (psycopg.errors.DeadlockDetected, Away),
        (psycopg.errors.ReadOnlySqlTransaction, Away),
        (psycopg.OperationalError, Away),
        (psycopg_pool.PoolTimeout, Away),
    ],
)
def test_what_postgres_says_is_away_or_wrong(error: type[psycopg.Error], ours: type[Away | Wrong]) -> None:
    with pytest.raises((Away, Wrong)) as raised, errors.postgres_errors():
        raise error("canary")
    assert type(raised.value) is ours
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.code == (error.sqlstate or error.__name__)


def test_a_mistake_of_ours_goes_through_as_it_is() -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), errors.postgres_errors():
        raise psycopg.errors.UndefinedTable
    with pytest.raises(cassandra.cluster.QueryExhausted), errors.scylla_errors():
        raise cassandra.cluster.QueryExhausted
    with pytest.raises(of_redis.ResponseError, match="unknown command"), errors.redis_errors():
        raise of_redis.ResponseError("unknown command")


def test_a_postgres_that_is_not_there_is_away() -> None:
    with pytest.raises(Away, match="PostgreSQL"), errors.postgres_errors():
        psycopg.connect("postgresql://timingle:canary@127.0.0.1:1/timingle", connect_timeout=2)


def test_a_postgres_statement_that_takes_too_long_is_away(stack: Stack) -> None:
    with psycopg.connect(stack.env["TIMINGLE_POSTGRES_URL"]) as connection:
        connection.execute("SET statement_timeout = '50ms'")
        with pytest.raises(Away, match="57014"), errors.postgres_errors():
            connection.execute("SELECT pg_sleep(5)")


def test_a_postgres_that_takes_no_writes_is_away(stack: Stack) -> None:
    with psycopg.connect(stack.env["TIMINGLE_POSTGRES_URL"]) as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(Away, match="25006"), errors.postgres_errors():
            connection.execute("UPDATE journals SET clock = clock")


@pytest.mark.parametrize(("value", "code"), [("a\0b", "DataError"), ("x" * 20, "22001")])
def test_a_value_that_postgres_cannot_hold_is_wrong_and_not_quoted(stack: Stack, value: str, code: str) -> None:
    with psycopg.connect(stack.env["TIMINGLE_POSTGRES_URL"]) as connection:
        connection.execute("CREATE TEMPORARY TABLE short (text VARCHAR(10))")
        with pytest.raises(Wrong) as raised, errors.postgres_errors():
            connection.execute("INSERT INTO short VALUES (%s)", (value,))
    assert (raised.value.code, value in str(raised.value)) == (code, False)


def test_a_value_too_long_for_an_index_is_wrong_and_not_tried_for_ever(stack: Stack) -> None:
    with psycopg.connect(stack.env["TIMINGLE_POSTGRES_URL"]) as connection:
        connection.execute("CREATE TEMPORARY TABLE indexed (text TEXT UNIQUE)")
        with pytest.raises(Wrong, match="54000"), errors.postgres_errors():
            connection.execute("INSERT INTO indexed SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) n")


def test_a_scylla_that_is_not_there_is_away() -> None:
    with pytest.raises(Away, match=r"ScyllaDB did not answer \(NoHostAvailable\)"):
        scylla.connect([("127.0.0.1", 1)], "timingle")


def test_what_scylla_cannot_hold_is_wrong_and_what_takes_too_long_is_away(stack: Stack) -> None:
    host, _, port = stack.env["TIMINGLE_SCYLLA_CONTACT_POINTS"].rpartition(":")
    session = scylla.connect([(host, int(port))], stack.env.get("TIMINGLE_SCYLLA_KEYSPACE", "timingle"))
    try:
        with pytest.raises(Wrong) as raised, errors.scylla_errors():
            session.execute("INSERT INTO event_heads (event_id, last_seq) VALUES (1, 'canary')")
        assert (raised.value.code, "canary" in str(raised.value)) == ("InvalidRequest", False)
        with pytest.raises(Wrong, match="SyntaxException"), errors.scylla_errors():
            session.execute("INSRT INTO event_heads (event_id) VALUES (1)")
        with pytest.raises(Away, match="OperationTimedOut"), errors.scylla_errors():
            session.execute("SELECT * FROM event_heads", timeout=0.000_001)
    finally:
        session.cluster.shutdown()


def test_a_redis_that_is_not_there_is_away() -> None:
    with pytest.raises(Away, match="ConnectionError"), errors.redis_errors():
        redis.Redis(port=1).ping()


def test_a_full_journal_is_full_and_not_merely_away() -> None:
    with pytest.raises(JournalFull) as raised, errors.redis_errors():
        raise of_redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
    assert raised.value.retry_after_s >= 1


def test_a_redis_with_too_few_replicas_is_away(stack: Stack) -> None:
    with redis.Redis.from_url(stack.env["TIMINGLE_BROKER_URL"]) as client:
        client.config_set("min-replicas-to-write", 1)
        try:
            with pytest.raises(Away, match=r"\(NOREPLICAS\)"), errors.redis_errors():
                client.set("test:errors", "canary")
        finally:
            client.config_set("min-replicas-to-write", 0)
