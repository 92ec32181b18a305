"""`Idempotency-Key`: promised for the POSTs of users, events, open slots, payments and audit reports.

A PATCH of an event and a DELETE of who takes part go the same way, and honour it too.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from domain.errors import BadInput
from ingest.calls import Answer, Call
from ingest.services import Services
from stores import idempotency_keys
from stores.idempotency_keys import Kept
from stores.row_security import Connection

KEY_CHARACTERS_MAX: Final = 255


async def once(services: Services, call: Call, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Answer a call by work in one transaction; a repeat of its Idempotency-Key gets the first answer.

    Raises BadInput.
    """
    header = call.headers.get(b"idempotency-key")
    key = header.decode("latin-1") if header is not None else None
    if key is not None and not 0 < len(key) <= KEY_CHARACTERS_MAX:
        raise BadInput(f"An Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} characters.", "Idempotency-Key")

    async def kept(connection: Connection) -> Kept:
        answer = await work(connection)
        return Kept(answer.status, answer.body)

    first = await idempotency_keys.once(services.stores.postgres, call.client.id, key, hash_of(call), kept)
    return Answer(HTTPStatus(first.status), first.body)


def hash_of(call: Call) -> bytes:
    """What was asked. The query, too: a DELETE has its actor there and no body."""
    query = b"?" + call.query if call.query else b""
    return sha256(call.address.encode() + query + b"\0" + call.body).digest()
