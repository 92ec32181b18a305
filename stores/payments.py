"""PostgreSQL: payments, as workers ask the provider about them and apply what it says (P8).

A ticket is taken in a transaction of its own, and the provider is asked while no lock and no connection is held. What
it says is applied under the locks of the event and then of the payment, with the event's history, unless a newer ticket
was applied before. A trigger refuses any other change of a payment's state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import msgspec
from psycopg.rows import kwargs_row
from psycopg_pool import ConnectionPool

from domain.errors import NotThere
from domain.payment import PROVIDERS, Expected, PaymentStatus, Provider, Settlement, Snapshot, provider_of
from domain.payment_conclusion import Conclusion
from domain.payment_history import change
from domain.payment_ticket import Waiting, hash_of_secret
from stores import payment_inbox, payment_jobs, payment_rows
from stores.errors import postgres_errors
from stores.payment_rows import Connection, PaymentRow
from stores.waiting import due_pages

COLUMNS: Final = f"{payment_rows.COLUMNS}, applied_ticket"
TAKE_TICKET: Final = f"""
    UPDATE payments SET issued_ticket = issued_ticket + 1 WHERE id = %s RETURNING issued_ticket AS ticket, {COLUMNS}"""  # noqa: S608
LOCK_EVENT: Final = "SELECT id FROM events WHERE id = %s FOR NO KEY UPDATE"
LOCK_PAYMENT: Final = f"SELECT {COLUMNS} FROM payments WHERE id = %s FOR NO KEY UPDATE"  # noqa: S608
UPDATE_PAYMENT: Final = """
    UPDATE payments SET status = %s, refunded_amount = %s, transaction_id = %s, applied_ticket = %s,
        deposit_secret_hash = coalesce(%s, deposit_secret_hash)
    WHERE id = %s"""
APPEND_CHANGES: Final = "SELECT length FROM append_changes(%s, %s, NULL, NULL)"
SELECT_PAYMENT: Final = f"SELECT {COLUMNS} FROM payments WHERE id = %s"  # noqa: S608
SELECT_PAYMENT_OF_ORDER: Final = f"SELECT {COLUMNS} FROM payments WHERE order_id = %s"  # noqa: S608
SELECT_OF_DAY: Final = f"""
    SELECT {COLUMNS} FROM payments WHERE payment_method = ANY(%s)
        AND created_at >= %s::DATE::TIMESTAMP AT TIME ZONE 'Asia/Seoul'
        AND created_at < (%s::DATE + 1)::TIMESTAMP AT TIME ZONE 'Asia/Seoul'
    ORDER BY id"""  # noqa: S608
SELECT_TO_ASK: Final = """
    SELECT next_ask_at, id, created_at, asks FROM payments
    WHERE status = 'PENDING' AND next_ask_at <= %s AND (next_ask_at, id) > (%s, %s) ORDER BY next_ask_at, id LIMIT %s"""
NOTE_ASKED: Final = "UPDATE payments SET asks = %s, next_ask_at = %s WHERE id = %s"
SELECT_BY_ORDER: Final = "SELECT id FROM payments WHERE order_id = %s"
SELECT_BY_TRANSACTION: Final = "SELECT id FROM payments WHERE transaction_id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(PaymentRow):
    """A payment as a worker needs it."""

    event_id: int | None
    applied_ticket: int

    @property
    def provider(self) -> Provider:
        """Who is asked about it."""
        return provider_of(self.payment_method)

    @property
    def expected(self) -> Expected:
        """What a provider's answer is held against."""
        return Expected(
            payment_id=self.id,
            order_id=self.order_id,
            amount=self.amount,
            currency=self.currency,
            receiver_id=self.receiver_id,
            transaction_id=self.transaction_id,
            status=self.status,
            refunded_amount=self.refunded_amount,
        )


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to ask the provider once, and to apply what it says."""

    number: int
    payment: Payment
    """As it stood."""
    waiting: tuple[Waiting, ...]
    """The webhooks that had arrived by then, and that nobody else was at: they are held."""


class DueToAsk(NamedTuple):
    """A payment that stays PENDING; in the order of the index."""

    next_ask_at: datetime
    id: int
    created_at: datetime
    asks: int


PAGE_PAYMENTS: Final = 100


def get(pool: ConnectionPool, payment_id: int) -> Payment:
    """A payment as it stands. Raises NotThere, Away."""
    for found in _select(pool, SELECT_PAYMENT, (payment_id,)):
        return found
    raise NotThere(f"There is no payment {payment_id}.")


def of_order(pool: ConnectionPool, order_id: str | None) -> Payment | None:
    """The payment of an order, if it is one of ours. Raises Away."""
    return next(iter(_select(pool, SELECT_PAYMENT_OF_ORDER, (order_id,))), None)


def of_day(pool: ConnectionPool, provider: Provider, day: date) -> list[Payment]:
    """Those that were made on this day in Korea, to be taken by this provider. Raises Away."""
    methods = [method for method, its in PROVIDERS.items() if its is provider]
    return _select(pool, SELECT_OF_DAY, (methods, day, day))


def find(pool: ConnectionPool, order_id: str | None, transaction_id: str | None) -> int | None:
    """Which payment is meant, by our own id of the order or else by the provider's. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_BY_ORDER, (order_id,)).fetchone()
        row = row or connection.execute(SELECT_BY_TRANSACTION, (transaction_id,)).fetchone()
    return row[0] if row else None


