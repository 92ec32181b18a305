"""Webhooks: stored before they are answered, and never believed: a worker asks the provider what is true (P8).

The content type is not looked at: what counts is the body, to the byte, and whose it is. A provider that writes another
header one day must not lose its events.
"""

import hmac
from typing import Final

from domain.payment import Provider
from domain.payment_ticket import Hint, hash_of_secret
from ingest.calls import Answer, Call
from ingest.origins import comes_from
from ingest.routes import Route
from ingest.services import Services
from providers.errors import WebhookForged
from providers.webhooks import parse_stripe, parse_toss
from stores import webhooks_async
from stores.webhooks_async import Arrived
from tasks.payments import apply_webhook

STORED: Final = Answer(body=b"{}")
TOSS_DELIVERY: Final = b"tosspayments-webhook-transmission-id"
TOSS_HEADERS: Final = (
    TOSS_DELIVERY.decode(),
    "tosspayments-webhook-transmission-time",
    "tosspayments-webhook-transmission-retried-count",
)
STRIPE_HEADERS: Final = ("stripe-signature",)


async def toss(services: Services, call: Call) -> Answer:
    """A hint from Toss, which signs none of its payment events."""
    services.providers.check_open(Provider.TOSS)
    check_source(services, call)
    event_id = call.headers.get(TOSS_DELIVERY)
    hint = parse_toss(call.body, None if event_id is None else event_id.decode("latin-1"))
    is_verified = await check_secret(services, hint)
    return await keep(services, Arrived(hint, call.body, told(call, TOSS_HEADERS), is_verified))


async def stripe(services: Services, call: Call) -> Answer:
    """An event of Stripe's, by its signature over the very bytes."""
    services.providers.check_open(Provider.STRIPE)
    signature = call.headers.get(b"stripe-signature", b"").decode("latin-1")
    hint = parse_stripe(call.body, signature, services.providers.stripe_webhook_secrets)
    return await keep(services, Arrived(hint, call.body, told(call, STRIPE_HEADERS), is_verified=True))


async def keep(services: Services, arrived: Arrived) -> Answer:
    """Store it, then answer, and ring; a repeat is answered and no more."""
    webhook_id = await webhooks_async.keep(services.stores.postgres, services.stores.keys, arrived)
    if webhook_id is not None:
        services.row_bell.ring(apply_webhook.apply_async, webhook_id)
    return STORED


def check_source(services: Services, call: Call) -> None:
    """Raises WebhookForged if the operator has listed Toss's networks, and this comes from elsewhere."""
    networks = services.providers.toss_source_networks
    if networks and not comes_from(call, networks, services.proxies):
        raise WebhookForged("This address is not one of Toss's.")


async def check_secret(services: Services, hint: Hint) -> bool:
    """Whether the callback of a deposit shows the secret that Toss told us. While nobody knows it yet, the worker looks
    again. Raises WebhookForged if it is another one."""
    if hint.secret is None or hint.order_id is None:
        return False
    expected = await webhooks_async.secret_hash_of(services.stores.postgres, hint.order_id)
    if expected is None:
        return False
    if not hmac.compare_digest(expected, hash_of_secret(hint.secret)):
        raise WebhookForged("This is not the secret of the deposit.")
    return True


def told(call: Call, names: tuple[str, ...]) -> dict[str, str]:
    """What the headers tell of a delivery."""
    given = ((name, call.headers.get(name.encode())) for name in names)
    return {name: value.decode("latin-1") for name, value in given if value is not None}


ROUTES: Final = (
    Route("POST", "/v1/webhooks/toss", toss, "What Toss Payments calls: its own shape, PAYMENT_STATUS_CHANGED or "
          "DEPOSIT_CALLBACK", None),
    Route("POST", "/v1/webhooks/stripe", stripe, "What Stripe calls: its own shape, with Stripe-Signature", None),
)  # fmt: skip
