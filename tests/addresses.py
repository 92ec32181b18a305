"""Where a process of the tests finds its stores."""

from collections.abc import Mapping

import settings
from domain.keyring import KeyRing
from stores.connections import Addresses


def addresses_of(env: Mapping[str, str]) -> Addresses:
    """As a worker has them that is told these TIMINGLE_* variables; `replace` what shall be otherwise."""
    given = settings.parse(env)
    return Addresses(
        postgres_url=given.postgres_url,
        scylla_contact_points=given.contact_points,
        scylla_keyspace=given.scylla_keyspace,
        journal_urls=given.journals,
        journal_keep_s=given.journal_keep,
        keys=KeyRing.parse(given.data_keys),
        index_keys=given.index_keys,
        consumer="test",
    )
