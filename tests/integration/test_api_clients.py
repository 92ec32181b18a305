"""Calling apps: a key is shown once, kept as a hash, and ends when it is revoked."""

import asyncio
from hashlib import sha256

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.errors import Conflict, NotThere, Wrong
from stores import api_clients
from stores.api_clients import KEY_PREFIX, ApiClient
from tests.integration.own import Own

SCOPES = ["messages:read", "users:write"]


def create(own: Own, name: str = "salon", rate_per_s: int = 7) -> str:
    return api_clients.create(own.stores.postgres, name, SCOPES, rate_per_s)


def find(own: Own, key: str) -> ApiClient | None:
    """As ingest looks: with the API's role."""

    async def ask() -> ApiClient | None:
        async with AsyncConnectionPool(own.env["TIMINGLE_POSTGRES_API_URL"], min_size=1, open=False) as pool:
            return await api_clients.find(pool, key)

    return asyncio.run(ask())


def test_a_key_finds_its_app_with_its_scopes_and_rate(own: Own) -> None:
    key = create(own)
    create(own, "another")
    found = find(own, key)
    assert found is not None
    assert (found.name, found.scopes, found.rate_per_s, found.revoked_at) == ("salon", SCOPES, 7, None)


@pytest.mark.parametrize("altered", ["", "timingle_", "{key}x", "{KEY}", " {key}", "salon"])
def test_no_other_key_finds_it(own: Own, altered: str) -> None:
    key = create(own)
    assert find(own, altered.format(key=key, KEY=key.upper())) is None


def test_two_keys_are_never_alike_and_tell_a_scanner_what_they_are(own: Own) -> None:
    one, other = create(own, "one"), create(own, "other")
    assert one != other
    assert all(key.startswith(KEY_PREFIX) and len(key) == len(KEY_PREFIX) + 43 for key in (one, other))


def test_the_key_stands_nowhere_but_its_hash_does(own: Own) -> None:
    key = create(own)
    ((row, kept),) = own.sql("SELECT c::text, key_hash FROM api_clients AS c")
    assert key not in str(row)
    assert key.removeprefix(KEY_PREFIX) not in str(row)
    assert kept == sha256(key.encode()).digest()


def test_a_revoked_key_finds_nobody_and_stays_listed(own: Own) -> None:
    key = create(own)
    api_clients.revoke(own.stores.postgres, "salon")
    assert find(own, key) is None
    (listed,) = api_clients.listed(own.stores.postgres)
    assert listed.revoked_at is not None
    assert listed.revoked_at >= listed.created_at


@pytest.mark.parametrize("name", ["nobody", "salon"])
def test_who_is_not_there_or_revoked_already_is_not_revoked(own: Own, name: str) -> None:
    create(own)
    api_clients.revoke(own.stores.postgres, "salon")
    with pytest.raises(NotThere, match=name):
        api_clients.revoke(own.stores.postgres, name)


def test_a_name_is_taken_for_good_even_if_revoked(own: Own) -> None:
    create(own)
    api_clients.revoke(own.stores.postgres, "salon")
    with pytest.raises(Conflict, match="salon"):
        create(own)


def test_a_rate_below_one_is_refused_by_the_table(own: Own) -> None:
    with pytest.raises(Wrong, match="23514"):
        create(own, rate_per_s=0)


def test_all_are_listed_in_the_order_in_which_they_came(own: Own) -> None:
    for name in ("b", "a", "c"):
        create(own, name)
    assert [client.name for client in api_clients.listed(own.stores.postgres)] == ["b", "a", "c"]
