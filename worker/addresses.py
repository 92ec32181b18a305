"""Where a process finds its stores, by its settings."""

import settings
from domain.keyring import KeyRing
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
