"""What a call of the HTTP API is: its address, its shapes, its scope, and the function that answers it.

Each module of a way lists its own (`ROUTES`); the application serves them and the OpenAPI page describes them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.convertors import IntegerConvertor, register_url_convertor

from ingest.calls import BODY_BYTES_MAX, Answer, Call
from ingest.clients import Scope
from ingest.services import Services

ROW_ID: Final = "[0-9]{1,19}"
"""As many digits as an id of PostgreSQL may have; Python would refuse to read thousands."""
Handler = Callable[[Services, Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API."""

    method: str
    path: str
    """As Starlette writes it, with {event_id:int} for the id of a row."""
    handler: Handler
    summary: str
    scope: Scope | None
    """None: it asks for no key, and its handler finds out who calls."""
    body: type[Any] | None = None
    query: type[Any] | None = None
    answer: type[Any] | None = None
    status: HTTPStatus = HTTPStatus.OK
    body_bytes_max: int = BODY_BYTES_MAX
    is_bulk: bool = False
    """Its handler counts its operations against the client's rate; any other call is one."""
    file_type: str = ""
    """Media type of the file that it answers instead of JSON."""


class RowIdConvertor(IntegerConvertor):
    """The id of a row in a path: what is longer is no address of ours."""

    regex = ROW_ID


register_url_convertor("int", RowIdConvertor())
