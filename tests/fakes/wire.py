"""What both fakes are made of: answers, refusals, failures on demand, what is remembered of idempotency keys."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Json = dict[str, Any]
Kind = Literal["429", "500", "html", "slow", "cut", "lost"]
"""429 and 500 as the provider words them; `html`: 200 with a page; `slow`: late by `seconds`; `cut`: done, and the
connection ends within the answer; `lost`: not done, and it ends before it."""
PAGE: Final = b"<!doctype html><html><body>We will be back soon</body></html>"
CUT_AT: Final = 8


class Refusal(Exception):
    """The provider's own no."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Failure(msgspec.Struct):
    """What befalls the next calls."""

    kind: Kind
    times: int = 1
    seconds: float = 0.0
    method: str = ""
    """Only calls of this method; empty: of any."""
    path: str = ""
    """Only calls whose path ends so."""


class Cut(Response):
    """An answer within which the connection ends, so that the client has to notice."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (as ASGI has it)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body[:CUT_AT]), "more_body": True})
        raise ConnectionAbortedError("cut on demand")


@dataclass(slots=True)
class Failures:
    """What was asked to befall a provider's calls, and how long each takes at least."""

    latency_s: float = 0.0
    waiting: list[Failure] = field(default_factory=list)
    calls: int = 0
    """That reached the provider, whatever became of them."""

    def take(self, method: str, path: str) -> Failure | None:
        """The first that befalls this call, counted down."""
        for failure in self.waiting:
            if failure.method in ("", method) and path.endswith(failure.path):
                failure.times -= 1
                if not failure.times:
                    self.waiting.remove(failure)
                return failure
        return None

    async def befall(self, request: Request, answer: Callable[[], Awaitable[Response]], error: "Worded") -> Response:
        """Answer a call, unless something befalls it."""
        self.calls += 1
        failure = self.take(request.method, request.url.path)
        await asyncio.sleep(self.latency_s)
        match failure:
            case None:
                return await answer()
            case Failure(kind="slow", seconds=seconds):
                await asyncio.sleep(seconds)
                return await answer()
            case Failure(kind="html"):
                return Response(PAGE, media_type="text/html")
            case Failure(kind="lost"):
                return Cut(PAGE)
            case Failure(kind="cut"):
                return Cut((await answer()).body)
            case Failure(kind="429"):
                return respond(error("TOO_MANY_REQUESTS"), HTTPStatus.TOO_MANY_REQUESTS, {"retry-after": "1"})
            case _:
                return respond(error("INTERNAL_ERROR"), HTTPStatus.INTERNAL_SERVER_ERROR)


Worded = Callable[[str], Json]
"""An error's body, by its code."""


@dataclass(slots=True)
class Keys:
    """What is remembered of idempotency keys: the first answer, for whoever asks again."""

    answers: dict[str, tuple[str, bytes, int]] = field(default_factory=dict)

    async def once(self, request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
        """The first answer, again. Refusal if the same key comes with something else."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return await answer()
        asked = f"{request.url.path} {(await request.body()).decode()}"
        if key in self.answers:
            first, body, status = self.answers[key]
            if first != asked:
                raise Refusal(HTTPStatus.BAD_REQUEST, "idempotency_error")
            return Response(body, status, media_type="application/json")
        given = await answer()
        if given.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.answers[key] = (asked, bytes(given.body), given.status_code)
        return given


def respond(body: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """An answer as JSON, numbers as numbers."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(body)
    return Response(encoded, status, dict(headers or {}), media_type="application/json")
