"""Payments: made here, moved by their provider, and read; confirms and refunds are asked for and done by workers."""

from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import msgspec

from domain.card_numbers import check_no_card_number
from domain.errors import BadInput, Conflict, NotAllowed
from domain.event import Moment
from domain.money import text
from domain.payment import PaymentStatus
from domain.payment_request import (
    Confirmation,
    NewPayment,
    Refundable,
    RefundRequest,
    check_payment,
    check_refund,
)
from ingest.calls import Answer, Call, Reader, answer_json
from ingest.idempotency import once
from ingest.intake import check_writer
from ingest.origins import origin_of
from ingest.routes import Route
from ingest.services import Services
from stores import participants, payments_async, users
from stores.payments_async import Payment
from stores.row_security import Connection, act_as
from tasks.payments import apply_confirm, apply_refund

_new_payment: Final = msgspec.json.Decoder(NewPayment)
_confirmation: Final = msgspec.json.Decoder(Confirmation)
_refund: Final = msgspec.json.Decoder(RefundRequest)
CONFIRMED_AS_ASKED: Final = (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED)


class PaymentView(msgspec.Struct, frozen=True):
    """A payment as it is answered. Sums are decimal strings, with as many places as the currency has."""

    id: int
    order_id: str
    """Toss's orderId, Stripe's metadata.order_id: to be handed to the provider."""
    event_id: int
    payer_id: int
    receiver_id: int
    amount: str
    currency: str
    refunded_amount: str
    status: str
    """PENDING, COMPLETED, REFUNDED or FAILED, as the provider last said."""
    payment_method: str
    transaction_id: str | None
    created_at: Moment
    updated_at: Moment


class PaymentDetails(PaymentView, frozen=True):
    """The same to whoever reads it, with what was said as it was made. Answers of POSTs are kept for repeats, so these
    lack it."""

    metadata: dict[str, Any]


async def create(services: Services, call: Call) -> Answer:
    """Make a payment; its order_id goes to the provider."""
    new = call.body_as(_new_payment)
    check_key(call)
    services.providers.check_open(check_payment(new))

    async def work(connection: Connection) -> Answer:
        await act_as(connection, await check_parties(connection, new))
        payment = await payments_async.create(connection, services.stores.keys, new, origin_of(call, services.proxies))
        return answer_json(view(payment), HTTPStatus.CREATED)

    answer = await once(services, call, work)
    services.history_bell.ring()
    return answer


async def get(services: Services, call: Call) -> Answer:
    """A payment, as its payer or receiver sees it."""
    reader = call.query_as(Reader).as_user
    payment = await payments_async.get(services.stores.postgres, call.path["payment_id"], reader)
    metadata = payments_async.details(services.stores.keys, payment)
    return answer_json(PaymentDetails(**msgspec.structs.asdict(view(payment)), metadata=metadata))


async def confirm(services: Services, call: Call) -> Answer:
    """Say by which transaction it is paid: Toss's confirm is called with our amount, Stripe's intent is fetched."""
    asked, payment_id = call.body_as(_confirmation), call.path["payment_id"]
    check_key(call)
    check_no_card_number(asked)
    confirm_ids: list[int] = []

    async def work(connection: Connection) -> Answer:
        parties = await payments_async.parties(connection, payment_id)
        actor_id = asked.actor_id or parties.payer_id
        await check_active(connection, actor_id)
        await act_as(connection, actor_id)
        payment = await payments_async.lock(connection, payment_id)
        if not is_confirmed(payment, asked.payment_key):
            confirm_id = await payments_async.ask_confirm(connection, payment.id, asked.payment_key)
            confirm_ids.extend(() if confirm_id is None else (confirm_id,))
        return answer_json(view(payment), HTTPStatus.ACCEPTED)

    answer = await once(services, call, work)
    for confirm_id in confirm_ids:  # none if this was asked for before
        services.row_bell.ring(apply_confirm.apply_async, confirm_id)
    return answer


