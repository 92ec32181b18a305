"""Answers the calls of one route: who calls, what was sent, the answer or the problem."""

import time
from http import HTTPStatus

import structlog
from starlette.types import Receive, Scope, Send

from domain.errors import NotThere
from domain.message import INT8_MAX
from ingest.calls import Answer, Call, answer_problem, read_body, send_answer
from ingest.clients import NOBODY
from ingest.metrics import RouteMetrics
from ingest.problems import ANSWERED, TYPE_PREFIX, Problem, problem_of
from ingest.routes import Route
from ingest.services import Services

log = structlog.get_logger()


class Endpoint:
    """An ASGI application of one route."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._metrics = RouteMetrics(route.method, route.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        try:
            answer = await self._answer(scope["app"].state.services, scope, receive)
        except ANSWERED as error:
            answer = answer_problem(problem_of(error))
        except Exception as error:  # noqa: BLE001  the door's last line: a server that logs it would log its text (P11)
            answer = answer_problem(problem_of_mistake(error))
        self._metrics.observe(answer.status, time.perf_counter() - began)
        try:
            await send_answer(send, answer)
        except ANSWERED as error:  # in the middle of a file: its length was told, so the caller sees that it is cut
            log.warning("an answer was cut off", action="answer_cut", code=type(error).__name__)

    async def _answer(self, services: Services, scope: Scope, receive: Receive) -> Answer:
        route = self._route
        headers = dict(scope["headers"])
        client = NOBODY
        if route.scope is not None:
            authorization = headers.get(b"authorization", b"").decode("latin-1")
            client = await services.clients.authenticate(authorization, route.scope)
            if not route.is_bulk:
                services.clients.spend(client, 1)
        path = scope["path_params"]
        for value in path.values():
            if isinstance(value, int) and value > INT8_MAX:
                raise NotThere("There is no such row.")
        body = await read_body(receive, route.body_bytes_max)
        address, peer = f"{route.method} {scope['path']}", (scope.get("client") or (None,))[0]
        call = Call(client, address, path, scope["query_string"], headers, body, peer)
        return await route.handler(services, call)


def problem_of_mistake(error: Exception) -> Problem:
    """An error that is ours: its class and place go into the log. Its text may quote a value, and goes nowhere."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    at = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    log.error("a call failed by a mistake of ours", action="call_failed", code=type(error).__name__, at=at)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return Problem(TYPE_PREFIX + "our-mistake", status.phrase, status, "This is a mistake of ours; it is in our log.")
