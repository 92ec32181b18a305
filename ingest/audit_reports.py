"""Audit reports: who asks for one, how far it is, its file. The work itself is a worker's."""

import base64
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec

from domain.audit_report import Language
from domain.errors import Conflict, NoLongerThere, PlanNeeded
from domain.message import RowId
from domain.report_state import ReportStatus, shown_step
from ingest.calls import Answer, Call, Reader, answer_json
from ingest.idempotency import once
from ingest.intake import check_writer
from ingest.routes import Route
from ingest.services import Services
from stores import audit_report_requests, participants, report_files
from stores.audit_report_requests import Report
from stores.row_security import Connection, act_as, as_user
from tasks.reports import render_audit

PDF: Final = "application/pdf"
NAMES: Final = {Language.KOREAN: "timingle 감사 보고서 {}-{}.pdf", Language.ENGLISH: "timingle audit report {}-{}.pdf"}


class NewReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks for a report, and in which language."""

    actor_id: RowId
    language: Language = Language.KOREAN


class ReportView(msgspec.Struct, frozen=True):
    """How far a report is: `progress` from 0 to 1, `step` for a person."""

    id: int
    status: ReportStatus
    progress: float
    step: str


async def create(services: Services, call: Call) -> Answer:
    """Ask for a report of an event as it is now; while nothing has changed it is the same one."""
    asked, event_id = call.body_as(_new_report), call.path["event_id"]
    waiting: list[int] = []

    async def work(connection: Connection) -> Answer:
        standing = await participants.standing(connection, event_id, asked.actor_id)
        check_writer(standing)
        if not await audit_report_requests.is_pro(connection, asked.actor_id):
            raise PlanNeeded("Audit reports are for users of the plan PRO.")
        await act_as(connection, asked.actor_id)
        report = await audit_report_requests.request(connection, event_id, asked.actor_id, asked.language)
        if report.status is ReportStatus.QUEUED:
            waiting.append(report.id)
        return answer_json(view(report), HTTPStatus.ACCEPTED)

    answer = await once(services, call, work)
    for report_id in waiting:  # none if it is under way or made
        services.row_bell.ring(render_audit.apply_async, report_id)
    return answer


async def get(services: Services, call: Call) -> Answer:
    """How far a report is."""
    async with as_user(services.stores.postgres, call.query_as(Reader).as_user) as connection:
        return answer_json(view(await audit_report_requests.get(connection, call.path["report_id"])))


async def cancel(services: Services, call: Call) -> Answer:
    """Let a report not be made, or its file be removed."""
    async with as_user(services.stores.postgres, call.query_as(Reader).as_user) as connection:
        return answer_json(view(await audit_report_requests.cancel(connection, call.path["report_id"])))


async def pdf(services: Services, call: Call) -> Answer:
    """The file. Raises Conflict until it is ready, NoLongerThere once it was let go."""
    async with as_user(services.stores.postgres, call.query_as(Reader).as_user) as connection:
        report = await audit_report_requests.get(connection, call.path["report_id"])
    if report.status in (ReportStatus.CANCELED, ReportStatus.EXPIRED):
        raise NoLongerThere(f"This report is {report.status}; ask for another.")
    if report.object_key is None or report.sha256 is None or report.size_bytes is None:
        raise Conflict(f"This report is {report.status}: {view(report).step}.")
    headers = (
        (b"content-disposition", disposition(report).encode()),
        (b"repr-digest", b"sha-256=:" + base64.b64encode(report.sha256) + b":"),  # RFC 9530
        (b"cache-control", b"private, no-store"),
        (b"x-content-type-options", b"nosniff"),
    )
    pieces = await report_files.read(services.files(), report.object_key, report.size_bytes)
    return Answer(HTTPStatus.OK, media_type=PDF.encode(), headers=headers, pieces=pieces, size_bytes=report.size_bytes)


def disposition(report: Report) -> str:
    """How a browser is to name the file; in ASCII for one that knows no better (RFC 6266, appendix D)."""
    place = (report.event_id, report.id)
    plain = NAMES[Language.ENGLISH].format(*place)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(NAMES[report.language].format(*place), safe='')}"


def view(report: Report) -> ReportView:
    """A report as it is shown."""
    step = shown_step(report.language, report.status, report.step)
    return ReportView(report.id, report.status, round(report.progress, 3), step)


_new_report: Final = msgspec.json.Decoder(NewReport)
REPORT: Final = "/v1/audit-reports/{report_id:int}"
ROUTES: Final = (
    Route("POST", "/v1/events/{event_id:int}/audit-reports", create, "Ask for an audit PDF", "reports:write",
          NewReport, None, ReportView, HTTPStatus.ACCEPTED),
    Route("GET", REPORT, get, "How far an audit PDF is", "reports:read", None, Reader, ReportView),
    Route("DELETE", REPORT, cancel, "Cancel an audit PDF, or remove it", "reports:write", None, Reader, ReportView),
    Route("GET", REPORT + "/pdf", pdf, "An audit PDF", "reports:read", None, Reader, file_type=PDF),
)  # fmt: skip
