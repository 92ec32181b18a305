"""Which app is calling, what it may do, and how fast."""

import time
from datetime import UTC, datetime
from typing import Final, Literal

from cachetools import TTLCache

from domain.errors import NotAllowed, NotAuthenticated, OverRate
from stores import api_clients
from stores.api_clients import ApiClient
from stores.connections import AsyncStores

REMEMBERED_S: Final = 5.0
"""How long a revoked key may still be used."""
REMEMBERED_MAX: Final = 10_000
BURST_S: Final = 1.0
"""A client may spend this much of its rate at once."""
AREAS: Final = ("messages", "events", "payments", "reports", "users")
SCOPES: Final = tuple(f"{area}:{access}" for area in AREAS for access in ("read", "write"))
Scope = Literal[
    "messages:read", "messages:write", "events:read", "events:write", "payments:read", "payments:write",
    "reports:read", "reports:write", "users:read", "users:write",
]  # fmt: skip
NOBODY: Final = ApiClient(0, "", [], 0, datetime.min.replace(tzinfo=UTC), None)
"""Whoever calls what asks for no key. Calling apps are numbered from 1."""


class Clients:
    """Authenticates calling apps, and holds each to its rate in this process."""

    def __init__(self, stores: AsyncStores) -> None:
        self._stores = stores
        self._known: TTLCache[str, ApiClient] = TTLCache(REMEMBERED_MAX, REMEMBERED_S)
        self._paid_until: dict[int, float] = {}

    async def authenticate(self, authorization: str, scope: Scope) -> ApiClient:
        """The app that calls. Raises NotAuthenticated, NotAllowed, Away."""
        method, _, key = authorization.partition(" ")
        if method.lower() != "bearer" or not key:
            raise NotAuthenticated
        client = self._known.get(key)
        if client is None:
            client = await api_clients.find(self._stores.postgres, key)
            if client is None:
                raise NotAuthenticated
            self._known[key] = client
        if scope not in client.scopes:
            raise NotAllowed(f"This client lacks the scope {scope}.")
        return client

    def spend(self, client: ApiClient, operations: int) -> None:
        """Count operations against a client's rate, by GCRA (ITU-T I.371). Raises OverRate."""
        now = time.monotonic()
        paid_until = max(now, self._paid_until.get(client.id, now)) + operations / client.rate_per_s
        wait = paid_until - now - max(BURST_S, operations / client.rate_per_s)
        if wait > 0:
            raise OverRate(wait)
        self._paid_until[client.id] = paid_until
