"""Both fakes as one ASGI application, told apart by their paths, with what steers them under `/_control`."""

import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes import stripe, toss
from tests.fakes.deliveries import Outbox, stripe_headers, toss_headers
from tests.fakes.stripe import Intent, Stripe
from tests.fakes.toss import Payment, Toss
from tests.fakes.wire import Failure, Json, Keys, respond

WEBHOOKS_VARIABLE: Final = "FAKES_DELIVER_TO"
"""Where events go: the base URL of ingest; empty: nowhere."""


class Made(msgspec.Struct, tag="made"):
    """Somebody begins to pay. `status` is what the fake's own word for that is, unless given."""

    order_id: str
    amount: Decimal
    currency: str
    status: str = ""
    method: str = ""
    metadata: dict[str, str] = {}
    refuses: str = ""


class Becomes(msgspec.Struct, tag="becomes"):
    """A payment (of the id that the provider gave it) gets this status."""

    id: str
    status: str
    is_refund: bool = False


class GivenBack(msgspec.Struct, tag="given-back"):
    """By the merchant's dashboard, not by us."""

    id: str
    amount: Decimal
    status: str = "succeeded"


class Lags(msgspec.Struct, tag="lags"):
    """So many reads see a payment as it is now."""

    id: str
    reads: int


class Fails(msgspec.Struct, tag="fails"):
    """What befalls the next calls."""

    failure: Failure


class Slow(msgspec.Struct, tag="slow"):
    """How long every call takes at least."""

    seconds: float


class Sends(msgspec.Struct, tag="sends"):
    """Whether events are held, and how often each is sent that is not."""

    holds: bool = False
    times: Annotated[int, msgspec.Meta(ge=1)] = 1


class Delivers(msgspec.Struct, tag="delivers"):
    """Send these events now, by their numbers and in this order, so old and signed by this secret."""

    numbers: tuple[int, ...]
    times: int = 1
    age_s: float = 0.0
    secret: str = ""


class Forgets(msgspec.Struct, tag="forgets"):
    """What: the idempotency keys, as after days; or everything."""

    what: Literal["keys", "all"]


Order = Made | Becomes | GivenBack | Lags | Fails | Slow | Sends | Delivers | Forgets


class Application:
    """Both providers, as long as the process lives."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        to = environ.get(WEBHOOKS_VARIABLE, "")
        secrets = environ.get("TIMINGLE_STRIPE_WEBHOOK_SECRETS", "").split(",")
        outboxes = (
            Outbox(f"{to}/v1/webhooks/toss" if to else "", toss_headers),
            Outbox(f"{to}/v1/webhooks/stripe" if to else "", stripe_headers(secrets)),
        )
        self.toss = Toss(environ.get("TIMINGLE_TOSS_SECRET_KEY", ""), outboxes[0])
        self.stripe = Stripe(environ.get("TIMINGLE_STRIPE_SECRET_KEY", ""), outboxes[1])

    async def alive(self, _: Request) -> Response:
        """Answers that it listens."""
        return respond({})

    async def steer(self, request: Request) -> Response:
        """Carry out an order."""
        order: Order = msgspec.json.decode(await request.body(), type=Order)
        provider = self.toss if request.path_params["provider"] == "toss" else self.stripe
        match order:
            case Made():
                return respond(
                    make_toss(provider, order) if isinstance(provider, Toss) else make_stripe(provider, order)
                )
            case Becomes() | GivenBack():
                change(provider, order)
            case Lags():
                payment = provider.payments[order.id]
                payment.stale, payment.stale_reads = payment.shown(), order.reads
            case Fails():
                provider.failures.waiting.append(order.failure)
            case Slow():
                provider.failures.latency_s = order.seconds
            case Sends():
                provider.outbox.holds, provider.outbox.times = order.holds, order.times
            case Delivers():
                outbox = provider.outbox
                return respond(await outbox.deliver(order.numbers, order.times, order.age_s, order.secret))
            case Forgets():
                self.forget(provider, order)
        return respond({})

    async def look(self, request: Request) -> Response:
        """What a provider has, how often it was asked, what it has sent."""
        provider = self.toss if request.path_params["provider"] == "toss" else self.stripe
        events = [{"number": e.number, "body": e.body.decode(), "answers": e.answers} for e in provider.outbox.events]
        payments = [payment.shown() for payment in provider.payments.values()]
        return respond({"payments": payments, "calls": provider.failures.calls, "events": events})

    def forget(self, provider: Toss | Stripe, order: Forgets) -> None:
        """As the order says."""
        provider.keys = Keys()
        if order.what == "all":
            provider.outbox.clear()
            provider.outbox.holds, provider.outbox.times = False, 1
            provider.failures.waiting.clear()
            provider.failures.latency_s, provider.failures.calls = 0.0, 0
            provider.payments.clear()
            if isinstance(provider, Toss):
                provider.transactions.clear()


def make_toss(provider: Toss, order: Made) -> Json:
    """The payer has agreed at Toss's window: what is left is our confirmation."""
    payment = Payment(
        order_id=order.order_id,
        total_amount=order.amount,
        currency=order.currency,
        method=order.method or "카드",
        status=order.status or "IN_PROGRESS",
        metadata=order.metadata or None,
        refuses=order.refuses,
    )
    provider.payments[payment.payment_key] = payment
    if payment.status == "DONE":
        provider.become(payment, "DONE")
    return payment.shown()


def make_stripe(provider: Stripe, order: Made) -> Json:
    """The app has made a PaymentIntent. Its amount is in the smallest unit."""
    metadata = {"order_id": order.order_id, **order.metadata} if order.order_id else order.metadata
    intent = Intent(amount=int(order.amount), currency=order.currency.lower(), metadata=metadata)
    provider.payments[intent.id] = intent
    if order.status:
        provider.become(intent, order.status)
    return intent.shown()


def change(provider: Toss | Stripe, order: Becomes | GivenBack) -> None:
    """Let something happen to a payment."""
    match provider, order:
        case Toss(), Becomes():
            provider.become(provider.payments[order.id], order.status)
        case Toss(), GivenBack():
            provider.cancel(order.id, order.amount, "상점관리자에서 취소")
        case Stripe(), Becomes(is_refund=True):
            provider.refund_becomes(order.id, order.status)
        case Stripe(), Becomes():
            provider.become(provider.payments[order.id], order.status)
        case Stripe(), GivenBack():
            provider.refund(provider.payments[order.id], int(order.amount), {}, order.status)


def application(environ: Mapping[str, str]) -> Starlette:
    """The servers, for one environment."""
    both = Application(environ)
    paths = {
        "/v1/payments/{rest:path}": both.toss.answer,
        "/v1/transactions": both.toss.answer,
        "/v1/payment_intents/{rest:path}": both.stripe.answer,
        "/v1/payment_intents": both.stripe.answer,
        "/v1/refunds": both.stripe.answer,
    }
    routes = [Route(path, answer, methods=["GET", "POST"]) for path, answer in paths.items()]
    routes += [
        Route("/_control", both.alive),
        Route("/_control/{provider}", both.steer, methods=["POST"]),
        Route("/_control/{provider}", both.look),
    ]
    return Starlette(routes=routes)


def app() -> Starlette:
    """What granian's factory makes."""
    return application(os.environ)


__all__ = ["app", "application", "stripe", "toss"]
