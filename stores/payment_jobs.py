"""PostgreSQL: payment_confirms and payment_refunds, as workers do them. A row is the job and stays as its record."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from domain.keyring import KeyRing
from domain.payment import SnapshotRefund
from stores.errors import postgres_errors
from stores.payment_places import place_of_reason
from stores.payment_rows import Connection
from stores.waiting import HOLD, IS_FREE, Jobs

HOLD_CONFIRM: Final = f"""
    UPDATE payment_confirms SET {HOLD} WHERE id = %s AND {IS_FREE} RETURNING id, payment_id, payment_key, key"""  # noqa: S608
# A refund counts as sent from before it is: whoever comes after a worker that died looks it up first.
HOLD_REFUND: Final = f"""
    UPDATE payment_refunds SET {HOLD}, first_sent_at = coalesce(first_sent_at, now()) WHERE id = %s AND {IS_FREE}
    RETURNING id, payment_id, key, amount, reason_encrypted, provider_refund_id,
        old.first_sent_at IS NOT NULL AS was_sent"""  # noqa: S608
SELECT_STATE: Final = "SELECT state FROM {table} WHERE id = %s"
END: Final = "UPDATE {table} SET state = %s, cause = %s, ended_at = now() WHERE id = %s AND state = 'waiting'"
NOTE_ANSWERED: Final = "UPDATE payment_refunds SET provider_refund_id = %s WHERE id = %s"
# Also what we had believed to be otherwise: a refund that was done can fail days later.
NOTE_REFUND: Final = """
    UPDATE payment_refunds SET state = %(state)s, cause = %(cause)s, provider_refund_id = %(provider_refund_id)s,
        ended_at = coalesce(ended_at, now())
    WHERE payment_id = %(payment_id)s AND state <> %(state)s
        AND (key::TEXT = %(key)s OR provider_refund_id = %(provider_refund_id)s)"""
PROVIDER_TOOK_BACK: Final = "provider/failed"


class State(StrEnum):
    """What has become of a job."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Confirm:
    """A payment that is to be confirmed."""

    id: int
    payment_id: int
    payment_key: str
    """Toss's paymentKey, Stripe's PaymentIntent."""
    key: UUID
    """The provider's Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Refund:
    """A sum that is to be given back."""

    id: int
    payment_id: int
    key: UUID
    """The provider's Idempotency-Key, and what it keeps of the refund beside it."""
    amount: Decimal
    reason_encrypted: bytes | None
    provider_refund_id: str | None
    """Once the provider has said that it does it: then it is not asked again."""
    was_sent: bool
    """It may have been sent before, and nobody knows what became of it."""


def hold_confirm(pool: ConnectionPool, confirm_id: int) -> Confirm | None:
    """Take a confirm; None if it is done with, or somebody is at it. Raises Away."""
    with postgres_errors(), pool.connection() as connection, connection.cursor(row_factory=class_row(Confirm)) as c:
        return c.execute(HOLD_CONFIRM, (confirm_id,)).fetchone()


def hold_refund(pool: ConnectionPool, refund_id: int) -> Refund | None:
    """The same for a refund. Raises Away."""
    with postgres_errors(), pool.connection() as connection, connection.cursor(row_factory=class_row(Refund)) as c:
        return c.execute(HOLD_REFUND, (refund_id,)).fetchone()


def reason_of(keys: KeyRing, refund: Refund) -> str:
    """Why it is given back, in the receiver's words. Raises NotDecryptable."""
    if refund.reason_encrypted is None:
        return ""
    return keys.decrypt(refund.reason_encrypted, place_of_reason(refund.key)).decode()


def is_waiting(pool: ConnectionPool, jobs: Jobs, job_id: int) -> bool:
    """Is there still something to do? Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return connection.execute(SELECT_STATE.format(table=jobs), (job_id,)).fetchone() == (State.WAITING,)


def end(pool: ConnectionPool, jobs: Jobs, job_id: int, cause: str | None = None) -> None:
    """Be done with a job; `cause`, a class and a code, says why it failed. Raises Away."""
    state = State.DONE if cause is None else State.FAILED
    with postgres_errors(), pool.connection() as connection:
        connection.execute(END.format(table=jobs), (state, cause, job_id))


def note_answered(pool: ConnectionPool, refund_id: int, provider_refund_id: str) -> None:
    """Note that the provider does a refund; it is done once a fetch shows it. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(NOTE_ANSWERED, (provider_refund_id, refund_id))


def note_refunds(connection: Connection, payment_id: int, refunds: Iterable[SnapshotRefund]) -> None:
    """Note what the provider says of the refunds that we asked for. Raises Away."""
    with postgres_errors(), connection.cursor() as cursor:
        for refund in refunds:
            parameters = {
                "state": State.FAILED if refund.is_failed else State.DONE,
                "cause": PROVIDER_TOOK_BACK if refund.is_failed else None,
                "provider_refund_id": refund.provider_refund_id,
                "payment_id": payment_id,
                "key": refund.key,
            }
            cursor.execute(NOTE_REFUND, parameters)
