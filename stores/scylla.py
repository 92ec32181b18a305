"""ScyllaDB: a session for tasks, and writing many rows at once.

LOCAL_QUORUM, 10 s, every statement prepared and marked idempotent: it is, and the driver retries no other kind.
Made after the fork: a session has threads and sockets, and neither survives one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, Generic, NamedTuple, TypeVar

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, ResponseFuture, Session
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType, BoundStatement, PreparedStatement, tuple_factory

from domain.entries import Placed
from domain.operations import Operation
from domain.plan import Refusal
from stores.binding import Prepared
from stores.errors import SCYLLA_AWAY, SCYLLA_WRONG, scylla_errors

DATACENTER: Final = "datacenter1"
REQUEST_S_MAX: Final = 10.0
RECONNECT_S: Final = 1.0
"""A store that is back is noticed within about this."""
BATCH_ROWS_MAX: Final = 80
"""The fastest of ten ways that `make bench` tries: twice the speed of 40 rows."""
BATCH_BYTES_MAX: Final = 100_000
"""ScyllaDB warns of a batch of 128 KiB and refuses one of 1 MiB; the local engine is set to the same."""
REQUESTS_UNDER_WAY: Final = 16
SELECT_GENERATION: Final = "SELECT gossip_generation FROM system.local"


Of = TypeVar("Of")
Of_co = TypeVar("Of_co", covariant=True)


class Write(NamedTuple, Generic[Of_co]):
    """A row to be written, and what it comes of: an operation, an entry of a history."""

    statement: BoundStatement
    of: Of_co


Rows = Iterable[tuple[str, tuple[object, ...]]]
"""Statements with their values."""
P = TypeVar("P", bound=Placed[Operation])
UNBINDABLE: Final = (OverflowError, TypeError, ValueError)
"""What `bind` raises for a value that no column of its type can hold; ValueError is also a lone surrogate's."""


def connect(contact_points: Sequence[tuple[str, int]], keyspace: str) -> Session:
    """A session as every process of ours uses it. Raises Away."""
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(DATACENTER)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=REQUEST_S_MAX,
        row_factory=tuple_factory,
    )
    cluster = Cluster(
        list(contact_points),
        port=contact_points[0][1],  # a node does not tell its port: the driver would take 9042 for those it discovers
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_S, max_attempts=None),
        protocol_version=4,
        compression=False,
    )
    with scylla_errors():
        try:
            return cluster.connect(keyspace)
        except BaseException:
            cluster.shutdown()
            raise


class Statements:
    """Prepares each statement once, when it is first used. Raises Away; Wrong if the schema is not what it expects."""

    def __init__(self, prepare: Callable[[str], PreparedStatement]) -> None:
        self._prepare = prepare
        self._prepared: dict[str, Prepared] = {}

    def __call__(self, cql: str) -> Prepared:
        prepared = self._prepared.get(cql)
        if prepared is None:
            with scylla_errors():
                statement = self._prepare(cql)
            statement.is_idempotent = True
            prepared = self._prepared[cql] = Prepared(statement)
        return prepared


