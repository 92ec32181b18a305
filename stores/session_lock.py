"""PostgreSQL: an advisory lock that a session holds, outside any transaction (ADR 13).

The server frees it the moment that its holder dies: nobody waits for a lease to end. However long it is held, it keeps
vacuum from nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg_pool import ConnectionPool

from stores.errors import postgres_errors

TRY_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended(%s, %s))"
UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended(%s, %s))"


@contextmanager
def session_lock(pool: ConnectionPool, table: str, row_id: int) -> Iterator[bool]:
    """Whether this row of a table is ours alone until the end; False while it is somebody else's. Raises Away."""
    with postgres_errors(), pool.connection() as held:
        row = held.execute(TRY_LOCK, (table, row_id)).fetchone()
        held.commit()  # the lock is the session's: no transaction stays open meanwhile
        if row is None or not row[0]:
            yield False
            return
        try:
            yield True
        finally:
            if not held.closed:  # or the lock went with the connection
                held.execute(UNLOCK, (table, row_id))
