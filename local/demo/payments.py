"""The act of the demo about money: asked for, paid, hinted at twice and falsely, given back in two parts; and one that
fails. Toss is played by a fake, which the demo tells what people do in its window."""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from rich.text import Text

from domain.korea import KOREA
from local.demo.api import Body, DemoError, Event, History, PaymentAnswer
from local.demo.events import relayed
from local.demo.script import Line, Payment, script
from local.demo.stage import Paid, Stage

CHANGED_S_MAX: Final = 20.0
"""From what happened at the provider until we say so: webhook, doorbell, fetch."""
POLL_S: Final = 0.1
FORGED_SIGNATURE: Final = {"Stripe-Signature": "t=1,v1=00"}


def pay(stage: Stage) -> None:
    """Everything about money."""
    stage.show.day("Saturday, at the counter")
    cut, trim = (ask(stage, payment) for payment in script().payments)
    complete(stage, cut)
    hint_again(stage, cut)
    forge(stage, cut)
    for part in cut.planned.refunds:
        give_back(stage, cut, part)
    refuse_more(stage, cut)
    fail(stage, trim)
    for paid in (cut, trim):
        path = f"/events/{stage.event_ids[paid.planned.event]}"
        query = {"as_user": stage.user_ids[paid.planned.payer]}
        stage.appointments[paid.planned.event].receipt = stage.api.get(Event, path, query).receipt


def ask(stage: Stage, planned: Payment) -> Paid:
    """The payer's app makes a payment; nothing is paid yet."""
    body: Body = {
        "event_id": stage.event_ids[planned.event],
        "payer_id": stage.user_ids[planned.payer],
        "receiver_id": stage.user_ids[planned.receiver],
        "amount": planned.amount,
        "metadata": {"items": planned.items},
    }
    answer = stage.api.post(PaymentAnswer, "/payments", body)
    paid = stage.payments[planned.event] = Paid(planned, answer.id, answer.order_id, planned.amount)
    stage.appointments[planned.event].note("PAYMENT_CREATED", told=True)
    what = f"is to pay {planned.amount} {planned.currency}: {answer.status}"
    tell(stage, paid, planned.payer, what, planned.english)
    return paid


def complete(stage: Stage, paid: Paid) -> None:
    """The payer agrees in Toss's window, the app hands its paymentKey on, and the worker confirms with our sum."""
    payment_key = stage.window.agree(paid.order_id, paid.amount)
    stage.api.do("POST", f"/payments/{paid.id}/confirm", {"payment_key": payment_key})
    seconds = wait_changed(stage, paid, "COMPLETED", "0")
    tell(stage, paid, paid.planned.payer, f"pays by Toss: COMPLETED, seen after {seconds:.1f} s")


def hint_again(stage: Stage, paid: Paid) -> None:
    """Toss sends its webhook once more, as it does when an answer was lost."""
    status = stage.window.send_again(paid.order_id)
    tell(stage, paid, paid.planned.payer, f"Toss's webhook comes twice: {status}, and nothing changes", first=False)


def forge(stage: Stage, paid: Paid) -> None:
    """Somebody writes webhooks of his own. Toss signs none, so Toss is asked; Stripe does, so it is refused."""
    claim = {"orderId": paid.order_id, "paymentKey": "forged", "status": "CANCELED", "totalAmount": 1}
    body = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": f"{datetime.now(UTC):%FT%T}", "data": claim}
    hint, _ = stage.api.attempt("POST", "/webhooks/toss", body)
    event, _ = stage.api.attempt("POST", "/webhooks/stripe", {"type": "charge.refunded"}, FORGED_SIGNATURE)
    stage.refusals.append((str(int(HTTPStatus.BAD_REQUEST)), str(event)))
    told = f"forged ones: {hint} to “Toss says CANCELED”, and Toss is asked; {event} to “Stripe says so”"
    tell(stage, paid, paid.planned.payer, told, first=False)


def give_back(stage: Stage, paid: Paid, amount: str) -> None:
    """The receiver gives a part back."""
    paid.refunded = str(int(paid.refunded) + int(amount))
    status = "REFUNDED" if paid.refunded == paid.amount else "COMPLETED"
    stage.api.do("POST", f"/payments/{paid.id}/refund", refund_of(stage, paid, amount))
    seconds = wait_changed(stage, paid, status, paid.refunded)
    tell(stage, paid, paid.planned.receiver, f"gives {amount} back: {status}, seen after {seconds:.1f} s")


def refuse_more(stage: Stage, paid: Paid) -> None:
    """There is nothing left to give back."""
    status, _ = stage.api.attempt("POST", f"/payments/{paid.id}/refund", refund_of(stage, paid, "1"))
    stage.refusals.append((str(int(HTTPStatus.CONFLICT)), str(status)))
    what = Text("gives 1 back", "italic") + Text(f"  refused: {status}, nothing is left", "yellow")
    stage.show.line(line_of(paid, paid.planned.receiver), what, first=False)


def refund_of(stage: Stage, paid: Paid, amount: str) -> Body:
    """What the API is asked for."""
    return {"actor_id": stage.user_ids[paid.planned.receiver], "amount": amount, "reason": paid.planned.reason}


def fail(stage: Stage, paid: Paid) -> None:
    """The card is declined."""
    stage.window.decline(paid.order_id, paid.amount)
    seconds = wait_changed(stage, paid, "FAILED", "0")
    tell(stage, paid, paid.planned.payer, f"tries to pay, and the card is declined: FAILED, seen after {seconds:.1f} s")


def wait_changed(stage: Stage, paid: Paid, status: str, refunded: str) -> float:
    """How long it takes until the payment stands so. Raises DemoError."""
    began = time.monotonic()
    while (found := seen(stage, paid)) != (status, refunded):
        if time.monotonic() - began > CHANGED_S_MAX:
            raise DemoError(f"The payment of {paid.planned.event} should be {status} by now, and is {found[0]}.")
        time.sleep(POLL_S)
    paid.status, paid.refunded = status, refunded
    stage.appointments[paid.planned.event].note("PAYMENT_CHANGED", told=True)
    return time.monotonic() - began


def seen(stage: Stage, paid: Paid) -> tuple[str, str]:
    """State and what has been given back, as its payer sees it."""
    query = {"as_user": stage.user_ids[paid.planned.payer]}
    answer = stage.api.get(PaymentAnswer, f"/payments/{paid.id}", query)
    return answer.status, answer.refunded_amount


def tell_payments(stage: Stage) -> None:
    """The timeline of a payment: its entries in the history of its event."""
    names = {user_id: script().person(who).name for who, user_id in stage.user_ids.items()}
    planned = script().payments[0]
    history = relayed(stage, planned.event, script().event(planned.event).creator)
    entries = [entry for entry in history.entries if entry.field_name == "payments"]
    stage.show.timeline(f"{script().event(planned.event).title}, its payment only", History(entries), names)


def tell(stage: Stage, paid: Paid, who: str, what: str, english: str = "", *, first: bool = True) -> None:
    """A line of the story."""
    stage.show.line(line_of(paid, who), Text(what, "italic"), english, first=first)


def line_of(paid: Paid, who: str) -> Line:
    """It happens now."""
    return Line(at=f"{datetime.now(UTC).astimezone(KOREA):%H:%M}", event=paid.planned.event, who=who)