def take_ticket(pool: ConnectionPool, payment_id: int) -> Ticket:
    """Begin to ask. What arrives from now on is for the next ticket. Raises NotThere, Away."""
    with postgres_errors(), pool.connection() as connection:
        with connection.cursor(row_factory=kwargs_row(_ticket_of)) as cursor:
            found = cursor.execute(TAKE_TICKET, (payment_id,)).fetchone()
        if found is None:
            raise NotThere(f"There is no payment {payment_id}.")
        return replace(found, waiting=payment_inbox.hold_of_payment(connection, payment_id))


@contextmanager
def locked(pool: ConnectionPool, payment: Payment) -> Iterator[tuple[Connection, Payment]]:
    """A transaction in which nobody else changes the payment, with how it stands now. Raises Away, Wrong."""
    with postgres_errors(), pool.connection() as connection:
        if payment.event_id is not None:
            connection.execute(LOCK_EVENT, (payment.event_id,))
        with connection.cursor(row_factory=kwargs_row(_payment_of)) as cursor:
            present = cursor.execute(LOCK_PAYMENT, (payment.id,)).fetchone()
        assert present is not None, "a payment is never deleted"
        yield connection, present


def store(connection: Connection, ticket: Ticket, present: Payment, snapshot: Snapshot, concluded: Conclusion) -> None:
    """Store what a reply does to a locked payment and all that waits for it. Raises Away, Wrong."""
    if concluded.mismatch is not None:
        payment_inbox.quarantine_all(connection, ticket.waiting, concluded.mismatch)
        return
    payment_inbox.store(connection, concluded.verdict)
    if concluded.settlement is not None:
        _apply(connection, ticket, present, snapshot, concluded.settlement)
        payment_jobs.note_refunds(connection, present.id, snapshot.refunds)


def pages_to_ask(pool: ConnectionPool) -> Iterator[list[DueToAsk]]:
    """All that are to be asked about now, page by page. Raises Away."""
    return due_pages(pool, SELECT_TO_ASK, DueToAsk, PAGE_PAYMENTS)


def note_asked(pool: ConnectionPool, payment_id: int, asks: int, again_at: datetime | None) -> None:
    """Note how often a payment was asked about and when it is again, if it is. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(NOTE_ASKED, (asks, again_at, payment_id))


def _apply(connection: Connection, ticket: Ticket, present: Payment, snapshot: Snapshot, becomes: Settlement) -> None:
    secret_hash = None if snapshot.secret is None else hash_of_secret(snapshot.secret)
    state = becomes.status, becomes.refunded_amount
    connection.execute(UPDATE_PAYMENT, (*state, snapshot.transaction_id, ticket.number, secret_hash, present.id))
    if becomes.is_change and present.event_id is not None:
        after = replace(present.state, status=becomes.status, refunded_amount=becomes.refunded_amount)
        told = [change(present.state, after, is_correction=becomes.is_correction)]
        connection.execute(APPEND_CHANGES, (present.event_id, msgspec.json.encode(told).decode()))


def _select(pool: ConnectionPool, statement: str, parameters: tuple[object, ...]) -> list[Payment]:
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=kwargs_row(_payment_of)) as cursor,
    ):
        return cursor.execute(statement, parameters).fetchall()


def _payment_of(*, status: str, **columns: Any) -> Payment:
    """A row of COLUMNS."""
    return Payment(status=PaymentStatus(status), **columns)


def _ticket_of(*, ticket: int, **columns: Any) -> Ticket:
    return Ticket(ticket, _payment_of(**columns), ())
