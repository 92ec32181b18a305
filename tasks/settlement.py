"""Asks a provider what a payment has come to, and lets that be so (P8).

    take a ticket ──▶ fetch ──▶ lock and apply, unless a newer ticket was

No lock and no pooled connection is held while the provider is asked. Whoever dies in between leaves a ticket that
nobody uses, and webhooks that are free again once their hold is over: the sweep rings for those.
"""

from typing import NamedTuple

import structlog

from domain.errors import Away, Wrong
from domain.payment import Provider, Snapshot
from domain.payment_conclusion import Conclusion, conclude, conclude_absence, transaction_to_ask
from providers import stripe, toss
from providers.errors import ProviderRefused, ProviderUnknown
from stores import payment_inbox, payments, waiting
from stores.connections import Stores
from stores.payments import Ticket
from stores.waiting import Jobs
from tasks.events import relay_history

log = structlog.get_logger()


class Settled(NamedTuple):
    """What the provider said, and what came of it."""

    snapshot: Snapshot
    concluded: Conclusion


def settle(stores: Stores, payment_id: int, named: str | None = None) -> Settled:
    """Bring a payment to what its provider says now, and close the webhooks that wait for that.

    `named` is a transaction that somebody says it is paid by. Raises ProviderUnknown if the provider has no such
    payment; Away, ProviderRefused, Wrong: then the webhooks are put off.
    """
    ticket = payments.take_ticket(stores.postgres, payment_id)
    try:
        snapshot = fetch(ticket, named)
        concluded = apply(stores, ticket, snapshot)
    except ProviderUnknown:
        payment_inbox.conclude(stores.postgres, conclude_absence(ticket.waiting))
        raise
    except (Away, ProviderRefused, Wrong):
        waiting.put_off(stores.postgres, Jobs.WEBHOOKS, [one.inbox_id for one in ticket.waiting])
        raise
    tell(ticket, concluded)
    return Settled(snapshot, concluded)


def fetch(ticket: Ticket, named: str | None) -> Snapshot:
    """Ask the provider. Toss is asked by our own id of the order: its webhooks are unsigned, and an order may be paid
    by another paymentKey than the first."""
    payment = ticket.payment
    if payment.provider is Provider.TOSS:
        return toss.fetch_by_order(payment.order_id)
    transaction_id = transaction_to_ask(payment.expected, ticket.waiting, named)
    if transaction_id is None:
        return stripe.fetch_by_order(payment.order_id)
    return stripe.fetch_by_transaction(transaction_id)


def apply(stores: Stores, ticket: Ticket, snapshot: Snapshot) -> Conclusion:
    """Let it be so, in one transaction with the event's history. A kill before its end changes nothing."""
    with payments.locked(stores.postgres, ticket.payment) as (connection, present):
        concluded = conclude(present.expected, present.applied_ticket, ticket.number, snapshot, ticket.waiting)
        payments.store(connection, ticket, present, snapshot, concluded)
    return concluded


def tell(ticket: Ticket, concluded: Conclusion) -> None:
    """Log what came of it, and ring for the relay, which tells the chat."""
    payment_id, settlement = ticket.payment.id, concluded.settlement
    if concluded.mismatch is not None:
        said, reason = "what the provider says is not what was asked for", concluded.mismatch
        log.warning(said, action="payment_quarantined", payment_id=payment_id, reason=reason)
    elif settlement is not None and settlement.is_change:
        log.info("a payment has changed", action="payment_settled", payment_id=payment_id, status=settlement.status)
        relay_history.apply_async()
