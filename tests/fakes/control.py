"""Steers the fakes of Toss and Stripe from a test, or from whoever else plays the payer, a bank or the providers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import httpx
import msgspec

from tests.fakes.wire import Kind

CALL_S_MAX: Final = 30.0

Shape = TypeVar("Shape")


class TossPayment(msgspec.Struct, frozen=True, rename="camel"):
    """A payment as Toss shows it."""

    payment_key: str
    order_id: str
    status: str
    secret: str
    balance_amount: Decimal


class StripeRefund(msgspec.Struct, frozen=True):
    """A refund as Stripe shows it."""

    id: str
    amount: int
    status: str
    metadata: dict[str, str]


class StripeRefunds(msgspec.Struct, frozen=True):
    """Of a charge."""

    data: tuple[StripeRefund, ...]


class StripeCharge(msgspec.Struct, frozen=True):
    """A charge as Stripe shows it."""

    refunds: StripeRefunds


class StripeIntent(msgspec.Struct, frozen=True):
    """A PaymentIntent as Stripe shows it."""

    id: str
    status: str
    amount: int
    latest_charge: StripeCharge | None = None


class Sent(msgspec.Struct, frozen=True):
    """A webhook: its number in the order in which they came about, its body, what each delivery was answered."""

    number: int
    body: str
    answers: tuple[str, ...]


class _Seen(msgspec.Struct, frozen=True):
    calls: int
    events: tuple[Sent, ...]


class _SeenToss(msgspec.Struct, frozen=True):
    payments: tuple[TossPayment, ...]


class _SeenStripe(msgspec.Struct, frozen=True):
    payments: tuple[StripeIntent, ...]


class Fake:
    """What both have in common."""

    def __init__(self, http: httpx.Client, name: str) -> None:
        self._http, self._path = http, f"/_control/{name}"

    def become(self, transaction_id: str, status: str) -> None:
        """Let a payment get this status, in the provider's own word; events follow."""
        self._order(object, type="becomes", id=transaction_id, status=status)

    def lag(self, transaction_id: str, reads: int) -> None:
        """Let so many reads see the payment as it is now, whatever becomes of it."""
        self._order(object, type="lags", id=transaction_id, reads=reads)

    def fail(self, kind: Kind, times: int = 1, *, method: str = "", path: str = "", seconds: float = 0.0) -> None:
        """Let this befall the next calls, of this method and with this end of their path if given. See `wire.Kind`."""
        failure = {"kind": kind, "times": times, "seconds": seconds, "method": method, "path": path}
        self._order(object, type="fails", failure=failure)

    def take(self, seconds: float) -> None:
        """Let every call take so long at least."""
        self._order(object, type="slow", seconds=seconds)

    def hold(self) -> None:
        """Send no event by itself any more: `deliver` does."""
        self._order(object, type="sends", holds=True)

    def send(self, times: int = 1) -> None:
        """Send each event that comes about from now on by itself, so often."""
        self._order(object, type="sends", times=times)

    def deliver(self, numbers: Sequence[int], times: int = 1, *, age_s: float = 0.0, secret: str = "") -> list[str]:
        """Send these events in this order, each so often, as if so old and signed by this secret; the answers."""
        order = {"type": "delivers", "numbers": list(numbers), "times": times, "age_s": age_s, "secret": secret}
        return self._order(list[str], **order)

    def forget_keys(self) -> None:
        """Forget all idempotency keys, as after days."""
        self._order(object, type="forgets", what="keys")

    def reset(self) -> None:
        """Forget all there is: payments, events, failures, keys."""
        self._order(object, type="forgets", what="all")

    @property
    def calls(self) -> int:
        """How often the provider was asked."""
        return self._look(_Seen).calls

    def events(self, of: str = "") -> list[Sent]:
        """The webhooks whose body holds this text (an order, a transaction), oldest first."""
        return [event for event in self._look(_Seen).events if of in event.body]

    def _order(self, shape: type[Shape], **order: Any) -> Shape:
        answer = self._http.post(self._path, content=msgspec.json.encode(order))
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=shape)

    def _look(self, shape: type[Shape]) -> Shape:
        answer = self._http.get(self._path)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=shape)


class FakeToss(Fake):
    """Amounts are in the currency's own unit, as Toss counts."""

    def begin(self, order_id: str, amount: Decimal | str | int, currency: str = "KRW", **others: Any) -> TossPayment:
        """Somebody agrees to pay at Toss's window (IN_PROGRESS): our confirmation is what is left.

        `method="가상계좌"` waits for a deposit then; `refuses="REJECT_CARD_PAYMENT"` is what it will meet;
        `status="DONE"` skips it.
        """
        made = {"order_id": order_id, "amount": str(amount), "currency": currency, **others}
        return self._order(TossPayment, type="made", **made)

    def give_back(self, payment_key: str, amount: Decimal | str | int) -> None:
        """Give money back by the merchant's dashboard, not by us."""
        self._order(object, type="given-back", id=payment_key, amount=str(amount))

    def payments(self, order_id: str) -> list[TossPayment]:
        """Every try to pay an order, the last one last."""
        return [payment for payment in self._look(_SeenToss).payments if payment.order_id == order_id]


class FakeStripe(Fake):
    """Amounts are in the currency's smallest unit, as Stripe counts."""

    def begin(self, order_id: str, minor: int, currency: str, **others: Any) -> StripeIntent:
        """The app makes a PaymentIntent with our order in its metadata; with `status` it gets that at once.

        `metadata` adds to it, such as receiver_id.
        """
        made = {"order_id": order_id, "amount": str(minor), "currency": currency, **others}
        return self._order(StripeIntent, type="made", **made)

    def give_back(self, intent_id: str, minor: int, status: str = "succeeded") -> None:
        """Give money back by the dashboard, not by us."""
        self._order(object, type="given-back", id=intent_id, amount=str(minor), status=status)

    def refund_becomes(self, refund_id: str, status: str) -> None:
        """Let a refund fail, or be done at last."""
        self._order(object, type="becomes", id=refund_id, status=status, is_refund=True)

    def refunds(self, intent_id: str) -> tuple[StripeRefund, ...]:
        """The last ten of a payment, the newest first."""
        (found,) = [intent for intent in self._look(_SeenStripe).payments if intent.id == intent_id]
        return () if found.latest_charge is None else found.latest_charge.refunds.data


class Fakes:
    """Both. Use it as a context manager."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=CALL_S_MAX)
        self.toss = FakeToss(self._http, "toss")
        self.stripe = FakeStripe(self._http, "stripe")

    def reset(self) -> None:
        """Forget all there is."""
        self.toss.reset()
        self.stripe.reset()

    def __enter__(self) -> "Fakes":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
