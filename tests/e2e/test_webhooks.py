"""Webhooks by HTTP: whose are taken, whose are refused, and that none is believed (P8)."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import pytest

from domain.keyring import KeyRing
from local.stack import Stack
from stores.payment_places import place_of_payload
from tests.e2e.app import Chat, refusal
from tests.e2e.bank import Bank
from tests.e2e.behind import Behind
from tests.fakes.deliveries import sign
from tests.waiting import wait_until

BODY_BYTES_MAX = 1_048_576
DEPOSIT = "가상계좌"


@pytest.fixture(scope="module")
def web(system: Stack) -> Iterator[httpx.Client]:
    """Who has no key of ours."""
    with httpx.Client(base_url=f"{system.ingest_url}/v1/webhooks", timeout=30) as made:
        yield made


def hint(order_id: str, **more: Any) -> dict[str, Any]:
    """As Toss writes it, or anybody else."""
    data = {"orderId": order_id, "paymentKey": "tforged", "status": "DONE", "totalAmount": 12000, **more}
    return {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-25T10:00:00.000000", "data": data}


def deposit(order_id: str, secret: str) -> dict[str, Any]:
    at = f"2026-11-25T10:00:00.{time.time_ns() % 1_000_000:06}"
    return {"createdAt": at, "secret": secret, "status": "DONE", "transactionKey": "a", "orderId": order_id}


def rows(behind: Behind, order_id: str, columns: str = "provider, is_verified") -> list[tuple[Any, ...]]:
    """What of an order is in the inbox."""
    return behind.sql(f"SELECT {columns} FROM payment_webhooks WHERE order_id = %s ORDER BY id", order_id)


def stripe_secret(system: Stack) -> str:
    return system.env["TIMINGLE_STRIPE_WEBHOOK_SECRETS"].split(",")[0]


def test_the_same_body_counts_once_however_often_and_at_once_it_comes(
    chat: Chat, web: httpx.Client, behind: Behind
) -> None:
    order_id = chat.asked().order_id
    body = msgspec.json.encode(hint(order_id))
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: web.post("/toss", content=body), range(30)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"{}")}
    assert rows(behind, order_id) == [("TOSS", False)]
    web.post("/toss", content=body + b" ")
    assert len(rows(behind, order_id)) == 2


def test_what_toss_is_said_to_say_changes_nothing_that_toss_does_not_say(
    chat: Chat, web: httpx.Client, bank: Bank, behind: Behind
) -> None:
    """P8. The forged one is looked into, and that is all."""
    payment = bank.paid(chat)
    wait_until("Toss's own are done with", lambda: ("waiting",) not in rows(behind, payment.order_id, "state"))
    key = bank.now(payment).transaction_id
    asked = bank.fakes.toss.calls
    for status in ("CANCELED", "ABORTED", "EXPIRED", "WAITING_FOR_DEPOSIT"):
        body = hint(payment.order_id, status=status, paymentKey=key, balanceAmount=0, approvedAt="a")
        assert web.post("/toss", json=body).status_code == 200
    wait_until("Toss is asked", lambda: bank.fakes.toss.calls > asked)
    looks = "SELECT count(*) FROM payment_webhooks WHERE order_id = %s AND state = 'waiting' AND looks = 0"
    wait_until("all were looked into", lambda: behind.sql(looks, payment.order_id) == [(0,)])
    now = bank.now(payment)
    assert (now.status, now.refunded_amount) == ("COMPLETED", "0")


def test_stripes_events_are_taken_by_any_secret_in_force_for_five_minutes(
    chat: Chat, bank: Bank, behind: Behind, system: Stack
) -> None:
    bank.fakes.stripe.hold()
    payment = chat.asked(amount="9.90", currency="USD", payment_method="STRIPE")
    bank.intend(payment, "succeeded")
    (event,) = bank.fakes.stripe.events(payment.order_id)
    for refused in ({"secret": "whsec_another"}, {"age_s": 302.0}, {"age_s": 86_400.0}):
        assert bank.fakes.stripe.deliver([event.number], **refused) == ["400"]
    assert rows(behind, payment.order_id) == []
    assert bank.fakes.stripe.deliver([event.number], times=2, age_s=290.0) == ["200", "200"]
    assert rows(behind, payment.order_id) == [("STRIPE", True)]
    bank.wait(payment, "COMPLETED")
    assert bank.fakes.stripe.deliver([event.number], age_s=302.0) == ["400"], "an old one, though it is known"
    assert len(rows(behind, payment.order_id)) == 1


def test_a_hint_of_anybody_makes_us_ask_whichever_provider_has_the_payment(
    chat: Chat, web: httpx.Client, bank: Bank
) -> None:
    """What the runbook tells an operator to do who misses a webhook."""
    bank.fakes.stripe.hold()
    payment = chat.asked(amount="9.90", currency="USD", payment_method="STRIPE")
    intent = bank.intend(payment, "succeeded")
    body = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "now", "data": {"orderId": payment.order_id}}
    assert web.post("/toss", json=body).status_code == 200
    assert bank.wait(payment, "COMPLETED").transaction_id == intent.id


def changed(header: str) -> list[dict[str, str]]:
    """Headers that are not Stripe's for this body."""
    at, _, signature = header.partition(",v1=")
    return [
        {},
        {"stripe-signature": ""},
        {"stripe-signature": at},
        {"stripe-signature": f"{at},v1="},
        {"stripe-signature": f"{at},v0={signature}"},
        {"stripe-signature": f"{at},v1={signature[:-1]}{'0' if signature[-1] != '0' else '1'}"},
        {"stripe-signature": f"t={int(at[2:]) + 1},v1={signature}"},
        {"stripe-signature": f"v1={signature}"},
        {"stripe-signature": "t=now,v1=" + signature},
        {"stripe-signature": "é" * 100},
        {"stripe-signature": "t=" + "9" * 5_000 + ",v1=" + signature},
    ]