class Scylla:
    """A session of one process."""

    def __init__(self, contact_points: Sequence[tuple[str, int]], keyspace: str) -> None:
        """Connect. Raises Away."""
        self._session = connect(contact_points, keyspace)
        self._cluster = self._session.cluster
        self.prepared = Statements(self._session.prepare)

    def close(self) -> None:
        """End the session."""
        self._cluster.shutdown()

    def read_many(self, cql: str, parameters: Iterable[Sequence[object]]) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of one statement for each of many parameters, in their order. Raises Away, Wrong."""
        with scylla_errors():
            for future in self._under_way(map(self.prepared(cql).bind, parameters)):
                yield list(future.result())

    def read_paged(self, cql: str, parameters: Sequence[object], page_rows: int) -> Iterator[tuple[Any, ...]]:
        """Rows of one statement, so many at a time in memory, the next ones fetched when they are asked for.

        Raises Away, Wrong.
        """
        with scylla_errors():
            bound = self.prepared(cql).bind(parameters)
            bound.fetch_size = page_rows
            yield from self._session.execute(bound)

    def write(self, writes: Iterable[Write[Placed[Operation]]]) -> list[Refusal]:
        """Write the rows of operations; the operations that the store refuses. Raises Away: then any may be stored."""
        return [Refusal(write.of, "wrong", code) for write, code in self.write_rows(writes)]

    def write_rows(self, writes: Iterable[Write[Of]]) -> list[tuple[Write[Of], str]]:
        """Write rows in unlogged batches; those that the store refuses, and why. Raises Away: then any may be stored.

        A batch that is refused is written again row by row, so that one bad row does not sink its neighbours.
        """
        batches = list(self._batches(writes))
        refused: list[tuple[Write[Of], str]] = []
        with scylla_errors():
            alone = [writes for writes, error in self._run(batches, batch_of) if error]
            for (write,), error in self._run(
                [[write] for write in chain.from_iterable(alone)], lambda w: w[0].statement
            ):
                if error:
                    refused.append((write, type(error).__name__))
        return refused

    def bind(self, operations: Iterable[P], rows_of: Callable[[P], Rows]) -> tuple[list[Write[P]], list[Refusal]]:
        """The rows of each operation, all of them or, where one of its values fits no column, none.

        Raises Wrong if a statement does not fit the schema: that is no fault of an operation.
        """
        writes: list[Write[P]] = []
        refused: list[Refusal] = []
        for placed in operations:
            try:
                bound = [Write(self.prepared(cql).bind(values), placed) for cql, values in rows_of(placed)]
            except UNBINDABLE as error:
                refused.append(Refusal(placed, "wrong", type(error).__name__))
            else:
                writes += bound
        return writes, refused

    def generations(self) -> str:
        """Every node with its generation, which changes when it restarts; "" if one of them does not answer."""
        found = []
        for host in self._cluster.metadata.all_hosts():
            try:
                row = self._session.execute(SELECT_GENERATION, host=host, timeout=2.0).one()
            except (*SCYLLA_AWAY, NoHostAvailable):
                return ""
            found.append(f"{host.host_id}:{row[0]}")
        return ",".join(sorted(found))

    def _run(
        self, groups: Sequence[list[Write[Of]]], statement_of: Callable[[list[Write[Of]]], Any]
    ) -> Iterator[tuple[list[Write[Of]], Exception | None]]:
        """Run one statement a group, several under way; each with the store's refusal, if it refused."""
        for group, future in zip(groups, self._under_way(map(statement_of, groups)), strict=True):
            try:
                future.result()
            except SCYLLA_WRONG as error:
                yield group, error
            else:
                yield group, None

    def _under_way(self, statements: Iterable[Any]) -> Iterator[ResponseFuture]:
        """Each statement's answer to come, in their order, the next ones sent meanwhile.

        Not `execute_concurrent`: what that sends has no time-out, and a node that hangs held a drain for 85 s.
        """
        sent: deque[ResponseFuture] = deque()
        for statement in statements:
            sent.append(self._session.execute_async(statement))
            if len(sent) >= REQUESTS_UNDER_WAY:
                yield sent.popleft()
        yield from sent

    def _batches(self, writes: Iterable[Write[Of]]) -> Iterator[list[Write[Of]]]:
        """Rows whose replicas are the same, up to BATCH_ROWS_MAX and BATCH_BYTES_MAX together."""
        filling: dict[object, tuple[list[Write[Of]], int]] = {}
        one_node = len(self._cluster.metadata.all_hosts()) == 1
        for write in writes:
            place = None if one_node else self._replicas(write.statement)
            size = sum([len(value) for value in write.statement.values if isinstance(value, bytes)])
            batch, batch_size = filling.get(place, ([], 0))
            if batch and (len(batch) >= BATCH_ROWS_MAX or batch_size + size > BATCH_BYTES_MAX):
                yield batch
                batch, batch_size = [], 0
            batch.append(write)
            filling[place] = (batch, batch_size + size)
        yield from (batch for batch, _ in filling.values())

    def _replicas(self, statement: BoundStatement) -> object:
        """What rows must share to go in one batch. Under tablets the driver cannot tell replicas: the partition."""
        metadata = self._cluster.metadata
        keyspace = self._session.keyspace
        if metadata._tablets.table_has_tablets(keyspace, statement.prepared_statement.column_metadata[0].table_name):
            return statement.routing_key
        return tuple(sorted(str(host.host_id) for host in metadata.get_replicas(keyspace, statement.routing_key)))


def batch_of(writes: list[Write[Of]]) -> BatchStatement | BoundStatement:
    """Many rows as one unlogged batch: each has its own timestamp, and none needs the others."""
    if len(writes) == 1:
        return writes[0].statement
    batch = BatchStatement(BatchType.UNLOGGED)
    batch.is_idempotent = True
    for write in writes:
        batch.add(write.statement)
    return batch
