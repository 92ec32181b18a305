"""What may be asked of payments: shapes and limits. A card number is refused wherever it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from domain.card_numbers import check_no_card_number
from domain.errors import BadInput, Conflict, NotAllowed
from domain.message import RowId
from domain.money import check_amount, text
from domain.payment import CURRENCY_DEFAULT, METHOD_DEFAULT, NOTHING, PaymentStatus, Provider, provider_of
from domain.texts import NOT_BLANK

METADATA_BYTES_MAX: Final = 8_192
METADATA_DEPTH_MAX: Final = 8
TRANSACTION_ID_CHARACTERS_MAX: Final = 200
"""What Toss's paymentKey may have."""
REFUND_REASON_CHARACTERS_MAX: Final = 150
"""Beside the refund's own key it must fit Toss's cancelReason, which holds 200."""
# Whatever a provider may make of an id goes into the path of a URL, quoted. (?!\n): see domain.message.Attachment.
TransactionId = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}$(?!\n)", max_length=TRANSACTION_ID_CHARACTERS_MAX)]
RefundReason = Annotated[str, msgspec.Meta(pattern=NOT_BLANK, max_length=REFUND_REASON_CHARACTERS_MAX)]


class NewPayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sum that one user is to pay to another because of an event."""

    event_id: RowId
    payer_id: RowId
    receiver_id: RowId
    amount: Decimal
    """A decimal string, with no more places than the currency has."""
    currency: str = CURRENCY_DEFAULT
    payment_method: str = METHOD_DEFAULT
    transaction_id: TransactionId | None = None
    """Toss's paymentKey or Stripe's PaymentIntent, if there is one already."""
    metadata: dict[str, Any] = {}
    """Details of the payment, any JSON. Stored encrypted, and shown to its payer and receiver only."""


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The payer has agreed at the provider's window."""

    payment_key: TransactionId
    """Toss's paymentKey or Stripe's PaymentIntent."""
    actor_id: RowId | None = None
    """The payer or the receiver; the payer if nobody is named."""


class RefundRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sum that its receiver gives back, all of it or a part."""

    actor_id: RowId
    amount: Decimal
    reason: RefundReason


@dataclass(frozen=True, slots=True)
class Refundable:
    """A payment, and what its receiver has asked to be given back of it."""

    receiver_id: int
    status: PaymentStatus
    amount: Decimal
    currency: str
    refunded_amount: Decimal
    """As the provider last said."""
    waiting: Decimal
    """Asked for, and not yet answered by the provider."""
    done: Decimal


def check_payment(new: NewPayment) -> Provider:
    """Who is to take the payment. Raises BadInput, naming the field."""
    provider = provider_of(new.payment_method)
    check_amount(new.amount, new.currency)
    if new.payer_id == new.receiver_id:
        raise BadInput("Nobody pays themselves.", "receiver_id")
    if _depth(new.metadata) > METADATA_DEPTH_MAX or len(msgspec.json.encode(new.metadata)) > METADATA_BYTES_MAX:
        raise BadInput(
            f"Metadata may have {METADATA_BYTES_MAX} bytes of JSON, nested {METADATA_DEPTH_MAX} deep.", "metadata"
        )
    check_no_card_number(new)
    return provider


def check_refund(payment: Refundable, asked: RefundRequest) -> None:
    """Raises NotAllowed, BadInput; Conflict if this is more than is left to give back."""
    if asked.actor_id != payment.receiver_id:
        raise NotAllowed("Only its receiver gives a payment back.")
    check_amount(asked.amount, payment.currency)
    if payment.status is not PaymentStatus.COMPLETED:
        raise Conflict(f"The payment is {payment.status}: there is nothing to give back.")
    # What has been given back by the provider's own dashboard is in one of these only, and so is a refund whose
    # snapshot is still to come.
    left = max(payment.amount - payment.waiting - max(payment.refunded_amount, payment.done), NOTHING)
    if asked.amount > left:
        raise Conflict(f"Of this payment {text(left, payment.currency)} {payment.currency} can still be given back.")


def _depth(value: object) -> int:
    """How deep JSON is nested. Not by recursion: what is sent may be nested as deep as Python's stack goes."""
    level, depth = [value], 0
    while level := [inner for one in level if isinstance(one, dict | list) for inner in _inner(one)]:
        depth += 1
    return depth


def _inner(one: "dict[str, object] | list[object]") -> Iterable[object]:
    return one.values() if isinstance(one, dict) else one
