"""PostgreSQL: payment_webhooks, the inbox, as workers work it off. What came is a hint, whoever sent it (P8)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from psycopg.rows import kwargs_row
from psycopg_pool import ConnectionPool

from domain.payment import Provider, QuarantineReason
from domain.payment_ticket import Claim, Hint, InboxOutcome, Verdict, Waiting
from stores.errors import postgres_errors
from stores.payment_rows import Connection
from stores.waiting import HOLD, IS_FREE

KEEP_DAYS: Final = 400
"""Longer than a cardholder may dispute a payment, in any network."""
LAG_S_FIRST: Final = 10
LAG_S_MAX: Final = 1_800
LAG: Final = f"now() + least({LAG_S_FIRST} * 4 ^ least(looks, 10), {LAG_S_MAX}) * interval '1 second'"
"""After so many looks: 10 s, 40 s, 160 s, and so on. A provider lags behind its own webhooks by seconds."""
HINT: Final = "id, provider, event_type, provider_event_id, order_id, transaction_id, claims, secret_hash, looks"
SELECT_FREE: Final = f"SELECT payment_id FROM payment_webhooks WHERE id = %s AND {IS_FREE}"  # noqa: S608
HOLD_HOMELESS: Final = f"""
    UPDATE payment_webhooks SET {HOLD} WHERE id = %s AND payment_id IS NULL AND {IS_FREE} RETURNING {HINT}"""  # noqa: S608
HOLD_OF_PAYMENT: Final = f"""
    UPDATE payment_webhooks SET {HOLD} WHERE payment_id = %s AND {IS_FREE} RETURNING {HINT}"""  # noqa: S608
ATTACH: Final = "UPDATE payment_webhooks SET payment_id = %s, held_until = now() WHERE id = %s AND state = 'waiting'"
CLOSE: Final = """
    UPDATE payment_webhooks SET state = 'done', outcome = %s, processed_at = now()
    WHERE id = ANY(%s) AND state = 'waiting'"""
LET_LAG: Final = f"""
    UPDATE payment_webhooks SET looks = looks + 1, held_until = {LAG}, next_try_at = {LAG}
    WHERE id = ANY(%s) AND state = 'waiting'"""  # noqa: S608
QUARANTINE: Final = """
    UPDATE payment_webhooks SET state = 'quarantined', reason = %s, processed_at = now()
    WHERE id = ANY(%s) AND state = 'waiting'"""
TRIM_DONE: Final = """
    DELETE FROM payment_webhooks WHERE id IN (
        SELECT id FROM payment_webhooks WHERE state = 'done' AND received_at < now() - %s * interval '1 day'
        ORDER BY received_at LIMIT %s FOR UPDATE SKIP LOCKED
    )"""


def find_free(pool: ConnectionPool, inbox_id: int) -> tuple[int | None] | None:
    """The payment that a webhook is known to be of, perhaps none yet; None if there is nothing to do: it is done with,
    or somebody is at it. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return connection.execute(SELECT_FREE, (inbox_id,)).fetchone()


def hold_homeless(pool: ConnectionPool, inbox_id: int) -> Waiting | None:
    """Take a webhook whose payment is not known yet, unless somebody else has. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        found = _waiting(connection, HOLD_HOMELESS, inbox_id)
    return found[0] if found else None


def hold_of_payment(connection: Connection, payment_id: int) -> tuple[Waiting, ...]:
    """Take all that wait for this payment and that nobody else has, in the order of their arrival. Raises Away."""
    return tuple(sorted(_waiting(connection, HOLD_OF_PAYMENT, payment_id), key=lambda one: one.inbox_id))


def attach(pool: ConnectionPool, inbox_id: int, payment_id: int) -> None:
    """Note whose a webhook is, and let go of it. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(ATTACH, (payment_id, inbox_id))


def quarantine(pool: ConnectionPool, inbox_id: int, reason: QuarantineReason) -> None:
    """Keep a webhook for a person to look at. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(QUARANTINE, (reason, [inbox_id]))


def quarantine_all(connection: Connection, waiting: Sequence[Waiting], reason: QuarantineReason) -> None:
    """The same for all that were read with a ticket, in its transaction. Raises Away."""
    with postgres_errors():
        connection.execute(QUARANTINE, (reason, [one.inbox_id for one in waiting]))


def close(pool: ConnectionPool, inbox_id: int, outcome: InboxOutcome) -> None:
    """Be done with a webhook. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(CLOSE, (outcome, [inbox_id]))


def store(connection: Connection, verdict: Verdict) -> None:
    """Let a fetch's reply do what it does to the webhooks that were read. Raises Away."""
    with postgres_errors(), connection.cursor() as cursor:
        for outcome in InboxOutcome:
            if ids := [inbox_id for inbox_id, its in verdict.closed if its is outcome]:
                cursor.execute(CLOSE, (outcome, ids))
        if verdict.lagging:
            cursor.execute(LET_LAG, (list(verdict.lagging),))
        if verdict.forged:
            cursor.execute(QUARANTINE, (QuarantineReason.SECRET, list(verdict.forged)))


def conclude(pool: ConnectionPool, verdict: Verdict) -> None:
    """The same where no payment changes, in a transaction of its own. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        store(connection, verdict)


def trim(pool: ConnectionPool, limit: int) -> int:
    """Let so many rows go that are done and older than KEEP_DAYS; how many there were. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return connection.execute(TRIM_DONE, (KEEP_DAYS, limit)).rowcount


def _waiting(connection: Connection, statement: str, row_id: int) -> list[Waiting]:
    with postgres_errors(), connection.cursor(row_factory=kwargs_row(_waiting_of)) as cursor:
        return cursor.execute(statement, (row_id,)).fetchall()


def _waiting_of(
    *,
    id: int,  # noqa: A002 (a column)
    provider: str,
    provider_event_id: str | None,
    claims: object,
    secret_hash: bytes | None,
    looks: int,
    **columns: Any,
) -> Waiting:
    """A row of HINT."""
    claim = msgspec.convert(claims, Claim)
    hint = Hint(provider=Provider(provider), event_id=provider_event_id, claim=claim, **columns)
    return Waiting(id, hint, looks, secret_hash)
