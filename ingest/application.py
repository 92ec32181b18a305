"""The ASGI application: `granian --interface asgi ingest:app`."""

import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

import settings
from domain.errors import NotThere
from domain.message import INT8_MAX
from ingest import activity, events, health, messages, openapi, users
from ingest.calls import Answer, Call, answer_problem, encode_json, read_body, send_answer
from ingest.metrics import observed
from ingest.problems import ANSWERED, MEDIA_TYPE, TYPE_PREFIX, Problem, problem_of
from ingest.routes import Route
from ingest.services import Services, api_addresses
from worker.logs import configure_logs

ROUTES: Final = (*messages.ROUTES, *activity.ROUTES, *users.ROUTES, *events.ROUTES)
log = structlog.get_logger()


class Endpoint:
    """Answers one route's calls: who calls, what was sent, the answer or the problem."""

    def __init__(self, route: Route) -> None:
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        services: Services = scope["app"].state.services
        with observed(self._route) as observation:
            try:
                answer = await self._answer(services, scope, receive)
            except ANSWERED as error:
                answer = answer_problem(problem_of(error))
            observation.status = answer.status
        await send_answer(send, answer)

    async def _answer(self, services: Services, scope: Scope, receive: Receive) -> Answer:
        route = self._route
        headers = dict(scope["headers"])
        client = await services.clients.authenticate(headers.get(b"authorization", b"").decode("latin-1"), route.scope)
        path = scope["path_params"]
        if any(isinstance(value, int) and value > INT8_MAX for value in path.values()):
            raise NotThere("There is no such row.")
        body = await read_body(receive, route.body_bytes_max)
        return await route.handler(
            services, Call(client, f"{route.method} {scope['path']}", path, scope["query_string"], headers, body)
        )


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """The life of an ingest process."""
    configure_logs(settings.current().log_level)
    services = Services.of(api_addresses())
    await services.stores.open()
    app.state.services = services
    try:
        yield
    finally:
        await services.close()


async def http_problem(_: Request, error: Exception) -> Response:
    """No such path, or no such method there."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    problem = Problem(TYPE_PREFIX + status.phrase.lower().replace(" ", "-"), status.phrase, status, error.detail)
    return Response(encode_json(problem), status, error.headers, MEDIA_TYPE.decode())


async def our_mistake(_: Request, error: Exception) -> Response:
    """An error that is ours. Its text may quote a value, and goes nowhere."""
    log.error("a call failed by a mistake of ours", action="call_failed", code=type(error).__name__)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    problem = Problem(
        TYPE_PREFIX + "our-mistake", status.phrase, status, "This is a mistake of ours; it is in our log."
    )
    return Response(encode_json(problem), status, media_type=MEDIA_TYPE.decode())


def make() -> Starlette:
    """The application, with nothing connected yet."""
    return Starlette(
        routes=[
            *(StarletteRoute(route.path, Endpoint(route), methods=[route.method]) for route in ROUTES),
            *health.ROUTES,
            StarletteRoute("/openapi.json", openapi.page_of(ROUTES)),
        ],
        exception_handlers={HTTPException: http_problem, Exception: our_mistake},
        lifespan=lifespan,
    )
