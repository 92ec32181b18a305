"""Webhooks: whose they are, and what they hint at. Nothing of them is believed before the provider was asked (P8).

Stripe signs its events; its own library checks that. Toss signs none of its payment events: what comes there is a hint
by anybody, and as such of use to nobody but us.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final, TypeVar

import msgspec
from stripe import SignatureVerificationError, WebhookSignature

from domain.money import MINOR_UNITS, Money
from domain.payment import Provider
from domain.payment_ticket import Claim, Hint
from providers.errors import WebhookForged, WebhookMalformed
from providers.stripe import REFUND_FAILED

STRIPE_TOLERANCE_S: Final = 300
"""How old a signature may be (Stripe's own figure): a body that somebody recorded cannot be sent later."""
DEPOSIT_CALLBACK: Final = "DEPOSIT_CALLBACK"
PAYMENT_EVENTS: Final = frozenset({"PAYMENT_STATUS_CHANGED", "CANCEL_STATUS_CHANGED"})
"""Of Toss, that carry a payment. Others (payouts, sellers, billing) are kept, and are about none."""
DIGITS_MAX: Final = 12
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{6,64}")
_TRANSACTION_ID: Final = re.compile(r"[!-~]{1,200}")

Shape = TypeVar("Shape")
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)")]
Id = Annotated[str, msgspec.Meta(max_length=200)]


class _TossData(msgspec.Struct, frozen=True, rename="camel"):
    order_id: Id | None = None
    payment_key: Id | None = None
    status: Name | None = None
    total_amount: Decimal | None = None
    balance_amount: Decimal | None = None
    approved_at: str | None = None


class _TossEvent(msgspec.Struct, frozen=True, rename="camel"):
    """{eventType, createdAt, data}; a DEPOSIT_CALLBACK is {createdAt, secret, status, transactionKey, orderId}."""

    event_type: Name | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")
    secret: Id | None = None
    status: Name | None = None
    order_id: Id | None = None


class _StripeObject(msgspec.Struct, frozen=True):
    object: str = ""
    id: Id | None = None
    status: Name | None = None
    payment_intent: Id | None = None
    currency: str = ""
    amount_refunded: int = 0
    metadata: dict[str, str] | None = None


class _StripeData(msgspec.Struct, frozen=True):
    object: msgspec.Raw = msgspec.Raw(b"{}")


class _StripeEvent(msgspec.Struct, frozen=True):
    id: Id
    type: Name
    data: _StripeData = _StripeData()


def parse_toss(body: bytes, event_id: str | None = None) -> Hint:
    """What a webhook of Toss hints at; `event_id` is its header Tosspayments-Webhook-Transmission-Id.

    Raises WebhookMalformed.
    """
    event = _decoded(body, _TossEvent)
    event_type = event.event_type or DEPOSIT_CALLBACK
    if event_type in PAYMENT_EVENTS:
        data = _decoded(event.data, _TossData)
    else:
        data = _TossData(order_id=event.order_id, status=event.status)
    if event_type == DEPOSIT_CALLBACK and None in (event.secret, event.order_id, event.status):
        raise WebhookMalformed
    if event_type in PAYMENT_EVENTS and (data.order_id, data.payment_key) == (None, None):
        raise WebhookMalformed
    return Hint(
        provider=Provider.TOSS,
        event_type=event_type,
        event_id=event_id,
        order_id=_matching(_ORDER_ID, data.order_id),
        transaction_id=_matching(_TRANSACTION_ID, data.payment_key),
        claim=Claim(provider_status=data.status, refunded_amount=_given_back(data)),
        secret=event.secret,
    )


def parse_stripe(body: bytes, signature: str, secrets: Sequence[str]) -> Hint:
    """What an event of Stripe's hints at, if one of our secrets signed these very bytes lately.

    `signature` is the header Stripe-Signature. Raises WebhookForged, WebhookMalformed.
    """
    if not any(_is_signed(body, signature, secret) for secret in secrets):
        raise WebhookForged("The signature is not Stripe's for this body, or is too old.")
    event = _decoded(body, _StripeEvent)
    about = _decoded(event.data.object, _StripeObject) if _is_known(event.type) else _StripeObject()
    intent_id = about.id if about.object == "payment_intent" else about.payment_intent
    return Hint(
        provider=Provider.STRIPE,
        event_type=event.type,
        event_id=event.id,
        order_id=_matching(_ORDER_ID, (about.metadata or {}).get("order_id")),
        transaction_id=_matching(_TRANSACTION_ID, intent_id),
        claim=_claim(about),
    )


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    # Stripe's errors quote the body: nothing of them goes on (P11).
    try:
        return bool(WebhookSignature.verify_header(body, signature, secret, STRIPE_TOLERANCE_S))
    except (SignatureVerificationError, UnicodeDecodeError):
        return False


def _is_known(event_type: str) -> bool:
    """Is its object a PaymentIntent, or one that names a PaymentIntent?"""
    return event_type.startswith(("payment_intent.", "charge.", "refund."))


def _claim(about: _StripeObject) -> Claim:
    if about.object == "payment_intent":
        return Claim(provider_status=about.status)
    if about.object == "refund":
        return Claim(refund_id=about.id, refund_is_failed=about.status in REFUND_FAILED)
    if about.object == "charge" and about.currency.upper() in MINOR_UNITS:
        return Claim(refunded_amount=Money.from_minor(about.amount_refunded, about.currency.upper()).amount)
    return Claim()


def _decoded(body: bytes | msgspec.Raw, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise WebhookMalformed from None


def _matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    """Whoever sends it: what cannot be an id is none."""
    return text if text is not None and pattern.fullmatch(text) else None


def _given_back(data: _TossData) -> Decimal | None:
    total, balance = data.total_amount, data.balance_amount
    if data.approved_at is None or total is None or balance is None:
        return None
    is_sum = all(amount.is_finite() and amount.adjusted() < DIGITS_MAX for amount in (total, balance))
    return total - balance if is_sum else None
