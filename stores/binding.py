"""Values of a prepared statement as CQL's bytes, by packers that are chosen once a statement.

The driver's `bind` looks for each value's type anew in every row: that was two thirds of a drain's own CPU time.
Formats: CQL native protocol v4, section 6 (github.com/apache/cassandra, doc/native_protocol_v4.spec).
"""

import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from cassandra import cqltypes
from cassandra.query import UNSET_VALUE, BoundStatement, PreparedStatement

PROTOCOL: Final = 4
Packer = Callable[[Any], bytes]
_long: Final = struct.Struct(">q").pack
_int: Final = struct.Struct(">i").pack
_EMPTY: Final = _int(0)


def _uuid(value: Any) -> bytes:
    packed: bytes = value.bytes
    return packed


def _timestamp(value: Any) -> bytes:
    """Milliseconds since 1970, or a datetime."""
    return _long(value) if isinstance(value, int) else _date(value)


def _texts(values: Any) -> bytes:
    encoded = [value.encode() for value in values]
    return b"".join([_int(len(one)) + one for one in encoded])


def _list(values: Any) -> bytes:
    return _int(len(values)) + _texts(values) if values else _EMPTY


def _map(pairs: Any) -> bytes:
    return _int(len(pairs)) + _texts([text for pair in pairs.items() for text in pair]) if pairs else _EMPTY


def _by_driver(column_type: "type[cqltypes._CassandraType]") -> Packer:
    return partial(column_type.serialize, protocol_version=PROTOCOL)


_date: Final = _by_driver(cqltypes.DateType)
PACKERS: Final[dict[str, Packer]] = {
    "bigint": _long,
    "int": _int,
    "timestamp": _timestamp,
    "uuid": _uuid,
    "varchar": str.encode,
    "list<varchar>": _list,
    "map<varchar, varchar>": _map,
}
"""What the rows of a message are made of. A type that is not here is packed by the driver."""


class Prepared:
    """A prepared statement that binds by position."""

    def __init__(self, statement: PreparedStatement) -> None:
        self.statement = statement
        types = [column.type for column in statement.column_metadata or ()]
        self._packers = [PACKERS.get(one.cql_parameterized_type()) or _by_driver(one) for one in types]

    def bind(self, values: Sequence[object]) -> BoundStatement:
        """The statement with a value for each of its places; UNSET_VALUE leaves a cell as it is.

        Raises OverflowError, TypeError, ValueError for what no column of its type holds.
        """
        bound = BoundStatement(self.statement)
        try:
            bound.values = [
                value if value is None or value is UNSET_VALUE else pack(value)
                for pack, value in zip(self._packers, values, strict=True)
            ]
        except struct.error as error:
            raise OverflowError(str(error)) from None
        return bound
