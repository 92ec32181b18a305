"""Is the process alive, is the system ready, how is it doing."""

import asyncio
import contextlib
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import Away
from ingest.calls import encode_json
from ingest.metrics import DEAD_LETTERS, show_events, show_journal, show_payments, show_reports
from ingest.services import Services
from stores import dead_letters, events_lag, payments_lag, probes, reports_lag
from stores.journal import Journal


class Check(msgspec.Struct, frozen=True):
    """One thing that must be well."""

    name: str
    ok: bool
    detail: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """Ready means that every store answers and work is moving."""

    ready: bool
    checks: list[Check]


async def livez(_: Request) -> Response:
    """The process answers."""
    return Response(b'{"status":"alive"}', media_type="application/json")


async def readyz(request: Request) -> Response:
    """Every store answers, and work is moving: a worker can be alive and consume nothing, only progress proves it."""
    services: Services = request.app.state.services
    stores = services.stores
    checks = await asyncio.gather(
        check("postgres", probes.postgres(stores.postgres)),
        check("scylla", probes.scylla(stores.scylla)),
        check("broker", asyncio.to_thread(services.doorbell.check)),
        *(check_journal(journal) for journal in stores.journals),
    )
    ready = all(one.ok for one in checks)
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(encode_json(Readiness(ready, list(checks))), status, media_type="application/json")


async def metrics(request: Request) -> Response:
    """For Prometheus. A store that is away leaves its gauges as they were."""
    stores = request.app.state.services.stores
    for journal in stores.journals:
        with contextlib.suppress(Away):
            show_journal(journal.id, await journal.state())
    with contextlib.suppress(Away):
        DEAD_LETTERS.set(await dead_letters.count_open(stores.postgres))
        show_events(await events_lag.look(stores.postgres))
        show_payments(await payments_lag.look(stores.postgres))
        show_reports(await reports_lag.look(stores.postgres))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def check(name: str, probe: Awaitable[None]) -> Check:
    """One store's answer."""
    try:
        await probe
    except Away as away:
        return Check(name, False, away.code)
    return Check(name, True)


async def check_journal(journal: Journal) -> Check:
    """A journal answers, and what it holds is being stored."""
    name = f"journal {journal.id}"
    try:
        state = await journal.state()
    except Away as away:
        return Check(name, False, away.code)
    if state.is_stuck:
        return Check(name, False, f"the oldest entry has waited for {state.oldest_waiting_ms // 1_000} s")
    return Check(name, True)


ROUTES: Final = (
    Route("/livez", livez),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
)
