"""The act of the demo about evidence: an audit PDF of what was cancelled, checked, tampered with, and checked again."""

import time
from typing import Final

from local.demo.api import DemoError, Report
from local.demo.script import script
from local.demo.stage import Judged, Stage
from reports.verifier import Outcome, Verdict, verify

READY_S_MAX: Final = 90.0
"""It takes 2 s; a worker that has just begun loads its fonts first."""
POLL_S: Final = 0.2
FILE: Final = "demo-audit-report.pdf"


def audit(stage: Stage) -> None:
    """Whoever proposed the first appointment that was cancelled asks for its audit PDF; a copy has one byte changed."""
    event = next(one for one in script().events if stage.appointments[one.id].status == "CANCELED")
    report = ready(stage, event.id, event.creator)
    query = {"as_user": stage.user_ids[event.creator]}
    pdf = stage.api.do("GET", f"/audit-reports/{report.id}/pdf", query=query)
    file = stage.folder / FILE
    file.write_bytes(pdf)
    copy = bytearray(pdf)
    copy[len(copy) // 2] ^= 1
    genuine, tampered = (verify(bytes(one), stage.certificates) for one in (pdf, copy))
    stage.show.verdicts(event.title, file, genuine, tampered)
    receipt = stage.appointments[event.id].receipt
    stage.judged.append(
        Judged("Audit PDF", f"{Outcome.PROVEN.name}, {receipt}", f"{genuine.outcome.name}, {end(genuine)}")
    )
    stage.judged.append(Judged("A copy with one byte changed", Outcome.ALTERED.name, tampered.outcome.name))


def end(verdict: Verdict) -> str:
    """Length and head of a file's chain, as a receipt has them."""
    return f"{verdict.length}:{verdict.head}"


def ready(stage: Stage, event_id: str, who: str) -> Report:
    """A report, as soon as it is ready. Raises DemoError."""
    asker = stage.user_ids[who]
    report = stage.api.post(
        Report, f"/events/{stage.event_ids[event_id]}/audit-reports", {"actor_id": asker, "language": "en"}
    )
    limit = time.monotonic() + READY_S_MAX
    with stage.show.waiting("The audit PDF waits for its turn …") as status:
        while report.status != "ready":
            if report.status == "failed" or time.monotonic() > limit:
                raise DemoError(f"The audit PDF should be ready by now, and is {report.status}: {report.step}.")
            time.sleep(POLL_S)
            report = stage.api.get(Report, f"/audit-reports/{report.id}", {"as_user": asker})
            status.update(f"The audit PDF: {report.step or report.status} …")
    return report
