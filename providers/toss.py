"""Toss Payments, version 2022-11-16: https://docs.tosspayments.com/reference.

A refund's key goes along twice: as Idempotency-Key, which Toss knows for 15 days, and at the end of the cancellation's
reason, where it is found for good.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final
from urllib.parse import quote
from uuid import UUID

import msgspec

from domain.money import Money, text
from domain.payment import NOTHING, Provider, Snapshot, SnapshotRefund
from providers import client
from providers.errors import ProviderAway

PAGE: Final = 1_000
"""Transactions; Toss gives up to 5,000."""
CANCEL_FAILED: Final = "ABORTED"
REASON_CHARACTERS_MAX: Final = 200
KEY_CHARACTERS: Final = len(f" [{UUID(int=0)}]")
_KEY_IN_REASON: Final = re.compile(r" \[([0-9a-f-]{36})\]$")


class _Cancel(msgspec.Struct, frozen=True, rename="camel"):
    cancel_amount: Decimal
    transaction_key: str
    cancel_reason: str = ""
    cancel_status: str = "DONE"


class _Payment(msgspec.Struct, frozen=True, rename="camel"):
    """The Payment object, as far as it is read."""

    payment_key: str
    order_id: str
    status: str
    total_amount: Decimal
    balance_amount: Decimal
    currency: str = "KRW"
    approved_at: str | None = None
    cancels: tuple[_Cancel, ...] | None = None
    method: str | None = None
    secret: str | None = None
    metadata: dict[str, str] | None = None


class _Transaction(msgspec.Struct, frozen=True, rename="camel"):
    transaction_key: str
    order_id: str


def fetch_by_transaction(payment_key: str) -> Snapshot:
    """What Toss says of a paymentKey. Raises ProviderAway, ProviderRefused, ProviderUnknown, as all here do."""
    return _snapshot(client(Provider.TOSS).get(f"/v1/payments/{quote(payment_key, safe='')}", _Payment))


def fetch_by_order(order_id: str) -> Snapshot:
    """What Toss says of an order: of the last try to pay it."""
    return _snapshot(client(Provider.TOSS).get(f"/v1/payments/orders/{quote(order_id, safe='')}", _Payment))


def confirm(payment_key: str, order_id: str, money: Money, key: UUID) -> Snapshot:
    """Let the money be taken that the payer has agreed to, if it is this sum for this order."""
    body = {"paymentKey": payment_key, "orderId": order_id, "amount": _number(money)}
    return _snapshot(client(Provider.TOSS).post_json("/v1/payments/confirm", _Payment, body, key))


def refund(payment_key: str, money: Money, key: UUID, reason: str) -> SnapshotRefund:
    """Give back a part or all. `reason` is cut to what Toss holds beside the key; Toss shows it to the merchant."""
    path = f"/v1/payments/{quote(payment_key, safe='')}/cancel"
    said = f"{reason[: REASON_CHARACTERS_MAX - KEY_CHARACTERS]} [{key}]"
    answered = _snapshot(
        client(Provider.TOSS).post_json(path, _Payment, {"cancelReason": said, "cancelAmount": _number(money)}, key)
    )
    for done in answered.refunds:
        if done.key == str(key):
            return done
    raise ProviderAway(Provider.TOSS, "no-such-cancel")  # the answer to something else: look it up


def list_day(day: date) -> Iterator[Snapshot]:
    """What Toss says now of every payment that was approved or canceled on this day in Korea."""
    toss, seen, after = client(Provider.TOSS), set[str](), None
    while True:
        query: dict[str, str | int | list[str]] = {
            "startDate": f"{day}T00:00:00",
            "endDate": f"{day}T23:59:59.999",
            "limit": PAGE,
        }
        if after is not None:
            query["startingAfter"] = after
        page = toss.get("/v1/transactions", tuple[_Transaction, ...], query)
        for transaction in page:
            if transaction.order_id not in seen:
                seen.add(transaction.order_id)
                yield fetch_by_order(transaction.order_id)
        if len(page) < PAGE:
            return
        after = page[-1].transaction_key


def _number(money: Money) -> Decimal:
    """With just the decimals that the currency has: 12000, where the column says 12000.00."""
    return Decimal(text(money.amount, money.currency))


def _snapshot(payment: _Payment) -> Snapshot:
    # A deposit that never came can be canceled, and then has a balance of 0 and nothing to give back.
    is_approved = payment.approved_at is not None
    return Snapshot(
        provider=Provider.TOSS,
        transaction_id=payment.payment_key,
        order_id=payment.order_id,
        provider_status=payment.status,
        amount=payment.total_amount,
        refunded_amount=payment.total_amount - payment.balance_amount if is_approved else NOTHING,
        currency=payment.currency,
        approved=is_approved,
        refunds=tuple(_refund(cancel) for cancel in payment.cancels or ()),
        receiver_id=(payment.metadata or {}).get("receiver_id"),
        method=payment.method,
        secret=payment.secret,
    )


def _refund(cancel: _Cancel) -> SnapshotRefund:
    found = _KEY_IN_REASON.search(cancel.cancel_reason)
    return SnapshotRefund(
        key=found[1] if found else None,
        provider_refund_id=cancel.transaction_key,
        amount=cancel.cancel_amount,
        is_failed=cancel.cancel_status == CANCEL_FAILED,
    )
