"""What a call of the HTTP API is: its address, its shapes, its scope, and the function that answers it.

Each module of a way lists its own (`ROUTES`); the application serves them and the OpenAPI page describes them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ingest.calls import BODY_BYTES_MAX, Answer, Call
from ingest.clients import Scope
from ingest.services import Services

Handler = Callable[[Services, Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API."""

    method: str
    path: str
    """As Starlette writes it, with {event_id:int}."""
    handler: Handler
    summary: str
    scope: Scope
    body: type[Any] | None = None
    query: type[Any] | None = None
    answer: type[Any] | None = None
    status: HTTPStatus = HTTPStatus.OK
    body_bytes_max: int = BODY_BYTES_MAX
