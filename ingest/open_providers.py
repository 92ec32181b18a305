"""Which providers of payments this system has keys of. The others are closed: an empty secret verifies forgeries."""

from dataclasses import dataclass
from typing import Self

from domain.payment import Provider
from ingest.origins import Network
from ingest.problems import ProviderClosed
from settings import Settings


@dataclass(frozen=True, slots=True)
class OpenProviders:
    """What ingest needs to know of them."""

    open: frozenset[Provider]
    stripe_webhook_secrets: tuple[str, ...]
    toss_source_networks: tuple[Network, ...]
    """Whence Toss's webhooks come; empty: from anywhere."""

    @classmethod
    def of(cls, given: Settings) -> Self:
        """Those that the settings have the keys of."""
        is_open = {
            Provider.TOSS: bool(given.toss_secret_key),
            Provider.STRIPE: bool(given.stripe_secret_key and given.stripe_secrets),
        }
        return cls(
            open=frozenset(provider for provider, has_keys in is_open.items() if has_keys),
            stripe_webhook_secrets=given.stripe_secrets,
            toss_source_networks=given.toss_networks,
        )

    def check_open(self, provider: Provider) -> None:
        """Raises ProviderClosed."""
        if provider not in self.open:
            raise ProviderClosed(f"This system takes no payments by {provider}: it has no keys of it.")
