"""providers.webhooks: whose a webhook is, and what it hints at, whatever somebody sends."""

import time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain.payment_ticket import Claim, Hint
from providers.errors import WebhookForged, WebhookMalformed
from providers.webhooks import parse_stripe, parse_toss
from tests.fakes.deliveries import sign

SECRETS = ("whsec_new", "whsec_old")
TOSS: dict[str, Any] = {
    "eventType": "PAYMENT_STATUS_CHANGED",
    "createdAt": "2026-11-25T10:00:00.000000",
    "data": {
        "paymentKey": "tviva20261125100000AbC",
        "orderId": "order-1",
        "status": "PARTIAL_CANCELED",
        "totalAmount": 12000,
        "balanceAmount": 7000,
        "approvedAt": "2026-11-25T10:00:00+09:00",
        "card": {"number": "43301234****123*"},
    },
}


def toss(**data: object) -> Hint:
    return parse_toss(msgspec.json.encode({**TOSS, "data": {**TOSS["data"], **data}}))


def stripe(event_type: str, **about: object) -> Hint:
    body = msgspec.json.encode({"id": "evt_1", "object": "event", "type": event_type, "data": {"object": about}})
    return parse_stripe(body, signed(body), SECRETS)


def signed(body: bytes, secrets: tuple[str, ...] = SECRETS[:1], age_s: float = 0) -> str:
    return sign(body, secrets, time.time() - age_s)["stripe-signature"]


def test_a_change_at_toss_names_the_payment_and_claims_a_state() -> None:
    hint = parse_toss(msgspec.json.encode(TOSS), "delivery-1")
    assert (hint.order_id, hint.transaction_id, hint.event_id) == ("order-1", "tviva20261125100000AbC", "delivery-1")
    assert hint.claim == Claim(provider_status="PARTIAL_CANCELED", refunded_amount=Decimal(5_000))
    assert hint.secret is None, "only a deposit's callback shows one"


def test_a_deposits_callback_is_flat_and_shows_a_secret() -> None:
    told = {"createdAt": "x", "secret": "canary", "status": "DONE", "transactionKey": "t", "orderId": "order-1"}
    hint = parse_toss(msgspec.json.encode(told))
    assert (hint.event_type, hint.order_id, hint.transaction_id) == ("DEPOSIT_CALLBACK", "order-1", None)
    assert (hint.claim, hint.secret) == (Claim(provider_status="DONE"), "canary")
    assert "canary" not in repr(hint), "P11"


def test_of_a_deposit_that_never_came_nothing_is_claimed_to_have_gone_back() -> None:
    hint = toss(status="CANCELED", balanceAmount=0, approvedAt=None)
    assert hint.claim == Claim(provider_status="CANCELED")


def test_other_events_of_toss_are_about_no_payment_whatever_their_shape() -> None:
    hint = parse_toss(b'{"eventType":"payout.changed","createdAt":"x","data":[1,{"orderId":7}]}')
    assert (hint.event_type, hint.names_payment) == ("payout.changed", False)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"canary", b"[]", b"1", b'{"eventType":', b"\xff\xfe", b'{"eventType":1}', b'{"eventType":""}'),
        *(b'{"eventType":"a b"}', b'{"eventType":"' + b"a" * 65 + b'"}', b'{"orderId":[]}'),
        b'{"eventType":"PAYMENT_STATUS_CHANGED"' + b',"data":[]}',
        b'{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":5}}',
        b'{"eventType":"PAYMENT_STATUS_CHANGED","data":{"status":"a\\n"}}',
        b'{"eventType":"PAYMENT_STATUS_CHANGED","data":{"paymentKey":"' + b"k" * 201 + b'"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_webhook_of_toss_is_refused_without_being_quoted(body: bytes) -> None:
    with pytest.raises(WebhookMalformed) as raised:
        parse_toss(body)
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "order_id", ["short", "a" * 65, "order 1", "order\x001", "주문번호일이삼", "order-1\n", "order'--1"]
)
def test_what_cannot_be_an_order_names_none(order_id: str) -> None:
    assert toss(orderId=order_id).order_id is None


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "1e999999999", "1e13", "-Infinity"])
def test_no_forged_sum_reaches_the_rules(amount: str) -> None:
    assert toss(totalAmount=amount).claim.refunded_amount is None
    assert toss(balanceAmount=amount).claim.refunded_amount is None


