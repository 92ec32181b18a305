"""The ASGI application: `granian --interface asgi ingest:app`."""

import contextlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

import settings
from ingest import (
    activity,
    audit_reports,
    events,
    events_changes,
    events_history,
    health,
    messages,
    openapi,
    payments,
    slots,
    users,
    webhooks,
)
from ingest.calls import encode_json
from ingest.endpoint import Endpoint, problem_of_mistake
from ingest.problems import MEDIA_TYPE, TYPE_PREFIX, Problem
from ingest.routes import ROW_ID
from ingest.services import Services, api_addresses
from worker.logs import configure_logs

ROUTES: Final = (
    *messages.ROUTES,
    *activity.ROUTES,
    *users.ROUTES,
    *events.ROUTES,
    *events_changes.ROUTES,
    *events_history.ROUTES,
    *slots.ROUTES,
    *payments.ROUTES,
    *webhooks.ROUTES,
    *audit_reports.ROUTES,
)
SEND_PATH: Final = re.compile(messages.SEND.path.replace("{event_id:int}", f"({ROW_ID})"))


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
    """A probe failed by a mistake of ours."""
    problem = problem_of_mistake(error)
    return Response(encode_json(problem), problem.status, media_type=MEDIA_TYPE.decode())


class Front:
    """Before Starlette, the two calls that make up nearly all traffic: routing would cost as much as their work."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._send = Endpoint(messages.SEND)
        self._bulk = Endpoint(messages.SEND_BULK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            if scope["path"] == messages.SEND_BULK.path:
                scope.update(app=self._app, path_params={})
                await self._bulk(scope, receive, send)
                return
            if match := SEND_PATH.fullmatch(scope["path"]):
                scope.update(app=self._app, path_params={"event_id": int(match[1])})
                await self._send(scope, receive, send)
                return
        try:
            await self._app(scope, receive, send)
        except Exception:
            # Starlette has answered by `our_mistake`, and raises it once more: the server would log its text (P11).
            if scope["type"] != "http":
                raise


def make() -> Front:
    """The application, with nothing connected yet."""
    return Front(
        Starlette(
            routes=[
                *(StarletteRoute(route.path, Endpoint(route), methods=[route.method]) for route in ROUTES),
                *health.ROUTES,
                StarletteRoute("/openapi.json", openapi.page_of(ROUTES)),
            ],
            exception_handlers={HTTPException: http_problem, Exception: our_mistake},
            lifespan=lifespan,
        )
    )
