"""PostgreSQL: history_relay, one row. Who relays has its lock; it notes what was last seen of ScyllaDB's nodes (P6).

A node acknowledges rows before they are on its disk. While it is seen to live on, what was relayed reaches its disk
within the sync period of its commit log; once it has restarted, what was relayed since shortly before it was last seen
may be lost, and is to be relayed again: harmless, since an entry is written the same each time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from psycopg_pool import ConnectionPool

from stores.errors import postgres_errors
from stores.session_lock import session_lock

RELAY_LOCK: Final = ("history_relay", 0)
SELECT_SEEN: Final = "SELECT generations FROM history_relay"
RELAY_AGAIN: Final = """
    UPDATE event_history_outbox SET relayed_at = NULL
    WHERE relayed_at > (SELECT seen_at - %s * interval '1 second' FROM history_relay)"""
# now() is when the transaction began, which was before anybody looked at the nodes.
NOTE_SEEN: Final = "UPDATE history_relay SET generations = %s, seen_at = now()"

Look = Callable[[], str]
"""Every node of ScyllaDB with its generation, "" if one of them does not answer."""


@contextmanager
def turn(pool: ConnectionPool, look: Look, keep_s: float) -> Iterator[bool]:
    """Whether it is one's turn to relay: False while another does, and the next ring or sweep comes after.

    Entries that a restarted node may have lost, at most `keep_s` (twice its sync period) after they were relayed, count
    as not relayed from here on. Raises Away.
    """
    with session_lock(pool, *RELAY_LOCK) as is_ours:
        if is_ours:
            _note_seen(pool, look, keep_s)
        yield is_ours


def _note_seen(pool: ConnectionPool, look: Look, keep_s: float) -> None:
    """At once, and not when the turn ends: if that fails, all that it did would be done again."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_SEEN).fetchone()
        assert row is not None, "the row is always there"
        if generations := look():
            if generations != row[0]:
                connection.execute(RELAY_AGAIN, (keep_s,))
            connection.execute(NOTE_SEEN, (generations,))
