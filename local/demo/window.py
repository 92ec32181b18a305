"""Toss's payment window and its webhooks, as the fake of Toss plays them when it is told what people do."""

from collections.abc import Mapping
from typing import Final, Self

import httpx
import msgspec

from local.demo.api import ANSWER_S_MAX, DemoError

CONTROL: Final = "/_control/toss"


class _Payment(msgspec.Struct, frozen=True, rename="camel"):
    payment_key: str


class _Event(msgspec.Struct, frozen=True):
    number: int
    body: str


class _Seen(msgspec.Struct, frozen=True):
    events: tuple[_Event, ...]


class Window:
    """Steers the fake at the address where the stack thinks that Toss is."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=ANSWER_S_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def agree(self, order_id: str, amount: str) -> str:
        """The payer agrees to pay; the paymentKey that the app is given then. Raises DemoError."""
        order = {"type": "made", "order_id": order_id, "amount": amount, "currency": "KRW"}
        return msgspec.json.decode(self._order(order), type=_Payment).payment_key

    def decline(self, order_id: str, amount: str) -> None:
        """The payer tries to pay, and the card is declined. Raises DemoError."""
        self._order({"type": "becomes", "id": self.agree(order_id, amount), "status": "ABORTED"})

    def send_again(self, order_id: str) -> int:
        """Send the last webhook about an order once more; the answer's status. Raises DemoError."""
        events = msgspec.json.decode(self._call("GET", None), type=_Seen).events
        last = next(event.number for event in reversed(events) if order_id in event.body)
        (answer,) = msgspec.json.decode(self._order({"type": "delivers", "numbers": [last]}), type=list[str])
        return int(answer)

    def _order(self, order: Mapping[str, object]) -> bytes:
        return self._call("POST", msgspec.json.encode(order))

    def _call(self, method: str, content: bytes | None) -> bytes:
        try:
            return self._http.request(method, CONTROL, content=content).raise_for_status().content
        except httpx.HTTPError as error:
            raise DemoError(
                f"Toss is to be played by a fake, and none answers ({type(error).__name__}): is "
                "TIMINGLE_TOSS_SECRET_KEY or TIMINGLE_TOSS_BASE_URL set for the real one?"
            ) from None
