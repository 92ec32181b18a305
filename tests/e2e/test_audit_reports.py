"""Audit reports by HTTP: asked for, watched, fetched, canceled; and who may not (P9)."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from urllib.parse import unquote
from uuid import uuid4

import httpx
import psycopg
import pytest

from local.stack import Stack
from reports.signing_key import SigningKey
from reports.verifier import Outcome, verify
from stores.history_relay import RELAY_LOCK
from tests.e2e.answers import Event, Report
from tests.e2e.app import App, read, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

READY_S_MAX = 60.0
"""A worker's first report loads the fonts."""


@dataclass(frozen=True)
class Case:
    """An event, one of the plan PRO who takes part, and what they ask for."""

    app: App
    event_id: int
    pro: int
    friend: int

    def ask(self, **more: object) -> Report:
        path = f"/events/{self.event_id}/audit-reports"
        return self.app.done(Report, HTTPStatus.ACCEPTED, "POST", path, {"actor_id": self.pro, **more})

    def show(self, report: Report) -> Report:
        return self.app.get(Report, f"/audit-reports/{report.id}", as_user=self.pro)

    def cancel(self, report: Report) -> Report:
        return self.app.done(Report, HTTPStatus.OK, "DELETE", f"/audit-reports/{report.id}", as_user=self.pro)

    def pdf(self, report: Report) -> httpx.Response:
        return self.app.call("GET", f"/audit-reports/{report.id}/pdf", query={"as_user": self.pro})

    def ready(self, report: Report) -> Report:
        """The report, as soon as it is ready."""
        wait_until("the report is ready", lambda: self.show(report).status == "ready", READY_S_MAX)
        return self.show(report)


@pytest.fixture
def case(app: App) -> Case:
    pro, friend = app.user(plan="PRO", display_name="민지"), app.user(display_name="도현")
    return Case(app, app.event(pro, friend), pro, friend)


@pytest.fixture
def no_relay(behind: Behind) -> Iterator[None]:
    """Somebody has the relay's turn and does nothing with it: what is chained from now on is not relayed."""
    with psycopg.connect(behind.postgres_url) as held:
        held.execute("SELECT pg_advisory_lock(hashtextextended(%s, %s))", RELAY_LOCK)
        yield


def test_a_report_is_made_and_fetched_under_a_name_that_is_read_everywhere(system: Stack, case: Case) -> None:
    """P9. The file is what the answer says it is, signed, and of the history that the event had."""
    asked = case.ask()
    assert asked.status in ("queued", "running")
    assert case.ask().id == asked.id, "while nothing has changed it is the same"
    report = case.ready(asked)
    assert (report.progress, report.step) == (1.0, "완료")
    fetched = case.pdf(report)
    assert fetched.status_code == HTTPStatus.OK
    assert fetched.headers["content-type"] == "application/pdf"
    assert int(fetched.headers["content-length"]) == len(fetched.content)
    digest = base64.b64encode(sha256(fetched.content).digest()).decode()
    assert fetched.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert "no-store" in fetched.headers["cache-control"]
    kind, plain, encoded = fetched.headers["content-disposition"].split("; ")
    assert (kind, plain) == ("attachment", f'filename="timingle audit report {case.event_id}-{report.id}.pdf"')
    assert unquote(encoded) == f"filename*=UTF-8''timingle 감사 보고서 {case.event_id}-{report.id}.pdf"
    verdict = verify(fetched.content, [SigningKey.load(system.env["TIMINGLE_SIGNING_KEY"]).certificate])
    assert verdict.outcome is Outcome.PROVEN, list(verdict.lines())
    event = case.app.get(Event, f"/events/{case.event_id}", as_user=case.pro)
    assert (verdict.event_id, verdict.report_id) == (case.event_id, report.id)
    assert (verdict.length, verdict.head) == (event.history_length, event.history_head)


def test_until_it_is_ready_a_report_has_no_file_and_canceled_it_never_will(no_relay: None, case: Case) -> None:
    report, other = case.ask(), case.ask(language="en")
    assert report.id != other.id
    wait_until("it waits for the relay", lambda: "전달되기를" in case.show(report).step)
    assert case.show(report).progress == 0.0
    assert refusal(case.pdf(report)) == (409, "")
    for _ in range(2):
        assert case.cancel(report) == Report(report.id, "canceled", 0.0, "취소되었습니다")
    assert refusal(case.pdf(report)) == (410, "")
    assert case.show(other).status in ("queued", "running")


def test_a_report_that_was_removed_or_has_expired_is_gone(case: Case, behind: Behind) -> None:
    removed, expired = case.ready(case.ask()), case.ready(case.ask(language="en"))
    assert case.cancel(removed).status == "canceled"
    assert refusal(case.pdf(removed)) == (410, "")
    behind.sql("UPDATE audit_reports SET status = 'expired' WHERE id = %s", expired.id)
    assert refusal(case.pdf(expired)) == (410, "")
    assert case.cancel(expired).status == "expired", "there is nothing to cancel"
    assert case.ask(language="en").id > expired.id, "but another to be had"


def test_the_same_key_asks_once(case: Case) -> None:
    headers, path = {"idempotency-key": uuid4().hex}, f"/events/{case.event_id}/audit-reports"
    first = case.app.call("POST", path, {"actor_id": case.pro}, headers=headers)
    case.cancel(read(first, HTTPStatus.ACCEPTED, Report))
    again = case.app.call("POST", path, {"actor_id": case.pro}, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert refusal(case.app.call("POST", path, {"actor_id": case.friend}, headers=headers)) == (422, "Idempotency-Key")


Ask = Callable[[Case, Report], httpx.Response]


def by_another(method: str, path: str = "") -> Ask:
    """Asked for by one who takes part too."""
    return lambda c, r: c.app.call(method, f"/audit-reports/{r.id}{path}", query={"as_user": c.friend})


REFUSED: dict[str, tuple[Ask, int]] = {
    "asked for without the plan PRO": (
        lambda c, _: c.app.call("POST", f"/events/{c.event_id}/audit-reports", {"actor_id": c.friend}),
        402,
    ),
    "asked for by who takes no part": (
        lambda c, _: c.app.call("POST", f"/events/{c.event_id}/audit-reports", {"actor_id": c.app.user(plan="PRO")}),
        403,
    ),
    "asked for of no event": (
        lambda c, _: c.app.call("POST", f"/events/{2**62}/audit-reports", {"actor_id": c.pro}),
        404,
    ),
    "seen by another who takes part": (by_another("GET"), 403),
    "fetched by another who takes part": (by_another("GET", "/pdf"), 403),
    "canceled by another who takes part": (by_another("DELETE"), 403),
    "seen, but not there": (
        lambda c, _: c.app.call("GET", f"/audit-reports/{2**62}", query={"as_user": c.pro}),
        404,
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_report_is_not(case: Case, what: str) -> None:
    ask, status = REFUSED[what]
    assert refusal(ask(case, case.ask())) == (status, "")


def test_whoever_was_taken_out_of_the_event_reads_their_report_no_more(case: Case, app: App) -> None:
    guest = app.user(plan="PRO")
    app.act(case.event_id, "participants", case.pro, user_id=guest)
    theirs = Case(app, case.event_id, guest, case.friend)
    report = theirs.ask()
    assert theirs.show(report).id == report.id
    app.done(Event, HTTPStatus.OK, "DELETE", f"/events/{case.event_id}/participants/{guest}", actor_id=case.pro)
    assert refusal(theirs.pdf(report)) == (403, "")
    assert refusal(app.call("GET", f"/audit-reports/{report.id}", query={"as_user": guest})) == (403, "")
