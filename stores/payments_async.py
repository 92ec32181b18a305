"""PostgreSQL: payments, payment_confirms and payment_refunds, as the people of a payment ask for them.

What becomes of a payment is written by workers (P8). Here it is made, and work is asked for: a row that is the job.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from domain.errors import Conflict, NotAllowed, NotThere, Wrong
from domain.history import Origin
from domain.keyring import NONCE_BYTES, KeyRing
from domain.payment import PaymentStatus
from domain.payment_history import creation
from domain.payment_request import NewPayment
from stores import payment_rows
from stores.errors import UNIQUE_VIOLATION, postgres_errors
from stores.history import append
from stores.payment_places import place_of_metadata, place_of_reason
from stores.payment_rows import PaymentRow
from stores.row_security import Connection, as_user

TAKE_ID: Final = "SELECT nextval('payments_id_seq')"
COLUMNS: Final = f"{payment_rows.COLUMNS}, updated_at"
INSERT_PAYMENT: Final = f"""
    INSERT INTO payments (id, event_id, payer_id, receiver_id, amount, currency, status, payment_method, transaction_id,
        metadata)
    VALUES (%(id)s, %(event_id)s, %(payer_id)s, %(receiver_id)s, %(amount)s, %(currency)s, 'PENDING',
        %(payment_method)s, %(transaction_id)s, %(metadata)s)
    RETURNING {COLUMNS}"""  # noqa: S608
SELECT_PAYMENT: Final = f"""
    SELECT {COLUMNS}, decode(metadata ->> 'encrypted', 'hex') AS sealed FROM payments WHERE id = %s"""  # noqa: S608
# On its own: only then is seen what another transaction has changed while this one waited for the lock.
LOCK_PAYMENT: Final = "SELECT id FROM payments WHERE id = %s FOR NO KEY UPDATE"
SELECT_PARTIES: Final = "SELECT payer_id, receiver_id FROM payment_parties(%s)"
INSERT_CONFIRM: Final = """
    INSERT INTO payment_confirms (payment_id, payment_key) VALUES (%s, %s)
    ON CONFLICT (payment_id, payment_key) DO NOTHING RETURNING id"""
SELECT_CONFIRM: Final = "SELECT state, cause FROM payment_confirms WHERE payment_id = %s AND payment_key = %s"
SUM_REFUNDS: Final = """
    SELECT coalesce(sum(amount) FILTER (WHERE state = 'waiting'), 0),
        coalesce(sum(amount) FILTER (WHERE state = 'done'), 0)
    FROM payment_refunds WHERE payment_id = %s"""
INSERT_REFUND: Final = """
    INSERT INTO payment_refunds (payment_id, key, actor_id, amount, reason_encrypted) VALUES (%s, %s, %s, %s, %s)
    RETURNING id"""
NO_PAYMENT: Final = "There is no such payment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(PaymentRow):
    """A payment as its people see it."""

    event_id: int
    updated_at: datetime
    sealed: bytes | None = None
    """Its details, encrypted; not read where nobody asks for them."""


class Parties(NamedTuple):
    """Whose a payment is."""

    payer_id: int
    receiver_id: int


class Asked(NamedTuple):
    """What its receiver has asked to be given back."""

    waiting: Decimal
    done: Decimal


async def create(connection: Connection, keys: KeyRing, new: NewPayment, origin: Origin) -> Payment:
    """Add a payment with its entry in the event's history. One of its parties, who takes part, must act.

    Raises Conflict if the transaction is another payment's, Away.
    """
    with postgres_errors():
        (payment_id,) = await (await connection.execute(TAKE_ID)).fetchone() or (0,)
    sealed = keys.encrypt(msgspec.json.encode(new.metadata), place_of_metadata(payment_id), os.urandom(NONCE_BYTES))
    row = {
        "id": payment_id,
        "event_id": new.event_id,
        "payer_id": new.payer_id,
        "receiver_id": new.receiver_id,
        "amount": new.amount,
        "currency": new.currency,
        "payment_method": new.payment_method,
        "transaction_id": new.transaction_id,
        "metadata": Jsonb({"encrypted": sealed.hex()}),
    }
    try:
        payment = await _one(connection, INSERT_PAYMENT, row)
    except Wrong as wrong:
        if wrong.code != UNIQUE_VIOLATION:
            raise
        raise Conflict("This transaction is another payment's.") from None
    assert payment is not None, "a row that was added is answered"
    await append(connection, payment.event_id, [creation(payment.state)], origin)
    return payment


async def get(pool: AsyncConnectionPool, payment_id: int, reader: int) -> Payment:
    """A payment, as its payer or receiver sees it, with its details. Raises NotThere, NotAllowed, Away."""
    async with as_user(pool, reader) as connection:
        return await _visible(connection, payment_id)


def details(keys: KeyRing, payment: Payment) -> dict[str, object]:
    """What was said of a payment as it was made. Raises NotDecryptable."""
    if payment.sealed is None:
        return {}
    return msgspec.json.decode(keys.decrypt(payment.sealed, place_of_metadata(payment.id)), type=dict[str, Any])


async def parties(connection: Connection, payment_id: int) -> Parties:
    """Whose it is, whoever asks. Raises NotThere, Away."""
    with postgres_errors():
        row = await (await connection.execute(SELECT_PARTIES, (payment_id,))).fetchone()
    if row is None:
        raise NotThere(NO_PAYMENT)
    return Parties(*row)


async def lock(connection: Connection, payment_id: int) -> Payment:
    """A payment of the acting user, which nobody else changes until the transaction ends.

    Raises NotThere, NotAllowed, Away.
    """
    with postgres_errors():
        await connection.execute(LOCK_PAYMENT, (payment_id,))
    return await _visible(connection, payment_id)


async def ask_confirm(connection: Connection, payment_id: int, payment_key: str) -> int | None:
    """Ask for a confirmation of a locked payment; the job's id, None if it was asked for before.

    Raises Conflict if the provider has refused it for good, Away.
    """
    with postgres_errors():
        row = await (await connection.execute(INSERT_CONFIRM, (payment_id, payment_key))).fetchone()
        if row is not None:
            return int(row[0])
        state, cause = await (await connection.execute(SELECT_CONFIRM, (payment_id, payment_key))).fetchone() or (
            "",
            "",
        )
    if state == "failed":
        raise Conflict(f"The provider has refused this payment_key ({cause}).")
    return None


async def asked_refunds(connection: Connection, payment_id: int) -> Asked:
    """What of a locked payment has been asked for, but for what the provider refused. Raises Away."""
    with postgres_errors():
        row = await (await connection.execute(SUM_REFUNDS, (payment_id,))).fetchone()
    assert row is not None, "a sum is always there"
    return Asked(*row)


async def ask_refund(
    connection: Connection, keys: KeyRing, payment_id: int, actor_id: int, amount: Decimal, reason: str, key: UUID
) -> int:
    """Ask for a refund of a locked payment; the job's id. The key is new, and the provider's too. Raises Away."""
    sealed = keys.encrypt(reason.encode(), place_of_reason(key), os.urandom(NONCE_BYTES))
    with postgres_errors():
        cursor = await connection.execute(INSERT_REFUND, (payment_id, key, actor_id, amount, sealed))
        (refund_id,) = await cursor.fetchone() or (0,)
    return int(refund_id)


def payment_of(*, status: str, **columns: Any) -> Payment:
    """A row of COLUMNS as a payment."""
    return Payment(status=PaymentStatus(status), **columns)


async def _visible(connection: Connection, payment_id: int) -> Payment:
    payment = await _one(connection, SELECT_PAYMENT, (payment_id,))
    if payment is None:
        await parties(connection, payment_id)
        raise NotAllowed("This user neither pays nor receives this payment.")
    return payment


async def _one(connection: Connection, statement: str, parameters: dict[str, Any] | tuple[int, ...]) -> Payment | None:
    with postgres_errors():
        async with connection.cursor(row_factory=kwargs_row(payment_of)) as cursor:
            return await (await cursor.execute(statement, parameters)).fetchone()
