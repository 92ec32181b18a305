"""A payment's state: a pure function of what its provider says now, held against what was asked for (P8).

Event names and the order of arrival decide nothing here. `docs/payments.md` has the table with its reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.errors import BadInput

METHOD_DEFAULT: Final = "TOSS"
CURRENCY_DEFAULT: Final = "KRW"
NOTHING: Final = Decimal(0)


class Provider(StrEnum):
    """Who moves the money."""

    TOSS = "TOSS"
    STRIPE = "STRIPE"


class PaymentStatus(StrEnum):
    """How far a payment has come."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"


class QuarantineReason(StrEnum):
    """Why what a provider says is kept for a person to look at, and the payment left as it is."""

    AMOUNT = "amount"
    CURRENCY = "currency"
    ORDER = "order"
    RECEIVER = "receiver"
    STATUS = "status"
    """A status that neither provider had when this was written."""
    UNKNOWN_PAYMENT = "unknown-payment"
    SECRET = "secret"  # noqa: S105 (a reason, no password)


class Phase(StrEnum):
    """What a provider's status says of the money."""

    OPEN = "open"
    PAID = "paid"
    CANCELED = "canceled"
    """Given back if it had been paid."""
    OVER = "over"
    """It will not be paid."""


PROVIDERS: Final[Mapping[str, Provider]] = {
    **dict.fromkeys(
        ("TOSS", "CARD", "TRANSFER", "VIRTUAL_ACCOUNT", "MOBILE_PHONE", "EASY_PAY", "GIFT_CERTIFICATE"), Provider.TOSS
    ),
    "STRIPE": Provider.STRIPE,
}
"""By payment method: what is not Stripe's is one of Toss's own methods."""

PHASES: Final[Mapping[tuple[Provider, str], Phase]] = {
    (Provider.TOSS, "READY"): Phase.OPEN,
    (Provider.TOSS, "IN_PROGRESS"): Phase.OPEN,
    (Provider.TOSS, "WAITING_FOR_DEPOSIT"): Phase.OPEN,
    (Provider.TOSS, "DONE"): Phase.PAID,
    (Provider.TOSS, "PARTIAL_CANCELED"): Phase.PAID,
    (Provider.TOSS, "CANCELED"): Phase.CANCELED,
    (Provider.TOSS, "ABORTED"): Phase.OVER,
    (Provider.TOSS, "EXPIRED"): Phase.OVER,
    (Provider.STRIPE, "requires_payment_method"): Phase.OPEN,
    (Provider.STRIPE, "requires_confirmation"): Phase.OPEN,
    (Provider.STRIPE, "requires_action"): Phase.OPEN,
    (Provider.STRIPE, "requires_capture"): Phase.OPEN,
    (Provider.STRIPE, "processing"): Phase.OPEN,
    (Provider.STRIPE, "succeeded"): Phase.PAID,
    (Provider.STRIPE, "canceled"): Phase.CANCELED,
}
"""Every status of a payment (Toss, version 2022-11-16) and of a PaymentIntent (Stripe)."""


@dataclass(frozen=True, slots=True)
class SnapshotRefund:
    """One refund, as the provider has it."""

    key: str | None
    """The key that we sent along; None for one that was not asked for by us."""
    provider_refund_id: str
    amount: Decimal
    is_failed: bool
    """It was refused or taken back: the money is still here. One under way counts as done."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the provider says of a payment at one moment."""

    provider: Provider
    transaction_id: str
    """Toss's paymentKey, Stripe's PaymentIntent."""
    order_id: str | None
    provider_status: str
    """In the provider's own words."""
    amount: Decimal
    refunded_amount: Decimal
    currency: str
    approved: bool
    """The money had been taken, at this moment or before."""
    refunds: tuple[SnapshotRefund, ...] = ()
    receiver_id: str | None = None
    """Of the provider's metadata, as it stands there; None where it was not set."""
    method: str | None = None
    """In the provider's own words."""
    secret: str | None = field(default=None, repr=False)
    """What a deposit's callback must show (Toss); None where there is none."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What we asked for, and how far we know it has come."""

    payment_id: int
    order_id: str
    amount: Decimal
    currency: str
    receiver_id: int
    transaction_id: str | None
    status: PaymentStatus
    refunded_amount: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a payment becomes by a snapshot."""

    status: PaymentStatus
    refunded_amount: Decimal
    is_change: bool
    is_correction: bool
    """The provider has taken back something that it had said before, or that we had believed."""


FORWARD: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = {
    PaymentStatus.PENDING: frozenset(PaymentStatus),
    PaymentStatus.COMPLETED: frozenset({PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}),
    PaymentStatus.REFUNDED: frozenset({PaymentStatus.REFUNDED}),
    PaymentStatus.FAILED: frozenset({PaymentStatus.FAILED}),
}
"""What normally follows what; a fetch may have missed what was between. All else is a correction."""


def provider_of(payment_method: str) -> Provider:
    """Who takes payments of this method. Raises BadInput."""
    try:
        return PROVIDERS[payment_method]
    except KeyError:
        raise BadInput(f"A payment method is one of {', '.join(PROVIDERS)}.", "payment_method") from None


def state_of(snapshot: Snapshot) -> tuple[PaymentStatus, Decimal]:
    """Our state and how much has been given back. KeyError for a status that PHASES lacks: ask `mismatch_of` first."""
    phase = PHASES[snapshot.provider, snapshot.provider_status]
    if phase is Phase.OPEN:
        return PaymentStatus.PENDING, NOTHING
    if phase is Phase.OVER or (phase is Phase.CANCELED and not snapshot.approved):
        return PaymentStatus.FAILED, NOTHING
    if phase is Phase.CANCELED or snapshot.refunded_amount == snapshot.amount:
        return PaymentStatus.REFUNDED, snapshot.amount
    return PaymentStatus.COMPLETED, snapshot.refunded_amount


def mismatch_of(expected: Expected, snapshot: Snapshot) -> QuarantineReason | None:
    """What is wrong with a snapshot as an answer to what was asked for; None if it may be applied.

    Somebody whose first try failed pays the same order by another transaction: the payment follows it. Once the money
    has come by one transaction, another is a second charge, which a person must look at.
    """
    is_paid = expected.status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED)
    is_other = expected.transaction_id not in (None, snapshot.transaction_id)
    if (snapshot.provider, snapshot.provider_status) not in PHASES:
        return QuarantineReason.STATUS
    if snapshot.order_id != expected.order_id or (is_paid and is_other):
        return QuarantineReason.ORDER
    if snapshot.currency != expected.currency:
        return QuarantineReason.CURRENCY
    if snapshot.amount != expected.amount or not 0 <= snapshot.refunded_amount <= snapshot.amount:
        return QuarantineReason.AMOUNT
    if snapshot.receiver_id not in (None, str(expected.receiver_id)):
        return QuarantineReason.RECEIVER
    return None


def settle(present: Expected, snapshot: Snapshot) -> Settlement:
    """What a snapshot without a mismatch makes of a payment."""
    status, refunded = state_of(snapshot)
    return Settlement(
        status=status,
        refunded_amount=refunded,
        is_change=(status, refunded) != (present.status, present.refunded_amount),
        is_correction=status not in FORWARD[present.status] or refunded < present.refunded_amount,
    )