def test_an_event_that_stripe_did_not_sign_is_refused_and_not_stored(
    web: httpx.Client, system: Stack, behind: Behind, nothing_is_stored: None
) -> None:
    body = msgspec.json.encode({"id": "evt_1", "type": "charge.refunded", "data": {"object": {"object": "charge"}}})
    signed = sign(body, [stripe_secret(system)], time.time())
    for headers in changed(signed["stripe-signature"]):
        given = {name.encode(): value.encode() for name, value in headers.items()}
        assert refusal(web.post("/stripe", content=body, headers=given)) == (400, ""), headers
    for other in (body + b" ", body.replace(b"evt_1", b"evt_2"), b"", b"\xff"):
        assert refusal(web.post("/stripe", content=other, headers=signed)) == (400, "")


def test_the_secret_of_a_deposit_is_held_against_the_one_that_toss_told(
    chat: Chat, web: httpx.Client, bank: Bank, behind: Behind
) -> None:
    payment = chat.asked()
    assert web.post("/toss", json=deposit(payment.order_id, "early")).status_code == 200, "nobody knows it yet"
    begun = bank.agree(payment, method=DEPOSIT)
    bank.confirm(payment, begun.payment_key)
    known = "SELECT deposit_secret_hash IS NOT NULL FROM payments WHERE id = %s"
    wait_until("its secret is known", lambda: behind.sql(known, payment.id) == [(True,)])
    wait_until("Toss's own two have come beside it", lambda: len(rows(behind, payment.order_id)) == 3)
    before = len(rows(behind, payment.order_id))
    for secret in ("forged", "", begun.secret[:-1], begun.secret + "a"):
        assert refusal(web.post("/toss", json=deposit(payment.order_id, secret))) == (400, "")
    assert len(rows(behind, payment.order_id)) == before
    assert bank.now(payment).status == "PENDING"
    assert web.post("/toss", json=deposit(payment.order_id, begun.secret)).status_code == 200
    assert ("TOSS", True) in rows(behind, payment.order_id)
    bank.fakes.toss.become(begun.payment_key, "DONE")
    bank.wait(payment, "COMPLETED")


