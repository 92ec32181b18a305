"""ScyllaDB system_schema.tables, PostgreSQL events: how many files time windows may have left (TWCS).

Time-window compaction without a TTL keeps a file a window for ever. CQL tells no number of files on either engine, so
the windows are counted in which messages may have been said: since the first event was made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg_pool import ConnectionPool

from stores.errors import postgres_errors
from stores.scylla import Scylla

SELECT_COMPACTION: Final = "SELECT table_name, compaction FROM system_schema.tables WHERE keyspace_name = ?"
SELECT_FIRST_EVENT: Final = "SELECT created_at FROM events ORDER BY id LIMIT 1"
STRATEGY: Final = "TimeWindowCompactionStrategy"
UNITS: Final = {"MINUTES": timedelta(minutes=1), "HOURS": timedelta(hours=1), "DAYS": timedelta(days=1)}
"""The unit a table names, DAYS if it names none (source: Cassandra 5, TimeWindowCompactionStrategyOptions)."""


@dataclass(frozen=True, slots=True)
class WindowedTable:
    """A table that is compacted by time windows."""

    name: str
    window: timedelta

    def windows(self, first: datetime | None, now: datetime) -> int:
        """Windows from the one that holds `first` to the current one; they are counted from 1970 (UTC)."""
        if first is None:
            return 0
        window_s = self.window.total_seconds()
        return int(now.timestamp() // window_s - first.timestamp() // window_s) + 1


def windowed(scylla: Scylla, keyspace: str) -> list[WindowedTable]:
    """The keyspace's tables with time windows, by name. Raises Away."""
    (rows,) = scylla.read_many(SELECT_COMPACTION, [(keyspace,)])
    return [WindowedTable(name, window_of(options)) for name, options in rows if options["class"].endswith(STRATEGY)]


def window_of(options: Mapping[str, str]) -> timedelta:
    """The window that a table's options of compaction name."""
    unit = UNITS[options.get("compaction_window_unit", "DAYS")]
    return int(options.get("compaction_window_size", "1")) * unit


def first_event_at(pool: ConnectionPool) -> datetime | None:
    """When the first event was made, None if none was. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_FIRST_EVENT).fetchone()
        return row[0] if row else None
