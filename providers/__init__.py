"""Toss Payments and Stripe: verify what they send, ask what is true, confirm, refund.

A process says once how it reaches them (`configure`, after the fork); each is opened when it is first needed. The
shapes of the wire end in `providers.toss` and `providers.stripe`: what comes out is a `domain.payment.Snapshot`.
"""

import threading
from dataclasses import dataclass, field
from typing import Final

from domain.payment import Provider
from providers.errors import ProviderAway
from providers.http import PACE_DEFAULT, HttpClient, Pace, basic, bearer

STRIPE_VERSION: Final = "2024-10-28.acacia"
"""The shapes that `providers.stripe` reads, whatever the account's default is. From this version on every refund has
its own events: https://docs.stripe.com/changelog."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How a process reaches the providers. One whose key is empty is closed."""

    toss_secret_key: str = field(repr=False)
    toss_base_url: str
    stripe_secret_key: str = field(repr=False)
    stripe_base_url: str
    pace: Pace = PACE_DEFAULT


class Providers:
    """The clients of one process, each made when it is first needed."""

    def __init__(self, given: ProviderSettings) -> None:
        self._given = given
        self._lock = threading.Lock()
        self._clients: dict[Provider, HttpClient] = {}

    def client(self, provider: Provider) -> HttpClient:
        """Raises ProviderAway if we have no key of this provider (any more): what waits for it, waits."""
        with self._lock:
            if provider not in self._clients:
                self._clients[provider] = self._open(provider)
            return self._clients[provider]

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _open(self, provider: Provider) -> HttpClient:
        given = self._given
        key = given.toss_secret_key if provider is Provider.TOSS else given.stripe_secret_key
        if not key:
            raise ProviderAway(provider, "no-key")
        if provider is Provider.TOSS:
            return HttpClient(provider, given.toss_base_url, {"authorization": basic(key)}, given.pace)
        headers = {"authorization": bearer(key), "stripe-version": STRIPE_VERSION}
        return HttpClient(provider, given.stripe_base_url, headers, given.pace)


_providers: Providers | None = None
_lock = threading.Lock()


def configure(given: ProviderSettings) -> None:
    """Say how this process reaches the providers; ends what an earlier call opened."""
    global _providers
    with _lock:
        if _providers is not None:
            _providers.close()
        _providers = Providers(given)


def client(provider: Provider) -> HttpClient:
    """This process's client of a provider. Raises ProviderAway without a key."""
    if _providers is None:
        raise RuntimeError("call providers.configure() first: the worker does after its fork")
    return _providers.client(provider)
