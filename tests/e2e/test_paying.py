"""What becomes of payments by HTTP: paid, given back, failed, put aside, as Toss and Stripe say (P8)."""

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from uuid import uuid4

import httpx

from local.stack import Stack
from tests.e2e.answers import History, Payment
from tests.e2e.app import Chat, refusal
from tests.e2e.bank import Bank
from tests.e2e.behind import Behind
from tests.waiting import wait_until


def timeline(chat: Chat) -> list[tuple[str, int | None, str]]:
    """What the event's history says of its payments, oldest first: type of change, actor, state."""
    history = chat.app.get(History, f"/events/{chat.event_id}/history", as_user=chat.author)
    entries = [entry for entry in reversed(history.entries) if entry.field_name == "payments"]
    assert all(isinstance(entry.new_value, dict) for entry in entries)
    return [(e.change_type, e.actor_id, e.new_value["status"]) for e in entries if isinstance(e.new_value, dict)]


def test_paid_by_toss_a_payment_is_completed_chained_and_told(chat: Chat, bank: Bank) -> None:
    payment = chat.asked()
    key = bank.agree(payment).payment_key
    assert bank.now(payment).status == "PENDING"
    bank.confirm(payment, key)
    assert bank.wait(payment, "COMPLETED").transaction_id == key
    made, paid = ("PAYMENT_CREATED", chat.author, "PENDING"), ("PAYMENT_CHANGED", None, "COMPLETED")
    wait_until("relayed", lambda: timeline(chat) == [made, paid])
    wait_until("told", lambda: len(chat.messages()) >= 2)
    assert [(m.message_type, m.sender_id, m.metadata["status"]) for m in chat.messages()] == [
        ("system", None, "PENDING"),
        ("system", None, "COMPLETED"),
    ]
    bank.confirm(payment, key)  # the app's button, pressed twice
    assert refusal(chat.app.call("POST", f"/payments/{payment.id}/confirm", {"payment_key": "other"})) == (409, "")
    assert timeline(chat) == [made, paid]


def test_paid_by_stripe_a_payment_is_found_by_the_order_in_its_intent(chat: Chat, bank: Bank) -> None:
    payment = chat.asked(amount="9.90", currency="USD", payment_method="STRIPE")
    intent = bank.intend(payment, "succeeded", metadata={"receiver_id": str(chat.friend)})
    assert bank.wait(payment, "COMPLETED").transaction_id == intent.id
    bank.refund(payment, "4.90")
    bank.wait(payment, "COMPLETED", "4.90")
    (given,) = bank.fakes.stripe.refunds(intent.id)
    assert given.amount == 490
    bank.refund(payment, "5")
    bank.wait(payment, "REFUNDED", "9.90")


def test_given_back_in_two_parts_it_is_refunded_and_no_more_is_given(chat: Chat, bank: Bank) -> None:
    payment = bank.paid(chat)
    bank.refund(payment, "5000")
    bank.wait(payment, "COMPLETED", "5000")
    refund = {"actor_id": chat.friend, "amount": "7001", "reason": "a"}
    assert refusal(chat.app.call("POST", f"/payments/{payment.id}/refund", refund)) == (409, "")
    bank.refund(payment, "7000")
    bank.wait(payment, "REFUNDED", "12000")
    assert refusal(chat.app.call("POST", f"/payments/{payment.id}/refund", {**refund, "amount": "1"})) == (409, "")
    wait_until("relayed", lambda: [state for _, _, state in timeline(chat)][1:] == ["COMPLETED"] * 2 + ["REFUNDED"])


def test_one_idempotency_key_is_one_refund_and_two_keys_beyond_the_sum_are_refused(chat: Chat, bank: Bank) -> None:
    """P2, P8."""
    payment = bank.paid(chat)
    body = {"actor_id": chat.friend, "amount": "8000", "reason": "a"}

    def refund(key: str) -> httpx.Response:
        return chat.app.call("POST", f"/payments/{payment.id}/refund", body, headers={"idempotency-key": key})

    keys = [uuid4().hex] * 10 + [uuid4().hex for _ in range(10)]
    with ThreadPoolExecutor(20) as threads:
        answers = dict(zip(range(20), threads.map(refund, keys), strict=True))
    taken = {keys[n] for n, answer in answers.items() if answer.status_code == HTTPStatus.ACCEPTED}
    assert len(taken) == 1
    assert {answer.status_code for n, answer in answers.items() if keys[n] not in taken} == {HTTPStatus.CONFLICT}
    assert {a.status_code for n, a in answers.items() if keys[n] in taken} == {HTTPStatus.ACCEPTED}
    bank.wait(payment, "COMPLETED", "8000")
    (at_toss,) = bank.fakes.toss.payments(payment.order_id)
    assert at_toss.balance_amount == 4000


def test_a_payment_that_toss_gives_up_has_failed(chat: Chat, bank: Bank) -> None:
    payment = chat.asked()
    bank.fakes.toss.become(bank.agree(payment).payment_key, "ABORTED")
    bank.wait(payment, "FAILED")
    wait_until("relayed", lambda: timeline(chat)[1:] == [("PAYMENT_CHANGED", None, "FAILED")])


def test_a_confirm_that_toss_refuses_fails_the_payment_and_may_be_tried_by_another_card(chat: Chat, bank: Bank) -> None:
    payment = chat.asked()
    declined = bank.agree(payment, refuses="REJECT_CARD_PAYMENT").payment_key
    bank.confirm(payment, declined)
    bank.wait(payment, "FAILED")
    wait_until(
        "noted",
        lambda: (
            refusal(chat.app.call("POST", f"/payments/{payment.id}/confirm", {"payment_key": declined})) == (409, "")
        ),
    )
    bank.confirm(payment, bank.agree(payment).payment_key)
    bank.wait(payment, "COMPLETED")


def test_a_sum_that_was_not_asked_for_is_put_aside_and_counted(
    chat: Chat, bank: Bank, behind: Behind, system: Stack
) -> None:
    """P8. The payment is left as it is."""
    payment = chat.asked(amount="9.90", currency="USD", payment_method="STRIPE")
    bank.intend(payment, "succeeded", minor=100)
    select = "SELECT state, reason FROM payment_webhooks WHERE order_id = %s"
    wait_until("put aside", lambda: behind.sql(select, payment.order_id) == [("quarantined", "amount")])
    assert bank.now(payment).status == "PENDING"
    metrics = httpx.get(f"{system.ingest_url}/metrics").text
    assert 'timingle_payment_webhooks_quarantined{reason="amount"}' in metrics
    assert 'timingle_payment_webhooks_quarantined{reason="amount"} 0.0' not in metrics


def test_who_sees_a_payment_confirms_it_by_name(chat: Chat, bank: Bank) -> None:
    payment = chat.asked()
    body = {"payment_key": bank.agree(payment).payment_key, "actor_id": chat.friend}
    answer = chat.app.done(Payment, HTTPStatus.ACCEPTED, "POST", f"/payments/{payment.id}/confirm", body)
    assert answer.status in ("PENDING", "COMPLETED")
    bank.wait(payment, "COMPLETED")
