"""PostgreSQL: payment_webhooks that were put aside for a person to look at, as the command line shows them (P8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from domain.errors import NotThere
from domain.keyring import KeyRing
from domain.message import INT8_MAX
from stores.errors import postgres_errors
from stores.payment_places import place_of_payload

COLUMNS: Final = """id, provider, body_hash, provider_event_id, event_type, order_id, transaction_id, is_verified,
    received_at, payment_id, state, outcome, reason, processed_at, payload_encrypted"""
SELECT_QUARANTINED: Final = f"""
    SELECT {COLUMNS} FROM payment_webhooks WHERE state = 'quarantined' AND id < %s ORDER BY id DESC LIMIT %s"""  # noqa: S608
SELECT_ONE: Final = f"SELECT {COLUMNS} FROM payment_webhooks WHERE id = %s AND reason IS NOT NULL"  # noqa: S608
RESOLVE: Final = """
    UPDATE payment_webhooks SET state = 'done', outcome = 'resolved'
    WHERE id = ANY(%s) AND state = 'quarantined' RETURNING id"""
TRY_AGAIN: Final = """
    UPDATE payment_webhooks SET state = 'waiting', reason = NULL, processed_at = NULL, attempts = 0, looks = 0,
        next_try_at = now(), held_until = now()
    WHERE id = ANY(%s) AND state = 'quarantined' RETURNING id"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A webhook that was quarantined, also if somebody has resolved it since."""

    id: int
    provider: str
    body_hash: bytes
    provider_event_id: str | None
    event_type: str
    order_id: str | None
    transaction_id: str | None
    is_verified: bool
    received_at: datetime
    payment_id: int | None
    state: str
    outcome: str | None
    reason: str
    processed_at: datetime
    payload_encrypted: bytes

    def payload(self, keys: KeyRing) -> bytes:
        """The body as it came. Raises NotDecryptable."""
        return keys.decrypt(self.payload_encrypted, place_of_payload(self.provider, self.body_hash))


def find(pool: ConnectionPool, before: int = INT8_MAX, limit: int = 100) -> list[Quarantined]:
    """Those that nobody has resolved, newest first. Raises Away."""
    return _select(pool, SELECT_QUARANTINED, (before, limit))


def get(pool: ConnectionPool, inbox_id: int) -> Quarantined:
    """One of them. Raises NotThere, Away."""
    for found in _select(pool, SELECT_ONE, (inbox_id,)):
        return found
    raise NotThere(f"There is no quarantined webhook {inbox_id}.")


def resolve(pool: ConnectionPool, inbox_ids: Iterable[int], *, again: bool) -> set[int]:
    """Be done with these; or, once what was wrong is mended, let them be worked on `again`. The ids of those that were
    still quarantined. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        statement = TRY_AGAIN if again else RESOLVE
        return {row[0] for row in connection.execute(statement, (list(inbox_ids),))}


def _select(pool: ConnectionPool, statement: str, parameters: tuple[object, ...]) -> list[Quarantined]:
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(Quarantined)) as cursor,
    ):
        return cursor.execute(statement, parameters).fetchall()
