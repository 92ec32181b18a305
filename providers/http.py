"""HTTP to a provider: limits of time, a few tries with jitter, a circuit breaker, and what an answer means.

A call is tried again at once only where that is safe and may help: it reads, or carries an Idempotency-Key, and the
connection was cut or the provider said that it is busy. One that was slow is left to whoever asked, or a slow provider
would hold a worker for a multiple of the limit.
"""

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx
import msgspec
import pybreaker
import tenacity

from providers.errors import ProviderAway, ProviderRefused, ProviderUnknown

CONNECT_S_MAX: Final = 3.0
READ_S_MAX: Final = 10.0
"""Toss answers a confirmation when the card's issuer has: seconds, rarely. Longer, and one slow provider holds all."""
TRIES_MAX: Final = 3
BETWEEN_S: Final = 0.2
BETWEEN_S_MAX: Final = 2.0
BREAKER_FAILURES_MAX: Final = 5
BREAKER_OPEN_S: Final = 20.0
TRY_LATER: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # our key: no payment is at fault, an operator mends it
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.CONFLICT,  # the same Idempotency-Key is being worked on
    }
)

Shape = TypeVar("Shape")
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode

# Every URL is logged, and a URL names a payment; headers carry our key.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a provider may take, in seconds, and how often it is tried."""

    connect_s: float = CONNECT_S_MAX
    read_s: float = READ_S_MAX
    between_s: float = BETWEEN_S
    breaker_open_s: float = BREAKER_OPEN_S


PACE_DEFAULT: Final = Pace()


class _Fault(msgspec.Struct):
    """An error as both write it: Toss {code, message}, Stripe {error: {code, type}}. Texts are not read."""

    code: str | None = None
    error: "_Fault | None" = None
    type: str | None = None


class HttpClient:
    """Speaks to one provider. For one thread at a time, but for `close`."""

    def __init__(self, provider: str, base_url: str, headers: Mapping[str, str], pace: Pace) -> None:
        self._provider = provider
        timeout = httpx.Timeout(pace.read_s, connect=pace.connect_s)
        self._http = httpx.Client(base_url=base_url, headers=dict(headers), timeout=timeout, follow_redirects=False)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=BREAKER_FAILURES_MAX,
            reset_timeout=pace.breaker_open_s,
            exclude=[ProviderRefused, ProviderUnknown],
            throw_new_error_on_trip=False,
        )
        self._tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, ProviderAway) and error.may_help_at_once),
            stop=tenacity.stop_after_attempt(TRIES_MAX),
            wait=tenacity.wait_exponential_jitter(multiplier=pace.between_s, max=BETWEEN_S_MAX, jitter=pace.between_s),
            reraise=True,
        )

    def get(self, path: str, shape: type[Shape], query: Mapping[str, str | int | list[str]] | None = None) -> Shape:
        """Read. Raises ProviderAway, ProviderRefused, ProviderUnknown."""
        return self._ask(self._http.build_request("GET", path, params=query), shape)

    def post_json(self, path: str, shape: type[Shape], body: Mapping[str, object], key: UUID) -> Shape:
        """Ask for something that is done once for its key, sent as JSON. Raises as `get` does."""
        headers = {"idempotency-key": str(key), "content-type": "application/json"}
        request = self._http.build_request("POST", path, content=_encode(body), headers=headers)
        return self._ask(request, shape)

    def post_form(self, path: str, shape: type[Shape], form: Mapping[str, str | int], key: UUID) -> Shape:
        """The same, sent as a form. Raises as `get` does."""
        request = self._http.build_request("POST", path, data=dict(form), headers={"idempotency-key": str(key)})
        return self._ask(request, shape)

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def _ask(self, request: httpx.Request, shape: type[Shape]) -> Shape:
        answer: Shape = self._tries(self._once, request, shape)
        return answer

    def _once(self, request: httpx.Request, shape: type[Shape]) -> Shape:
        try:
            answer: Shape = self._breaker.call(self._send, request, shape)
        except pybreaker.CircuitBreakerError:
            raise ProviderAway(self._provider, "breaker-open", self._breaker.reset_timeout) from None
        return answer

    def _send(self, request: httpx.Request, shape: type[Any]) -> Any:
        try:
            response = self._http.send(request)
        except httpx.TimeoutException as error:
            raise ProviderAway(self._provider, type(error).__name__) from None
        except httpx.HTTPError as error:
            raise ProviderAway(self._provider, type(error).__name__, may_help_at_once=True) from None
        if not response.is_success:
            raise self._error_of(response)
        try:
            return msgspec.json.decode(response.content, type=shape)
        except (msgspec.DecodeError, ValueError):
            # An answer of something before the provider, or in a shape that we do not know: nothing of it counts.
            raise ProviderAway(self._provider, "no-answer-of-its-own") from None

    def _error_of(self, response: httpx.Response) -> Exception:
        status, code = response.status_code, str(response.status_code)
        if status in TRY_LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ProviderAway(self._provider, code, may_help_at_once=status != HTTPStatus.UNAUTHORIZED)
        try:
            fault = msgspec.json.decode(response.content, type=_Fault)
        except (msgspec.DecodeError, ValueError):
            return ProviderAway(self._provider, f"{code}-no-answer-of-its-own")
        fault = fault.error or fault
        code = fault.code or fault.type or code
        kind = ProviderUnknown if status == HTTPStatus.NOT_FOUND else ProviderRefused
        return kind(self._provider, code)


def basic(key: str) -> str:
    """Toss's Authorization: the secret key as a user without a password."""
    return f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"


def bearer(key: str) -> str:
    """Stripe's."""
    return f"Bearer {key}"
