"""ScyllaDB: event_history, as readers page through it (P6)."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from domain.history import Entry, made_at_ms
from stores.scylla_async import AsyncScylla

COLUMNS: Final = ", ".join(Entry.__struct_fields__)
SELECT_NEWEST: Final = f"SELECT {COLUMNS} FROM event_history WHERE event_id = ? LIMIT ?"  # noqa: S608
# From a place in the order of keys. By chain_seq it would need ALLOW FILTERING: ScyllaDB then reads a page of all rows,
# filters that, and may answer with none of those that follow.
SELECT_BEFORE: Final = f"""
    SELECT {COLUMNS} FROM event_history WHERE event_id = ? AND (changed_at, change_id) < (?, ?) LIMIT ?"""  # noqa: S608


async def newest(scylla: AsyncScylla, event_id: int, limit: int) -> list[Entry]:
    """The last entries of an event's chain that were relayed, newest first. Raises Away."""
    return [entry_of(row) for row in await scylla.execute(SELECT_NEWEST, (event_id, limit), limit)]


async def before(scylla: AsyncScylla, event_id: int, change_id: UUID, limit: int) -> list[Entry]:
    """The entries before this one, newest first. Raises Away."""
    place = (event_id, made_at_ms(change_id), change_id, limit)
    return [entry_of(row) for row in await scylla.execute(SELECT_BEFORE, place, limit)]


def entry_of(row: tuple[Any, ...]) -> Entry:
    """A row of COLUMNS. A cell that is not there is read as an empty one, so that verifying can name it."""
    columns: dict[str, Any] = dict(zip(Entry.__struct_fields__, row, strict=True))
    changed_at: datetime = columns["changed_at"]
    whole = {
        "changed_at": changed_at.replace(tzinfo=UTC),
        "change_type": columns["change_type"] or "",
        "metadata": dict(columns["metadata"] or {}),
        "chain_seq": columns["chain_seq"] or 0,
        "prev_hash": columns["prev_hash"] or b"",
        "entry_hash": columns["entry_hash"] or b"",
        "hashed_bytes": columns["hashed_bytes"] or b"",
        "salts": dict(columns["salts"] or {}),
    }
    return Entry(**{**columns, **whole})
