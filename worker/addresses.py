"""Where a process finds its stores, and the providers of payments, by its settings."""

import settings
from domain.keyring import KeyRing
from providers import ProviderSettings
from stores.connections import Addresses


def addresses(postgres_url: str, consumer: str) -> Addresses:
    """For stores.connections; `consumer` names the process among the journals' consumers."""
    current = settings.current()
    return Addresses(
        postgres_url=postgres_url,
        scylla_contact_points=current.contact_points,
        scylla_keyspace=current.scylla_keyspace,
        journal_urls=current.journals,
        journal_keep_s=current.journal_keep,
        keys=KeyRing.parse(current.data_keys),
        index_keys=current.index_keys,
        consumer=consumer,
    )


def provider_settings() -> ProviderSettings:
    """For providers.configure."""
    current = settings.current()
    return ProviderSettings(
        toss_secret_key=current.toss_secret_key,
        toss_base_url=current.toss_base_url,
        stripe_secret_key=current.stripe_secret_key,
        stripe_base_url=current.stripe_base_url,
    )