NOT_TOSS: Sequence[bytes] = [
    b"", b"{}", b"null", b"[]", b"1", b"{", b"eventType=PAYMENT_STATUS_CHANGED", b"\xff", b"\x00" * 100,
    b'{"eventType":"PAYMENT_STATUS_CHANGED"}', b'{"eventType":"PAYMENT_STATUS_CHANGED","data":{}}',
    b'{"eventType":"PAYMENT_STATUS_CHANGED","data":[]}', b'{"eventType":1,"data":{"orderId":"a"}}',
    b'{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":1}}', b'{"eventType":"a b","data":{}}',
    b'{"eventType":"DEPOSIT_CALLBACK","orderId":"order-1"}', b'{"secret":"a","status":"DONE"}',
    b'{"eventType":"PAYMENT_STATUS_CHANGED","data":' + b'{"a":' * 100_000, b"[" * 500_000,
]  # fmt: skip


def test_what_is_not_of_tosss_shape_is_refused_and_not_stored(web: httpx.Client, nothing_is_stored: None) -> None:
    for body in NOT_TOSS:
        assert refusal(web.post("/toss", content=body)) == (400, ""), body[:60]


def test_a_body_may_have_a_mebibyte_and_fields_that_nobody_knows_under_any_content_type(
    chat: Chat, web: httpx.Client, behind: Behind
) -> None:
    order_id = chat.asked().order_id
    types = ["", "application/json", "text/plain", "application/x-www-form-urlencoded"]
    for content_type in types:
        body = {**hint(order_id), "novelty": {"of": [content_type]}}
        headers = {"content-type": content_type}
        assert web.post("/toss", content=msgspec.json.encode(body), headers=headers).status_code == 200
    full = msgspec.json.encode(hint(order_id))
    full += b" " * (BODY_BYTES_MAX - len(full))
    assert web.post("/toss", content=full).status_code == 200
    for path in ("/toss", "/stripe"):
        assert refusal(web.post(path, content=full + b" ")) == (413, "")
    assert len(rows(behind, order_id)) == len(types) + 1


def test_a_webhook_is_stored_encrypted_with_what_tells_of_its_delivery(
    chat: Chat, web: httpx.Client, behind: Behind, system: Stack
) -> None:
    order_id = chat.asked().order_id
    headers = {"tosspayments-webhook-transmission-id": "abc", "authorization": "Bearer mine", "cookie": "a=b"}
    body = hint(order_id, card={"number": "4330****"})
    assert web.post("/toss", json=body, headers=headers).status_code == 200
    columns = "provider_event_id, event_type, headers, transaction_id, payload_encrypted, body_hash"
    ((event_id, event_type, kept, transaction_id, payload, body_hash),) = behind.sql(
        f"SELECT {columns} FROM payment_webhooks AS w WHERE order_id = %s", order_id
    )
    assert (event_id, event_type, transaction_id) == ("abc", "PAYMENT_STATUS_CHANGED", "tforged")
    assert kept == {"tosspayments-webhook-transmission-id": "abc"}
    keys = KeyRing.parse(system.env["TIMINGLE_DATA_KEYS"])
    assert msgspec.json.decode(keys.decrypt(payload, place_of_payload("TOSS", body_hash))) == body


def test_a_webhook_about_no_payment_of_ours_is_put_aside(web: httpx.Client, behind: Behind) -> None:
    order_id = f"nobodys-{time.time_ns()}"
    assert web.post("/toss", json=hint(order_id)).status_code == 200
    wait_until("put aside", lambda: rows(behind, order_id, "state, reason") == [("quarantined", "unknown-payment")])
