"""What may be asked of payments."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain.errors import BadInput, Conflict, NotAllowed, TimingleError
from domain.payment import PaymentStatus, Provider
from domain.payment_request import (
    METADATA_BYTES_MAX,
    METADATA_DEPTH_MAX,
    NewPayment,
    Refundable,
    RefundRequest,
    check_payment,
    check_refund,
)

CARD = "4242 4242 4242 4242"
"""Stripe's own example."""
PAID = Refundable(
    receiver_id=2,
    status=PaymentStatus.COMPLETED,
    amount=Decimal("10000.00"),
    currency="KRW",
    refunded_amount=Decimal(0),
    waiting=Decimal(0),
    done=Decimal(0),
)


def new(**more: Any) -> NewPayment:
    body = {"event_id": 1, "payer_id": 1, "receiver_id": 2, "amount": "12000"} | more
    return msgspec.json.decode(msgspec.json.encode(body), type=NewPayment)


def nested(depth: int) -> dict[str, Any]:
    return {} if depth == 0 else {"a": nested(depth - 1)}


def test_a_payment_is_in_won_by_toss_unless_it_says_otherwise() -> None:
    assert (new().currency, check_payment(new())) == ("KRW", Provider.TOSS)
    assert check_payment(new(payment_method="STRIPE", currency="USD", amount="9.90")) is Provider.STRIPE


@pytest.mark.parametrize(
    ("spoilt", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "100000000"}, "amount"),
        ({"amount": "1e400"}, "amount"),
        ({"amount": "12000.5"}, "amount"),
        ({"amount": "9.901", "currency": "USD"}, "amount"),
        ({"currency": "krw"}, "currency"),
        ({"currency": "BHD"}, "currency"),
        ({"payment_method": "CASH"}, "payment_method"),
        ({"receiver_id": 1}, "receiver_id"),
        ({"metadata": {"a": "x" * METADATA_BYTES_MAX}}, "metadata"),
        ({"metadata": nested(METADATA_DEPTH_MAX + 1)}, "metadata"),
        ({"metadata": {"card": CARD}}, "metadata[...]"),
        ({"metadata": {"a": [{"b": 4242424242424242}]}}, "metadata[...][0][...]"),
        ({"metadata": {CARD: "a"}}, "metadata"),
        ({"transaction_id": "4242424242424242"}, "transaction_id"),
    ],
)
def test_what_nobody_can_pay_or_may_store_is_refused_by_its_field(spoilt: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_payment(new(**spoilt))
    assert refused.value.field == field
    assert "4242" not in str(refused.value)


def test_metadata_at_its_limits_is_taken() -> None:
    check_payment(new(metadata=nested(METADATA_DEPTH_MAX)))
    check_payment(new(metadata={"a": "x" * (METADATA_BYTES_MAX - len('{"a":""}'))}))


@pytest.mark.parametrize(
    ("payment", "asked", "error"),
    [
        (PAID, "10000", None),
        (PAID, "10001", Conflict),
        (PAID, "0.5", BadInput),
        (PAID, "0", BadInput),
        (replace(PAID, waiting=Decimal(4000)), "6000", None),
        (replace(PAID, waiting=Decimal(4000)), "6001", Conflict),
        (replace(PAID, refunded_amount=Decimal(4000)), "6001", Conflict),
        # Given back by the provider's own dashboard, or by us and not yet seen: either way it is gone.
        (replace(PAID, refunded_amount=Decimal(4000), done=Decimal(1000)), "6000", None),
        (replace(PAID, refunded_amount=Decimal(1000), done=Decimal(4000)), "6001", Conflict),
        (replace(PAID, refunded_amount=Decimal(4000), waiting=Decimal(6000)), "1", Conflict),
        (replace(PAID, status=PaymentStatus.PENDING), "1", Conflict),
        (replace(PAID, status=PaymentStatus.FAILED), "1", Conflict),
        (replace(PAID, status=PaymentStatus.REFUNDED, refunded_amount=Decimal(10000)), "1", Conflict),
        (replace(PAID, receiver_id=3), "1", NotAllowed),
    ],
)
def test_a_receiver_gives_back_what_is_left_and_no_more(
    payment: Refundable, asked: str, error: type[TimingleError] | None
) -> None:
    request = RefundRequest(actor_id=2, amount=Decimal(asked), reason="a")
    if error is None:
        check_refund(payment, request)
    else:
        with pytest.raises(error):
            check_refund(payment, request)
