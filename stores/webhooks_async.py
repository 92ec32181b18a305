"""PostgreSQL: payment_webhooks, the inbox: what came from a provider, each body once, before anything is made of it."""

import os
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from psycopg_pool import AsyncConnectionPool

from domain.keyring import NONCE_BYTES, KeyRing
from domain.payment_ticket import Hint, hash_of_secret
from stores.errors import postgres_errors
from stores.payment_places import place_of_payload

INSERT_WEBHOOK: Final = """
    INSERT INTO payment_webhooks (provider, body_hash, provider_event_id, event_type, order_id, transaction_id, claims,
        secret_hash, headers, payload_encrypted, is_verified, payment_id)
    VALUES (%(provider)s, %(body_hash)s, %(provider_event_id)s, %(event_type)s, %(order_id)s, %(transaction_id)s,
        %(claims)s, %(secret_hash)s, %(headers)s, %(payload_encrypted)s, %(is_verified)s,
        (SELECT payment_id FROM payment_of_order(%(order_id)s)))
    ON CONFLICT (provider, body_hash) DO NOTHING RETURNING id"""
SELECT_PAYMENT_OF_ORDER: Final = "SELECT payment_id, deposit_secret_hash FROM payment_of_order(%s)"


class Arrived(NamedTuple):
    """A webhook that was understood."""

    hint: Hint
    body: bytes
    headers: dict[str, str]
    """Those that tell of its delivery."""
    is_verified: bool
    """It is the provider's for sure; whether it is true is asked all the same."""


async def keep(pool: AsyncConnectionPool, keys: KeyRing, arrived: Arrived) -> int | None:
    """Store a webhook; its id, None if this very body is there already. Raises Away, Wrong."""
    with postgres_errors():
        async with pool.connection() as connection:
            found = await (await connection.execute(INSERT_WEBHOOK, row_of(keys, arrived))).fetchone()
            return None if found is None else int(found[0])


def row_of(keys: KeyRing, arrived: Arrived) -> dict[str, object]:
    """A webhook as INSERT_WEBHOOK takes it, its body encrypted."""
    hint, body_hash = arrived.hint, sha256(arrived.body).digest()
    payload = keys.encrypt(arrived.body, place_of_payload(hint.provider, body_hash), os.urandom(NONCE_BYTES))
    return {
        "provider": hint.provider,
        "body_hash": body_hash,
        "provider_event_id": hint.event_id,
        "event_type": hint.event_type,
        "order_id": hint.order_id,
        "transaction_id": hint.transaction_id,
        "claims": msgspec.json.encode(hint.claim).decode(),
        "secret_hash": None if hint.secret is None else hash_of_secret(hint.secret),
        "headers": msgspec.json.encode(arrived.headers).decode(),
        "payload_encrypted": payload,
        "is_verified": arrived.is_verified,
    }


async def secret_hash_of(pool: AsyncConnectionPool, order_id: str) -> bytes | None:
    """What the secret of a deposit's callback must hash to; None while the provider has not told it. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection:
            row = await (await connection.execute(SELECT_PAYMENT_OF_ORDER, (order_id,))).fetchone()
            return None if row is None else row[1]
