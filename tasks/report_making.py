"""How an audit PDF is made: read and checked up to where it is pinned, drawn, signed, put where it is fetched from."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from domain import report_content
from domain.audit_report import AuditReport, Progress, ReportedChain
from domain.event_state import Event
from domain.history_replay import differences
from domain.history_verify import Fault, FaultKind, verify
from domain.history_walk import Walk
from domain.payment_history import PaymentState
from domain.report_state import Step, progress_at, step_text
from stores import audit_reports, history_copy, history_outbox, report_files, report_values
from stores.audit_reports import Job
from stores.connections import Stores
from stores.history_spool import Spool
from stores.report_files import Digest
from tasks.report_tools import tools

TELL_S_MIN: Final = 1.0
"""A person does not read faster, and each word is a row written."""

log = structlog.get_logger()


@dataclass(slots=True)
class Teller:
    """Tells whoever waits how far a report is, and hears of it when it is not wanted any more."""

    stores: Stores
    job: Job
    _told_at: float = field(default=0.0)

    def tell(self, step: Step, done: int = 0, total: int = 0) -> None:
        """Raises Superseded, Away."""
        text = step_text(self.job.language, step, done, total)
        audit_reports.note(self.stores.postgres, self.job, progress_at(step, done, total), text)
        self._told_at = time.monotonic()

    def progress(self, step: Step) -> Progress:
        """The same for what is done often: at most once in TELL_S_MIN."""

        def told(done: int, total: int) -> None:
            if time.monotonic() - self._told_at >= TELL_S_MIN:
                self.tell(step, done, total)

        return told


def make(stores: Stores, job: Job) -> None:
    """One attempt, from where the last one left it. Raises Superseded, Away."""
    teller = Teller(stores, job)
    if stored := report_files.digest(tools().files, job.object_key):  # killed between its file and its row
        finish(stores, job, stored)
    elif not history_outbox.is_relayed(stores.postgres, job.event_id, job.history_length):
        step = step_text(job.language, Step.RELAYING)
        audit_reports.hand_back(stores.postgres, job, step, None, counts=False)
    else:
        content = render(stores, job, teller)
        teller.tell(Step.STORING)  # last: what was canceled meanwhile is not stored
        is_first = report_files.put(tools().files, job.object_key, content)
        stored = report_files.digest_of(content) if is_first else report_files.digest(tools().files, job.object_key)
        assert stored is not None, "a file that is there stays while we hold the lock"
        finish(stores, job, stored)


def render(stores: Stores, job: Job, teller: Teller) -> bytes:
    """The signed PDF. Raises Superseded, Away."""
    with closing(Spool()) as spool, TemporaryDirectory() as folder:
        report = read(stores, job, spool, teller.progress(Step.VERIFYING))
        teller.tell(Step.RENDERING, 0, job.history_length)
        pdf = Path(folder, "report.pdf")
        with pdf.open("wb") as out:
            tools().render(report, out, teller.progress(Step.RENDERING))
        teller.tell(Step.SIGNING)
        tools().sign(pdf)
        return pdf.read_bytes()


def read(stores: Stores, job: Job, spool: Spool, progress: Progress) -> AuditReport:
    """All that a report says, its entries read into `spool` once and checked as they come. Raises Away."""
    walk = Walk()
    for entry in history_copy.read(stores.scylla, job.event_id, job.history_length):
        spool.add(entry)
        walk.read(entry)
        progress(walk.length, job.history_length)
    payments = history_outbox.payments(stores.postgres, job.event_id)  # first: what its end tells of was so then
    event = history_outbox.present(stores.postgres, job.event_id)
    assert event is not None, "an event stays"
    faults = faults_of(job, event, payments, walk, spool)
    return told(stores, job, event, walk, faults, spool)


def faults_of(job: Job, event: Event, payments: Sequence[PaymentState], walk: Walk, spool: Spool) -> tuple[Fault, ...]:
    """What is wrong with the chain up to where it is pinned; and, if that is its end still, with the present rows."""
    head = job.history_head.hex()
    if not walk.leads_to(job.history_length, job.history_head):
        return tuple(verify(spool(), replace(event, history_length=job.history_length, history_head=head)))
    if event.history_head == head and (found := differences(walk.told, event, payments)):
        return (Fault(job.history_length, FaultKind.PRESENT_ROW, ", ".join(found)),)
    return ()


def told(stores: Stores, job: Job, event: Event, walk: Walk, faults: Sequence[Fault], spool: Spool) -> AuditReport:
    """The report of a chain that was read: what it leads to, or the present rows if it is not whole. Raises Away."""
    is_told = not faults and report_content.begins_with_creation(walk)
    user_ids = walk.user_ids() if is_told else [one.user_id for one in event.participants]
    people = report_values.people(stores.postgres, stores.keys, job.event_id, user_ids)
    payments = report_values.payments(stores.postgres, job.event_id)
    return AuditReport(
        report_id=job.id,
        language=job.language,
        requested_at=job.created_at,
        requested_by=job.requested_by,
        event=report_content.told_event(event, walk) if is_told else report_content.present_event(event),
        participants=report_content.told_people(people, walk) if is_told else people,
        payments=report_content.told_payments(payments, walk) if is_told else payments,
        chain=ReportedChain(length=job.history_length, head=job.history_head, faults=tuple(faults)),
        entries=spool,
    )


def finish(stores: Stores, job: Job, stored: Digest) -> None:
    """Its file is there: say so. Raises Superseded, Away."""
    step = step_text(job.language, Step.READY)
    audit_reports.finish(stores.postgres, job, step, stored.sha256, stored.size_bytes)
    log.info(
        "a report is ready",
        action="report_ready",
        report_id=job.id,
        entries=job.history_length,
        size_bytes=stored.size_bytes,
        attempts=job.attempts,
    )
