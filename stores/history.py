"""PostgreSQL: event_history_outbox, as the transaction that changes an event extends its chain (P6).

Under the event's row lock, by a function that makes the bytes and takes the acting user for the actor (migrations
000021, 000023). A deferred trigger refuses the commit of a change that was not chained.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from domain.history import Change, Origin
from stores.errors import postgres_errors
from stores.row_security import Connection

APPEND_HISTORY: Final = "SELECT length, encode(head, 'hex'), updated_at FROM append_history(%s, %s, %s, %s)"


class End(NamedTuple):
    """The end of a chain: an actor's receipt."""

    length: int
    head: str
    """Hexadecimal."""
    updated_at: datetime
    """Of the event."""


async def append(connection: Connection, event_id: int, changes: Sequence[Change], origin: Origin) -> End:
    """Chain what the acting user, who takes part, changes of an event that is locked; at least one. Raises Away."""
    with postgres_errors():
        parameters = (event_id, msgspec.json.encode(changes).decode(), origin.ip_address, origin.user_agent)
        row = await (await connection.execute(APPEND_HISTORY, parameters)).fetchone()
    assert row is not None, "a chain that was extended has an end"
    return End(*row)
