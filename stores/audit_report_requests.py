"""PostgreSQL: audit_reports, as ingest asks for them, shows and cancels them; under row-level security (P9)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import kwargs_row

from domain.audit_report import Language
from domain.errors import Conflict, NotAllowed, NotThere
from domain.report_state import ReportStatus
from stores.errors import postgres_errors
from stores.row_security import Connection

COLUMNS: Final = """r.id, r.event_id, r.language, r.status, r.progress, r.step, r.cause, r.object_key, r.sha256,
    r.size_bytes, r.created_at"""
SELECT_IS_PRO: Final = "SELECT plan = 'PRO' FROM users WHERE id = %s"
HEAD: Final = "coalesce(e.history_head, decode(repeat('00', 32), 'hex'))"
"""Of an event without a history too."""
# The end of the chain as it is now is pinned.
INSERT_REPORT: Final = f"""
    INSERT INTO audit_reports AS r (event_id, requested_by, language, history_length, history_head)
    SELECT e.id, %(requested_by)s, %(language)s, e.history_length, {HEAD}
    FROM events AS e WHERE e.id = %(event_id)s
    ON CONFLICT (event_id, requested_by, language, history_head) WHERE status IN ('queued', 'running', 'ready')
        DO NOTHING
    RETURNING {COLUMNS}"""  # noqa: S608
SELECT_LIVE: Final = f"""
    SELECT {COLUMNS} FROM audit_reports AS r JOIN events AS e ON e.id = r.event_id
    WHERE r.event_id = %(event_id)s AND r.requested_by = %(requested_by)s AND r.language = %(language)s
        AND r.history_head = {HEAD}
        AND r.status IN ('queued', 'running', 'ready')"""  # noqa: S608
SELECT_REPORT: Final = f"SELECT {COLUMNS} FROM audit_reports AS r WHERE r.id = %s"  # noqa: S608
SELECT_EXISTS: Final = "SELECT audit_report_exists(%s)"
# What ends meanwhile has ended: then nothing is canceled.
CANCEL_REPORT: Final = f"""
    UPDATE audit_reports AS r SET status = 'canceled' WHERE r.id = %s AND r.status IN ('queued', 'running', 'ready')
    RETURNING {COLUMNS}"""  # noqa: S608
ASKS_MAX: Final = 3
"""The event may change between the two looks, and a report end."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as whoever asked for it may see it."""

    id: int
    event_id: int
    language: Language
    status: ReportStatus
    progress: float
    step: str
    cause: str | None
    object_key: str | None
    sha256: bytes | None
    size_bytes: int | None
    created_at: datetime


async def is_pro(connection: Connection, user_id: int) -> bool:
    """Does this user's plan include audit reports? Raises Away."""
    with postgres_errors():
        row = await (await connection.execute(SELECT_IS_PRO, (user_id,))).fetchone()
    return bool(row and row[0])


async def request(connection: Connection, event_id: int, requested_by: int, language: Language) -> Report:
    """The report of an event as it is now; the same as before, if one is there or on its way. Whoever asks must act.

    Raises Conflict if the event changes faster than one can ask; Away.
    """
    parameters = {"event_id": event_id, "requested_by": requested_by, "language": language}
    for _ in range(ASKS_MAX):
        for statement in (INSERT_REPORT, SELECT_LIVE):
            if report := await _read(connection, statement, parameters):
                return report
    raise Conflict("The event is changing; ask again.")


async def get(connection: Connection, report_id: int) -> Report:
    """A report that the acting user asked for. Raises NotThere, NotAllowed, Away."""
    report = await _read(connection, SELECT_REPORT, (report_id,))
    return report or await _refuse(connection, report_id)


async def cancel(connection: Connection, report_id: int) -> Report:
    """A report, which is not to be made or not to be there any more. Raises as `get`."""
    return await _read(connection, CANCEL_REPORT, (report_id,)) or await get(connection, report_id)


async def _refuse(connection: Connection, report_id: int) -> Report:
    """It is hidden from who acts, or not there."""
    with postgres_errors():
        row = await (await connection.execute(SELECT_EXISTS, (report_id,))).fetchone()
    if row and row[0]:
        raise NotAllowed("This report is for whoever asked for it, as long as they take part in the event.")
    raise NotThere("There is no such report.")


async def _read(connection: Connection, statement: str, parameters: Any) -> Report | None:
    with postgres_errors():
        async with connection.cursor(row_factory=kwargs_row(_report)) as cursor:
            return await (await cursor.execute(statement, parameters)).fetchone()


def _report(*, language: str, status: str, **columns: Any) -> Report:
    return Report(language=Language(language), status=ReportStatus(status), **columns)
