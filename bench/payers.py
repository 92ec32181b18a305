"""Payments by the thousand: made through the API, and paid at the fake of Toss, which tells nobody of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from bench.sender import Pace, SenderError, send
from bench.stage import Stage
from bench.wire import JSON, request
from tests.fakes.control import Fakes

AMOUNT: Final = "12000"
MAKING: Final = Pace(connections=16, keep_bodies=True)


class Payer(msgspec.Struct, frozen=True):
    """Of a payment, what its provider knows."""

    order_id: str


def ask_for_payments(stage: Stage, count: int) -> list[Payer]:
    """So many payments, in turn of each event. Raises SenderError."""
    requests = []
    for n in range(count):
        place = n % len(stage.cast.event_ids)
        payer, receiver, *_ = stage.cast.talkers(place)
        body = {"event_id": stage.cast.event_ids[place], "payer_id": payer, "receiver_id": receiver, "amount": AMOUNT}
        requests.append(request("POST", "/v1/payments", stage.key, body))
    sent = send(stage.port, requests, MAKING)
    if sent.refused:
        raise SenderError(f"Payments were refused: {sent.statuses}")
    return [msgspec.json.decode(body, type=Payer) for body in sent.bodies]


def pay_all(stage: Stage, payers: Sequence[Payer]) -> None:
    """Let all of them have paid."""
    with Fakes(stage.settings.toss_base_url) as fakes:
        fakes.toss.hold()
        for payer in payers:
            fakes.toss.begin(payer.order_id, AMOUNT, status="DONE")


@contextmanager
def slowed(stage: Stage, answer_ms: float) -> Iterator[None]:
    """Let Toss take so long for each answer."""
    with Fakes(stage.settings.toss_base_url) as fakes:
        fakes.toss.take(answer_ms / 1_000)
        try:
            yield
        finally:
            fakes.toss.reset()


def hint(payer: Payer) -> bytes:
    """Toss's webhook about a payment, as the bytes that go over the wire."""
    data = {"orderId": payer.order_id, "status": "DONE", "totalAmount": int(AMOUNT)}
    content = msgspec.json.encode({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-25", "data": data})
    head = f"POST /v1/webhooks/toss HTTP/1.1\r\nhost: bench\r\n{JSON}content-length: {len(content)}\r\n\r\n"
    return head.encode() + content
