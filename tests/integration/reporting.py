"""Audit reports as ingest asks for them and a worker makes them, in a place of the tests' own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

import settings
from domain.audit_report import Language
from domain.event import EventChange
from domain.event_changes import edit
from domain.event_state import Event
from reports.signing_key import SigningKey
from reports.verifier import Verdict, verify
from stores import audit_report_requests, history_copy, history_outbox, report_files
from stores.audit_report_requests import Report
from stores.connections import AsyncStores
from stores.row_security import as_user
from tasks import report_tools
from tasks.report_tools import Tools
from tasks.reports import render_audit
from tests.integration.as_ingest import change, new_event, new_user
from tests.integration.own import Own

SELECT_REPORT: Final = """
    SELECT status, step, cause, attempts, object_key, next_try_at > now() AS later FROM audit_reports WHERE id = %s"""


@dataclass(frozen=True)
class Row:
    """A report's row, as far as tests look at it."""

    status: str
    step: str
    cause: str | None
    attempts: int
    object_key: str | None
    later: bool
    """It is not to be tried now."""


@dataclass(frozen=True)
class Reporting:
    """An event of two people with the plan PRO, and what becomes of its reports."""

    own: Own
    stores: AsyncStores
    event: Event
    asker: int
    other: int

    async def ask(self, user_id: int = 0, language: Language = Language.ENGLISH) -> Report:
        """A report of the event as it is."""
        async with as_user(self.stores.postgres, user_id or self.asker) as connection:
            return await audit_report_requests.request(connection, self.event.id, user_id or self.asker, language)

    async def cancel(self, report: Report) -> Report:
        async with as_user(self.stores.postgres, self.asker) as connection:
            return await audit_report_requests.cancel(connection, report.id)

    async def rename(self, title: str) -> Event:
        """The event, changed, but not relayed."""
        asked = msgspec.convert({"actor_id": self.asker, "title": title}, EventChange)
        return await change(self.stores, self.event.id, self.asker, lambda event: edit(event, asked, datetime.now(UTC)))

    def relay(self) -> None:
        """What was chained is in ScyllaDB."""
        entries = history_outbox.of_event(self.own.stores.postgres, self.event.id)
        history_copy.relay(self.own.stores.scylla, entries)
        history_outbox.mark_relayed(self.own.stores.postgres, entries)

    async def render(self, report: Report) -> Row:
        """Run the task, in a thread as no event loop runs in a worker; how the report is then."""
        await asyncio.to_thread(render_audit, report.id)
        return self.row(report)

    async def made(self, report: Report) -> Row:
        """The same of a report whose file is there already: what it says does not matter."""
        assert report_files.put(report_tools.tools().files, key_of(report), b"a report")
        return await self.render(report)

    def row(self, report: Report) -> Row:
        ((*columns,),) = self.own.sql(SELECT_REPORT, report.id)
        return Row(*columns)  # type: ignore[arg-type]  # as PostgreSQL has them

    def file(self, report: Report) -> bytes | None:
        """What is kept of a report."""
        files, key = report_tools.tools().files, key_of(report)
        return bytes(files.get(key).bytes()) if report_files.digest(files, key) else None

    def verdict(self, report: Report) -> Verdict:
        """What somebody who has our certificate says of the file."""
        content = self.file(report)
        assert content is not None, "there is a file"
        return verify(content, [SigningKey.load(self.own.env["TIMINGLE_SIGNING_KEY"]).certificate])


def key_of(report: Report) -> str:
    """Where its file is."""
    return f"audit-reports/{report.id}.pdf"


async def new_reporting(own: Own, stores: AsyncStores) -> Reporting:
    """All of it new."""
    asker, other = [await new_user(stores, display_name=name, plan="PRO") for name in ("민지", "도현")]
    event = await new_event(stores, asker.id, other.id)
    made = Reporting(own, stores, event, asker.id, other.id)
    made.relay()
    return made


@contextmanager
def reports_in(own: Own, folder: Path, **otherwise: Any) -> Iterator[Tools]:
    """This process makes reports as the stack's worker does, and keeps them here."""
    given = settings.parse(own.env)
    made_with = {
        "reports_url": folder.as_uri(),
        "fonts_folder": Path(given.fonts_folder),
        "signing_key": given.signing_key,
        "timestamp_url": "",
        **otherwise,
    }
    made = Tools(**made_with)
    report_tools.configure(made)
    yield made
