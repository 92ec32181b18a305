"""What is behind the API: the tests' own look into the stores, past everything that ingest checks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import redis

from local.stack import Stack
from stores.journal import STREAM, register
from tests.waiting import wait_until


@dataclass(frozen=True)
class Behind:
    """The stores of the shared system."""

    postgres_url: str
    """As the owner of the tables."""
    journal: "redis.Redis"
    broker: "redis.Redis"

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement, over a connection of its own: other tests kill the server between two."""
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def entries_taken(self) -> int:
        """Entries that the journal has ever taken; trimming takes none of them back."""
        stream: dict[str, Any] = self.journal.xinfo_stream(STREAM)
        return int(stream["entries-added"])

    def stored(self) -> tuple[int, ...]:
        """How much there is of all that a call can make, once the chats have been told of earlier calls."""
        untold = "SELECT count(*) FROM event_history_outbox WHERE relayed_at IS NULL"
        wait_until("every history is relayed", lambda: self.sql(untold) == [(0,)])
        counted = self.sql(
            """SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM events),
                (SELECT count(*) FROM event_participants), (SELECT count(*) FROM event_history_outbox),
                (SELECT count(*) FROM idempotency_keys),
                (SELECT count(*) FROM payments), (SELECT count(*) FROM payment_webhooks),
                (SELECT count(*) FROM payment_confirms), (SELECT count(*) FROM payment_refunds)"""
        )
        return (self.entries_taken(), *counted[0])

    def last_seq(self, event_id: int) -> int:
        """The seq of the event's last message that was taken."""
        return int(self.journal.hget(register(event_id), "s") or 0)


@contextmanager
def behind_of(stack: Stack) -> Iterator[Behind]:
    """Connected to the stack's servers."""
    with (
        redis.Redis.from_url(stack.env["TIMINGLE_JOURNAL_URLS"]) as journal,
        redis.Redis.from_url(stack.env["TIMINGLE_BROKER_URL"]) as broker,
    ):
        yield Behind(stack.env["TIMINGLE_POSTGRES_URL"], journal, broker)