def test_an_event_of_stripe_is_taken_by_the_signature_over_its_bytes() -> None:
    hint = stripe(
        "payment_intent.succeeded",
        object="payment_intent",
        id="pi_1",
        status="succeeded",
        metadata={"order_id": "order-1"},
        something_new={"a": 1},
    )
    assert (hint.event_id, hint.order_id, hint.transaction_id) == ("evt_1", "order-1", "pi_1")
    assert hint.claim == Claim(provider_status="succeeded")


def test_what_is_about_a_charge_or_a_refund_names_its_payment_intent() -> None:
    charge = stripe(
        "charge.refunded", object="charge", id="ch_1", payment_intent="pi_1", amount_refunded=330, currency="usd"
    )
    assert (charge.transaction_id, charge.claim) == ("pi_1", Claim(refunded_amount=Decimal("3.30")))
    failed = stripe("refund.failed", object="refund", id="re_1", payment_intent="pi_1", status="failed")
    assert (failed.transaction_id, failed.claim) == ("pi_1", Claim(refund_id="re_1", refund_is_failed=True))
    dispute = stripe(
        "charge.dispute.created", object="dispute", id="dp_1", payment_intent="pi_1", status="needs_response"
    )
    assert (dispute.transaction_id, dispute.claim) == ("pi_1", Claim())


def test_other_events_of_stripe_are_about_no_payment() -> None:
    assert not stripe("customer.created", object="customer", id=7).names_payment
    assert not stripe("charge.succeeded", object="charge", id="ch_1", payment_intent=None).names_payment


BODY = b'{"id":"evt_1","type":"customer.created","data":{"object":{}}}'


@pytest.mark.parametrize("secrets", [("whsec_old",), ("whsec_old", "whsec_new"), ("another", "whsec_new")])
def test_while_the_secret_is_rolled_each_in_force_verifies(secrets: tuple[str, ...]) -> None:
    assert parse_stripe(BODY, signed(BODY, secrets), SECRETS).event_id == "evt_1"


@pytest.mark.parametrize("age_s", [290, 0, -290])
def test_a_signature_may_be_some_minutes_old(age_s: float) -> None:
    assert parse_stripe(BODY, signed(BODY, age_s=age_s), SECRETS).event_id == "evt_1"


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY, ""),
        (BODY, "canary"),
        (BODY, "t=1,v1="),
        (BODY, "t=x,v1=00"),
        (BODY, signed(BODY, ("another",))),
        (BODY, signed(BODY, age_s=310)),
        (BODY + b" ", signed(BODY)),
        (BODY.replace(b"evt_1", b"evt_2"), signed(BODY)),
        (BODY, signed(BODY).replace("v1=", "v0=")),
        (b"\xff\xfe", signed(b"\xff\xfe")),
    ],
    ids=[
        "none",
        "of no shape",
        "empty",
        "of no time",
        "by another secret",
        "too old",
        "of another body",
        "of another event",
        "of another scheme",
        "of no JSON",
    ],
)
def test_a_forged_or_old_one_is_refused_and_nothing_of_it_quoted(body: bytes, signature: str) -> None:
    with pytest.raises(WebhookForged) as raised:
        parse_stripe(body, signature, SECRETS)
    assert "evt_" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize("secrets", [(), ("",), (" ",)])
def test_without_a_secret_nothing_verifies(secrets: tuple[str, ...]) -> None:
    """An empty key signs forgeries."""
    with pytest.raises(WebhookForged):
        parse_stripe(BODY, signed(BODY, ("", " ")), secrets)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"canary", b'{"id":"evt_1","type":"a b"}'])
def test_what_is_signed_and_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(WebhookMalformed):
        parse_stripe(body, signed(body), SECRETS)
