"""What the administrator of one store could do, and our triggers would refuse: with the triggers off, and by CQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.integration.chained import Connection

TABLES: Final = ("events", "event_participants", "payments", "event_history_outbox")
SELECT_TRIGGERS: Final = """
    SELECT tgname, CASE tgenabled WHEN 'A' THEN 'ALWAYS' ELSE '' END FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal ORDER BY tgname"""
HASH_CHECK: Final = "event_history_outbox_hash_check"


@contextmanager
def unguarded(owner: Connection) -> Iterator[None]:
    """One transaction without our triggers and the check of the hashes; they are back at its end."""
    with owner.transaction():
        kept = {table: owner.execute(SELECT_TRIGGERS, (table,)).fetchall() for table in TABLES}
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner.execute(f"ALTER TABLE event_history_outbox DROP CONSTRAINT {HASH_CHECK}")
        yield
        check = "CHECK (entry_hash = sha256(prev_hash || hashed_bytes)) NOT VALID"
        owner.execute(f"ALTER TABLE event_history_outbox ADD CONSTRAINT {HASH_CHECK} {check}")
        for table, triggers in kept.items():
            for name, always in triggers:
                owner.execute(f"ALTER TABLE {table} ENABLE {always} TRIGGER {name}")


def forget(owner: Connection, event_id: int) -> None:
    """Let an event's entries go, as trimming does when they are old enough."""
    with unguarded(owner):
        owner.execute("DELETE FROM event_history_outbox WHERE event_id = %s", (event_id,))
