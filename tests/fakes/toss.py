"""Toss Payments, version 2022-11-16, as far as it is asked: payments, confirm, cancel, transactions, webhooks."""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import msgspec
from starlette.requests import Request

from domain.korea import KOREA
from tests.fakes.deliveries import Outbox
from tests.fakes.provider import Lagging, Provider
from tests.fakes.wire import Json, Refusal

DEPOSIT: Final = "가상계좌"
PAID: Final = ("DONE", "PARTIAL_CANCELED")


@dataclass(slots=True)
class Payment(Lagging):
    """The Payment object."""

    order_id: str
    total_amount: Decimal
    currency: str = "KRW"
    method: str = "카드"
    status: str = "IN_PROGRESS"
    metadata: dict[str, str] | None = None
    payment_key: str = field(default_factory=lambda: f"tfake{uuid4().hex}")
    secret: str = field(default_factory=lambda: f"ps_{uuid4().hex}")
    balance_amount: Decimal = Decimal(0)
    approved_at: str | None = None
    cancels: list[Json] = field(default_factory=list)
    refuses: str = ""
    """The code with which the next confirmation is refused."""

    def __post_init__(self) -> None:
        self.balance_amount = self.balance_amount or self.total_amount

    def shown(self) -> Json:
        """As the API shows it."""
        return {
            "mId": "tfake",
            "version": "2022-11-16",
            "paymentKey": self.payment_key,
            "orderId": self.order_id,
            "orderName": "timingle",
            "status": self.status,
            "totalAmount": self.total_amount,
            "balanceAmount": self.balance_amount,
            "currency": self.currency,
            "method": self.method,
            "requestedAt": now(),
            "approvedAt": self.approved_at,
            "cancels": self.cancels or None,
            "secret": self.secret,
            "metadata": self.metadata,
            "card": {"number": "43301234****123*", "issuerCode": "61"} if self.method == "카드" else None,
        }


class Toss(Provider[Payment]):
    """The server's state."""

    WRONG_KEY = "UNAUTHORIZED_KEY"
    NO_PAYMENT = "NOT_FOUND_PAYMENT"

    def __init__(self, secret_key: str, outbox: Outbox) -> None:
        super().__init__(f"Basic {base64.b64encode(f'{secret_key}:'.encode()).decode()}", outbox)
        self.transactions: list[Json] = []

    def worded(self, code: str) -> Json:
        """An error as Toss words it."""
        return {"code": code, "message": "가짜 토스의 오류입니다."}

    async def post(self, request: Request) -> object:
        """Confirm, cancel."""
        body = msgspec.json.decode(await request.body(), type=dict[str, Any], strict=False)
        match request.url.path.split("/")[3:]:
            case ["confirm"]:
                return self.confirm(body["paymentKey"], body["orderId"], Decimal(str(body["amount"])))
            case [key, "cancel"]:
                asked = body.get("cancelAmount")
                return self.cancel(key, None if asked is None else Decimal(str(asked)), body["cancelReason"])
        raise Refusal(HTTPStatus.NOT_FOUND, "NOT_FOUND")

    def get(self, request: Request) -> object:
        """A payment by either id, a page of transactions."""
        match request.url.path.split("/")[2:]:
            case ["payments", "orders", order_id]:
                found = [payment for payment in self.payments.values() if payment.order_id == order_id]
                return self.read(found[-1] if found else None)
            case ["payments", key]:
                return self.read(self.payments.get(key))
            case ["transactions"]:
                return self.listed(request.query_params)
        raise Refusal(HTTPStatus.NOT_FOUND, "NOT_FOUND")

    def listed(self, query: Any) -> list[Json]:
        """A page of transactions."""
        begin, end = query["startDate"], query["endDate"]
        found = [each for each in self.transactions if begin <= each["transactionAt"][:23] <= end]
        keys = [each["transactionKey"] for each in found]
        first = keys.index(query["startingAfter"]) + 1 if "startingAfter" in query else 0
        return found[first : first + int(query.get("limit", 100))]

    def confirm(self, key: str, order_id: str, amount: Decimal) -> Json:
        """The money is taken, or will be deposited."""
        payment = self.payments.get(key)
        if payment is None or payment.order_id != order_id:
            raise Refusal(HTTPStatus.NOT_FOUND, "NOT_FOUND_PAYMENT_SESSION")
        if payment.status != "IN_PROGRESS":
            raise Refusal(HTTPStatus.BAD_REQUEST, "ALREADY_PROCESSED_PAYMENT")
        if amount != payment.total_amount:
            raise Refusal(HTTPStatus.BAD_REQUEST, "INVALID_REQUEST")
        if payment.refuses:
            self.become(payment, "ABORTED")
            raise Refusal(HTTPStatus.FORBIDDEN, payment.refuses)
        self.become(payment, "WAITING_FOR_DEPOSIT" if payment.method == DEPOSIT else "DONE")
        return payment.shown()

    def become(self, payment: Payment, status: str) -> None:
        """Whatever happens to it, by the payer, a bank or Toss itself."""
        payment.status = status
        if status == "DONE":
            payment.approved_at = now()
            self._note(payment, uuid4().hex, payment.total_amount)
        self._tell(payment)

    def cancel(self, key: str, amount: Decimal | None, reason: str) -> Json:
        """Give back a part, or all that is left."""
        payment = self.payments.get(key)
        if payment is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "NOT_FOUND_PAYMENT")
        if payment.status == "CANCELED":
            raise Refusal(HTTPStatus.BAD_REQUEST, "ALREADY_CANCELED_PAYMENT")
        if payment.status not in (*PAID, "WAITING_FOR_DEPOSIT"):
            raise Refusal(HTTPStatus.FORBIDDEN, "NOT_CANCELABLE_PAYMENT")
        given_back = payment.balance_amount if amount is None else amount
        if not 0 < given_back <= payment.balance_amount:
            raise Refusal(HTTPStatus.FORBIDDEN, "NOT_CANCELABLE_AMOUNT")
        payment.balance_amount -= given_back
        transaction_key = uuid4().hex
        payment.cancels.append(
            {
                "cancelAmount": given_back,
                "cancelReason": reason,
                "canceledAt": now(),
                "transactionKey": transaction_key,
                "cancelStatus": "DONE",
                "refundableAmount": payment.balance_amount,
            }
        )
        payment.status = "PARTIAL_CANCELED" if payment.balance_amount else "CANCELED"
        if payment.approved_at is not None:
            self._note(payment, transaction_key, -given_back)
        self._tell(payment)
        return payment.shown()

    def _note(self, payment: Payment, key: str, amount: Decimal) -> None:
        told = {"transactionKey": key, "paymentKey": payment.payment_key, "orderId": payment.order_id}
        state = {"status": payment.status, "amount": amount, "currency": payment.currency, "transactionAt": now()}
        self.transactions.append({**told, **state, "method": payment.method})

    def _tell(self, payment: Payment) -> None:
        encode = msgspec.json.Encoder(decimal_format="number").encode
        event = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": now(), "data": payment.shown()}
        self.outbox.add(encode(event))
        if payment.method == DEPOSIT:
            told = {"createdAt": now(), "secret": payment.secret, "status": payment.status}
            self.outbox.add(encode({**told, "transactionKey": uuid4().hex, "orderId": payment.order_id}))


def now() -> str:
    """ISO 8601 in Korea's time, as Toss writes it."""
    return datetime.now(KOREA).isoformat(timespec="milliseconds")
