"""Paying, as the people of a conversation do it at the fakes of Toss and Stripe, and waiting for what we say of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus

from local.stack import Stack
from tests.e2e.answers import Payment, PaymentDetails
from tests.e2e.app import App, Chat
from tests.fakes.control import Fakes, StripeIntent, TossPayment
from tests.waiting import wait_until


@dataclass(frozen=True)
class Bank:
    """Both providers, and the app that asks about payments."""

    app: App
    fakes: Fakes

    def agree(self, payment: Payment, **more: object) -> TossPayment:
        """The payer agrees at Toss's window: it waits for our confirmation."""
        return self.fakes.toss.begin(payment.order_id, payment.amount, payment.currency, **more)

    def intend(self, payment: Payment, status: str = "", minor: int = 0, **more: object) -> StripeIntent:
        """The app makes a PaymentIntent."""
        cents = minor or int(Decimal(payment.amount).scaleb(2))
        return self.fakes.stripe.begin(payment.order_id, cents, payment.currency, status=status, **more)

    def confirm(self, payment: Payment, payment_key: str) -> None:
        """The app hands on what the window gave it."""
        path = f"/payments/{payment.id}/confirm"
        self.app.done(Payment, HTTPStatus.ACCEPTED, "POST", path, {"payment_key": payment_key})

    def paid(self, chat: Chat, **more: object) -> Payment:
        """A payment by Toss that has come."""
        payment = chat.asked(**more)
        self.confirm(payment, self.agree(payment).payment_key)
        return self.wait(payment, "COMPLETED")

    def refund(self, payment: Payment, amount: str, reason: str = "클리닉을 하지 못했어요") -> None:
        """Its receiver gives a part back."""
        body = {"actor_id": payment.receiver_id, "amount": amount, "reason": reason}
        self.app.done(Payment, HTTPStatus.ACCEPTED, "POST", f"/payments/{payment.id}/refund", body)

    def now(self, payment: Payment) -> PaymentDetails:
        """How we say that it stands."""
        return self.app.get(PaymentDetails, f"/payments/{payment.id}", as_user=payment.payer_id)

    def wait(self, payment: Payment, status: str, refunded: str = "") -> PaymentDetails:
        """The same, as soon as it is so."""
        wanted = (status, refunded or ("0.00" if payment.currency == "USD" else "0"))
        wait_until(f"{wanted}", lambda: (self.now(payment).status, self.now(payment).refunded_amount) == wanted)
        return self.now(payment)


@contextmanager
def bank_of(stack: Stack, app: App) -> Iterator[Bank]:
    """At the fakes that the stack runs."""
    with Fakes(stack.env["TIMINGLE_TOSS_BASE_URL"]) as fakes:
        yield Bank(app, fakes)
