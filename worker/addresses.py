"""Where a process finds its stores and the providers of payments, and what it makes reports with, by its settings."""

from pathlib import Path

import settings
from domain.keyring import KeyRing
from providers import ProviderSettings
from stores.connections import Addresses
from tasks.report_tools import Tools


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


def tools() -> Tools:
    """For tasks.report_tools."""
    current = settings.current()
    return Tools(
        reports_url=current.reports_url,
        fonts_folder=Path(current.fonts_folder).expanduser(),
        signing_key=current.signing_key,
        timestamp_url=current.tsa_url,
    )
