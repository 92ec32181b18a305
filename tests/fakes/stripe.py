"""Stripe, as far as it is asked: PaymentIntents with search and list, refunds, signed events."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from starlette.requests import Request

from tests.fakes.deliveries import Outbox
from tests.fakes.provider import Lagging, Provider
from tests.fakes.wire import Json, Refusal

SEARCH: Final = "metadata['order_id']:'"
UNDONE: Final = ("failed", "canceled")


@dataclass(slots=True)
class Refund:
    """A refund object."""

    intent: "Intent"
    amount: int
    metadata: dict[str, str]
    status: str = "succeeded"
    id: str = field(default_factory=lambda: f"re_{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def shown(self) -> Json:
        """As the API shows it."""
        return {
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "currency": self.intent.currency,
            "charge": self.intent.charge_id,
            "payment_intent": self.intent.id,
            "metadata": self.metadata,
            "reason": None,
            "status": self.status,
            "created": self.created,
        }


@dataclass(slots=True)
class Intent(Lagging):
    """A PaymentIntent with its charge."""

    amount: int
    currency: str
    metadata: dict[str, str]
    status: str = "requires_payment_method"
    id: str = field(default_factory=lambda: f"pi_{uuid4().hex}")
    charge_id: str | None = None
    refunds: list[Refund] = field(default_factory=list)
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def refunded(self) -> int:
        """What has been given back, or is about to be."""
        return sum(refund.amount for refund in self.refunds if refund.status not in UNDONE)

    def shown(self) -> Json:
        """As the API shows it, with `latest_charge.refunds` expanded."""
        return {
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_received": self.amount if self.status == "succeeded" else 0,
            "currency": self.currency,
            "created": self.created,
            "status": self.status,
            "metadata": self.metadata,
            "latest_charge": self.charge() if self.charge_id else None,
        }

    def charge(self) -> Json:
        """Its latest charge. Of its refunds ten, the newest first."""
        refunds = [refund.shown() for refund in reversed(self.refunds)]
        return {
            "id": self.charge_id,
            "object": "charge",
            "amount": self.amount,
            "amount_refunded": self.refunded,
            "currency": self.currency,
            "payment_intent": self.id,
            "refunded": self.refunded == self.amount,
            "refunds": {"object": "list", "data": refunds[:10], "has_more": len(refunds) > 10},
            "payment_method_details": {"type": "card", "card": {"last4": "4242"}},
        }


class Stripe(Provider[Intent]):
    """The server's state."""

    WRONG_KEY = "invalid_api_key"
    NO_PAYMENT = "resource_missing"

    def __init__(self, secret_key: str, outbox: Outbox) -> None:
        super().__init__(f"Bearer {secret_key}", outbox)

    def worded(self, code: str) -> Json:
        """An error as Stripe words it."""
        return {"error": {"type": "invalid_request_error", "code": code, "message": "An error of a fake Stripe."}}

    def check(self, request: Request) -> None:
        """Raises Refusal also for a client that pins no version."""
        super().check(request)
        if not request.headers.get("stripe-version"):
            raise Refusal(HTTPStatus.BAD_REQUEST, "a client that pins no version")

    async def post(self, request: Request) -> object:
        """Refund."""
        form = dict(parse_qsl((await request.body()).decode()))
        if request.url.path != "/v1/refunds":
            raise Refusal(HTTPStatus.NOT_FOUND, "resource_missing")
        metadata = {name[len("metadata[") : -1]: text for name, text in form.items() if name.startswith("metadata[")}
        intent = self.payments.get(form.get("payment_intent", ""))
        return self.refund(intent, int(form["amount"]), metadata).shown()

    def get(self, request: Request) -> object:
        """Intents: searched, one, listed; refunds."""
        query = request.query_params
        match request.url.path.split("/")[2:]:
            case ["payment_intents", "search"]:
                order_id = query["query"].removeprefix(SEARCH).removesuffix("'")
                found = [intent for intent in self.payments.values() if intent.metadata.get("order_id") == order_id]
                return listed([self.read(intent) for intent in reversed(found)], query)
            case ["payment_intents", intent_id]:
                return self.read(self.payments.get(intent_id))
            case ["payment_intents"]:
                during = made_within(reversed(self.payments.values()), query)
                return listed([self.read(intent) for intent in during], query)
            case ["refunds"]:
                refunds = [refund for intent in self.payments.values() for refund in intent.refunds]
                asked = [each for each in refunds if query.get("charge") in (None, each.intent.charge_id)]
                return listed([each.shown() for each in made_within(reversed(asked), query)], query)
        raise Refusal(HTTPStatus.NOT_FOUND, "resource_missing")

    def become(self, intent: Intent, status: str) -> None:
        """Whatever happens to it, by the payer, a bank or Stripe itself."""
        intent.status = status
        if status == "succeeded":
            intent.charge_id = f"ch_{uuid4().hex}"
        words = {"succeeded": "succeeded", "canceled": "canceled", "processing": "processing"}
        words |= {"requires_action": "requires_action", "requires_payment_method": "payment_failed"}
        if status in words:
            self._tell(f"payment_intent.{words[status]}", intent.shown())

    def refund(self, intent: Intent | None, amount: int, metadata: dict[str, str], status: str = "succeeded") -> Refund:
        """Give back a part or all."""
        if intent is None or intent.charge_id is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "resource_missing")
        if not 0 < amount <= intent.amount - intent.refunded:
            raise Refusal(HTTPStatus.BAD_REQUEST, "charge_already_refunded")
        given_back = Refund(intent, amount, metadata, status)
        intent.refunds.append(given_back)
        self._tell("refund.created", given_back.shown())
        self._tell("charge.refunded", intent.charge())
        return given_back

    def refund_becomes(self, refund_id: str, status: str) -> None:
        """A bank refuses it, days later, or takes it at last."""
        for intent in self.payments.values():
            for given_back in intent.refunds:
                if given_back.id == refund_id:
                    given_back.status = status
                    self._tell("refund.failed" if status == "failed" else "refund.updated", given_back.shown())

    def _tell(self, event_type: str, about: Json) -> None:
        event = {"id": f"evt_{uuid4().hex}", "object": "event", "created": int(time.time()), "type": event_type}
        self.outbox.add(msgspec.json.encode({**event, "data": {"object": about}}))


def made_within(given: Iterable[Any], query: Any) -> list[Any]:
    """Those that were made in the time that is asked for."""
    begin, end = int(query.get("created[gte]", 0)), int(query.get("created[lt]", 2**62))
    return [each for each in given if begin <= each.created < end]


def listed(given: Sequence[Json], query: Any) -> Json:
    """A page of a list, the newest first."""
    after = query.get("starting_after")
    ids = [each["id"] for each in given]
    first = ids.index(after) + 1 if after else 0
    last = first + int(query.get("limit", 10))
    return {"object": "list", "data": list(given[first:last]), "has_more": last < len(given)}
