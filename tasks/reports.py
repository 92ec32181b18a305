"""Audit PDFs: made by a worker from what is pinned, and let go when they were kept long enough (P9, P10)."""

from typing import Final

import structlog
from celery import shared_task

from domain.errors import Away
from domain.report_state import ATTEMPTS_MAX, Step, step_text
from stores import audit_reports, connections, report_files
from stores.audit_reports import RING_S, Job, Superseded
from stores.connections import Stores
from tasks.report_making import make
from tasks.report_tools import tools

PAGE_ROWS: Final = 500
"""Reports that one statement lets go: some milliseconds of locks."""
WORKER_LOST: Final = "WorkerLost"
"""The cause of a report that ended its workers, each time, without a word."""

log = structlog.get_logger()


@shared_task(name="tasks.reports.render_audit", expires=RING_S, ignore_result=True)
def render_audit(report_id: int) -> None:
    """Make an audit PDF (P9). Any number of runs, at once, late or cut off, end the same: with one file, or none."""
    stores = connections.stores()
    try:
        with audit_reports.locked(stores.postgres, report_id) as is_ours:
            if is_ours and (job := audit_reports.begin(stores.postgres, report_id)):
                attempt(stores, job)
    except Superseded:
        log.info("a report was canceled, or is another's", action="report_left", report_id=report_id)
    except Away as away:
        log.warning("a store is away", action="report_stopped", report_id=report_id, store=away.store, code=away.code)


def attempt(stores: Stores, job: Job) -> None:
    """Make it, or leave it to be tried again, or not. Raises Superseded, Away, and whatever was unforeseen."""
    try:
        if job.attempts > ATTEMPTS_MAX:  # the last one told nothing: it was killed
            fail(stores, job, WORKER_LOST)
        else:
            make(stores, job)
    except Superseded:
        raise
    except Away as away:
        step = step_text(job.language, Step.AGAIN)
        audit_reports.hand_back(stores.postgres, job, step, f"Away {away.code}", counts=False)
        raise
    except Exception as error:
        cause = type(error).__name__
        if job.attempts >= ATTEMPTS_MAX:
            fail(stores, job, cause)
        else:
            audit_reports.hand_back(stores.postgres, job, step_text(job.language, Step.AGAIN), cause, counts=True)
        raise


def fail(stores: Stores, job: Job, cause: str) -> None:
    """It cannot be made: it has been tried often enough."""
    log.error("a report cannot be made", action="report_failed", report_id=job.id, code=cause, attempts=job.attempts)
    audit_reports.fail(stores.postgres, job, step_text(job.language, Step.FAILED, cause=cause), cause)


@shared_task(name="tasks.reports.clear", ignore_result=True)
def clear() -> None:
    """Let reports go that were kept long enough, and remove the file of each that is over."""
    stores = connections.stores()
    try:
        while audit_reports.expire(stores.postgres, PAGE_ROWS) == PAGE_ROWS:
            pass
        if removed := remove_leftovers(stores):
            log.info("files of reports are removed", action="reports_cleared", count=removed)
    except Away as away:
        log.warning("a store is away", action="clear_stopped", store=away.store, code=away.code)


def remove_leftovers(stores: Stores) -> int:
    """Remove files of reports that are over, but for those that somebody works on; how many. Raises Away."""
    removed = after = 0
    while page := audit_reports.leftovers(stores.postgres, after, PAGE_ROWS):
        for after, object_key in page:
            with audit_reports.locked(stores.postgres, after) as is_ours:
                if is_ours:  # else a file may be put there this very moment
                    report_files.delete(tools().files, object_key)
                    audit_reports.forget_file(stores.postgres, after)
                    removed += 1
    return removed
