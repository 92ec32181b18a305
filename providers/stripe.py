"""Stripe: PaymentIntents with their latest charge and its refunds, in the version that `providers` pins.

Amounts are in the currency's smallest unit (https://docs.stripe.com/currencies). A refund's key goes along twice: as
Idempotency-Key, which Stripe knows for 24 hours, and in the refund's metadata, where it is found for good. A reason in
somebody's own words is not sent: Stripe needs none, and it could not be erased there.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from domain.korea import KOREA
from domain.money import MINOR_UNITS, Money
from domain.payment import NOTHING, Provider, Snapshot, SnapshotRefund
from providers import client
from providers.errors import ProviderUnknown

PAGE: Final = 100
"""The most that Stripe gives."""
SUCCEEDED: Final = "succeeded"
REFUND_FAILED: Final = frozenset({"failed", "canceled"})
"""Of pending, requires_action, succeeded, failed, canceled: https://docs.stripe.com/refunds#failed-refunds."""
EXPAND: Final = "latest_charge.refunds"
"""One answer, of one moment: with the charge come its last refunds."""
Query = dict[str, str | int | list[str]]


class _Object(msgspec.Struct, frozen=True):
    id: str


Item = TypeVar("Item", bound=_Object)


class _Refund(_Object, frozen=True):
    amount: int
    status: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class _List(msgspec.Struct, Generic[Item], frozen=True):
    """A page of a list: https://docs.stripe.com/api/pagination."""

    data: tuple[Item, ...]
    has_more: bool = False


class _Charge(msgspec.Struct, frozen=True):
    id: str
    refunds: _List[_Refund] | None = None
    payment_method_details: "_Method | None" = None


class _Method(msgspec.Struct, frozen=True):
    type: str | None = None


class _Intent(_Object, frozen=True):
    """A PaymentIntent, as far as it is read, with its latest charge expanded."""

    status: str
    amount: int
    currency: str
    created: int
    amount_received: int = 0
    metadata: dict[str, str] | None = None
    latest_charge: _Charge | None = None


def fetch_by_transaction(intent_id: str) -> Snapshot:
    """What Stripe says of a PaymentIntent. Raises ProviderAway, ProviderRefused, ProviderUnknown, as all here do."""
    path = f"/v1/payment_intents/{quote(intent_id, safe='')}"
    return _snapshot(client(Provider.STRIPE).get(path, _Intent, {"expand[]": EXPAND}))


def fetch_by_order(order_id: str) -> Snapshot:
    """What Stripe says of an order, by its metadata: of the try that succeeded, else of the last one.

    Stripe's search finds a PaymentIntent about a minute after it was made.
    """
    query: Query = {"query": f"metadata['order_id']:'{order_id}'", "expand[]": f"data.{EXPAND}", "limit": PAGE}
    found = client(Provider.STRIPE).get("/v1/payment_intents/search", _List[_Intent], query).data
    if not found:
        raise ProviderUnknown(Provider.STRIPE, "no-such-order")
    return _snapshot(max(found, key=lambda intent: (intent.status == SUCCEEDED, intent.created)))


def refund(intent_id: str, money: Money, key: UUID, _reason: str) -> SnapshotRefund:
    """Give back a part or all."""
    form: dict[str, str | int] = {
        "payment_intent": intent_id,
        "amount": money.to_minor(),
        "metadata[refund_key]": str(key),
    }
    return _refund(client(Provider.STRIPE).post_form("/v1/refunds", _Refund, form, key), money.currency)


def list_day(day: date) -> Iterator[Snapshot]:
    """What Stripe says now of every PaymentIntent that was made, or of which something was given back, on this day in
    Korea."""
    begin = datetime.combine(day, time(), KOREA)
    during: Query = {
        "created[gte]": int(begin.timestamp()),
        "created[lt]": int((begin + timedelta(days=1)).timestamp()),
        "limit": PAGE,
    }
    seen = set()
    for intent in _listed("/v1/payment_intents", _List[_Intent], {**during, "expand[]": f"data.{EXPAND}"}):
        seen.add(intent.id)
        yield _snapshot(intent)
    for given_back in _refunds(during):
        if given_back.payment_intent is not None and given_back.payment_intent not in seen:
            seen.add(given_back.payment_intent)
            yield fetch_by_transaction(given_back.payment_intent)


def _listed(path: str, shape: type[_List[Item]], query: Query) -> Iterator[Item]:
    """All of a list, page by page."""
    page = client(Provider.STRIPE).get(path, shape, query)
    yield from page.data
    while page.has_more:
        page = client(Provider.STRIPE).get(path, shape, {**query, "starting_after": page.data[-1].id})
        yield from page.data


def _refunds(query: Query) -> Iterator[_Refund]:
    return _listed("/v1/refunds", _List[_Refund], query)


def _snapshot(intent: _Intent) -> Snapshot:
    charge, currency = intent.latest_charge, intent.currency.upper()
    told = () if charge is None or charge.refunds is None else charge.refunds.data
    if charge is not None and charge.refunds is not None and charge.refunds.has_more:
        told = tuple(_refunds({"charge": charge.id, "limit": PAGE}))
    refunds = tuple(_refund(one, currency) for one in told)
    is_paid = intent.status == SUCCEEDED
    return Snapshot(
        provider=Provider.STRIPE,
        transaction_id=intent.id,
        order_id=(intent.metadata or {}).get("order_id"),
        provider_status=intent.status,
        amount=_amount(intent.amount_received if is_paid else intent.amount, currency),
        refunded_amount=sum((one.amount for one in refunds if not one.is_failed), NOTHING),
        currency=currency,
        approved=is_paid,
        refunds=refunds,
        receiver_id=(intent.metadata or {}).get("receiver_id"),
        method=None if charge is None or charge.payment_method_details is None else charge.payment_method_details.type,
    )


def _refund(given_back: _Refund, currency: str) -> SnapshotRefund:
    return SnapshotRefund(
        key=(given_back.metadata or {}).get("refund_key"),
        provider_refund_id=given_back.id,
        amount=_amount(given_back.amount, currency),
        is_failed=given_back.status in REFUND_FAILED,
    )


def _amount(minor: int, currency: str) -> Decimal:
    """A sum in a currency that we do not take stays as it is: the currency is what is wrong about it."""
    return Money.from_minor(minor, currency).amount if currency in MINOR_UNITS else Decimal(minor)