async def refund(services: Services, call: Call) -> Answer:
    """Give a payment back, all or a part of it."""
    asked, payment_id = call.body_as(_refund), call.path["payment_id"]
    check_key(call)
    check_no_card_number(asked)
    refund_ids: list[int] = []

    async def work(connection: Connection) -> Answer:
        await check_active(connection, asked.actor_id)
        await act_as(connection, asked.actor_id)
        payment = await payments_async.lock(connection, payment_id)
        given = await payments_async.asked_refunds(connection, payment_id)
        check_refund(refundable(payment, given.waiting, given.done), asked)
        refund_ids.append(
            await payments_async.ask_refund(
                connection, services.stores.keys, payment_id, asked.actor_id, asked.amount, asked.reason, uuid4()
            )
        )
        return answer_json(view(payment), HTTPStatus.ACCEPTED)

    answer = await once(services, call, work)
    for refund_id in refund_ids:
        services.row_bell.ring(apply_refund.apply_async, refund_id)
    return answer


def check_key(call: Call) -> None:
    """An Idempotency-Key is kept as it is. Raises BadInput if it holds a card number."""
    check_no_card_number(call.headers.get(b"idempotency-key", b"").decode("latin-1"), "Idempotency-Key")


async def check_parties(connection: Connection, new: NewPayment) -> int:
    """Who makes the payment: the payer if he takes part in the event, or else the receiver, who then asks somebody from
    outside to pay. Raises NotThere, NotAllowed, BadInput."""
    actor_id = new.payer_id
    standing = await participants.standing(connection, new.event_id, actor_id)
    if standing.event_exists and not standing.takes_part:
        actor_id = new.receiver_id
        standing = await participants.standing(connection, new.event_id, actor_id)
    check_writer(standing)
    active = await users.active(connection, [new.payer_id, new.receiver_id])
    for field, user_id in (("payer_id", new.payer_id), ("receiver_id", new.receiver_id)):
        if user_id not in active:
            raise BadInput(f"There is no active user {user_id}.", field)
    return actor_id


async def check_active(connection: Connection, user_id: int) -> None:
    """Raises NotAllowed."""
    if user_id not in await users.active(connection, [user_id]):
        raise NotAllowed("There is no such user, or they may not write.")


def is_confirmed(payment: Payment, payment_key: str) -> bool:
    """Whether this transaction has paid it already. Raises Conflict if no transaction can any more."""
    if payment.status in CONFIRMED_AS_ASKED and payment.transaction_id == payment_key:
        return True
    if payment.status in CONFIRMED_AS_ASKED:
        raise Conflict(f"The payment is {payment.status} by another transaction.")
    return False


def refundable(payment: Payment, waiting: Decimal, done: Decimal) -> Refundable:
    """What the rule looks at."""
    return Refundable(
        receiver_id=payment.receiver_id,
        status=payment.status,
        amount=payment.amount,
        currency=payment.currency,
        refunded_amount=payment.refunded_amount,
        waiting=waiting,
        done=done,
    )


def view(payment: Payment) -> PaymentView:
    """A payment as it is answered."""
    return PaymentView(
        id=payment.id,
        order_id=payment.order_id,
        event_id=payment.event_id,
        payer_id=payment.payer_id,
        receiver_id=payment.receiver_id,
        amount=text(payment.amount, payment.currency),
        currency=payment.currency,
        refunded_amount=text(payment.refunded_amount, payment.currency),
        status=payment.status,
        payment_method=payment.payment_method,
        transaction_id=payment.transaction_id,
        created_at=payment.created_at,
        updated_at=payment.updated_at,
    )


PAYMENT: Final = "/v1/payments/{payment_id:int}"
ROUTES: Final = (
    Route("POST", "/v1/payments", create, "Make a payment", "payments:write", NewPayment, None, PaymentView,
          HTTPStatus.CREATED),
    Route("GET", PAYMENT, get, "A payment", "payments:read", None, Reader, PaymentDetails),
    Route("POST", PAYMENT + "/confirm", confirm, "Say by which transaction it is paid", "payments:write", Confirmation,
          None, PaymentView, HTTPStatus.ACCEPTED),
    Route("POST", PAYMENT + "/refund", refund, "Give a payment back", "payments:write", RefundRequest, None,
          PaymentView, HTTPStatus.ACCEPTED),
)  # fmt: skip
