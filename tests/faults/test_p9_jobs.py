"""P9. Whoever is killed, canceled or asked twice while a report is made: there is one file of it, whole, or none."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest

import settings
from domain.history import Change, ChangeType
from domain.report_state import Step, progress_at
from local.stack import Stack
from reports.signing_key import SigningKey
from reports.verifier import Kind, Outcome, Verdict, verify
from stores.scylla import Scylla
from tests.e2e.answers import Report
from tests.e2e.app import App, Chat, calling_app
from tests.integration.chained import chain_as_owner
from tests.waiting import wait_until

WORKER: Final = "worker-reports"
ENTRIES: Final = int(os.environ.get("TIMINGLE_REPORT_ENTRIES", "3000"))
"""Drawing so many takes a second: time enough to be killed in. TIMINGLE_REPORT_ENTRIES=50000 shows the largest."""
READY_S_MAX: Final = 60.0 + ENTRIES / 100
RSS_BYTES_MAX: Final = 400_000_000
SELECT_RELAYED: Final = "SELECT NOT EXISTS (SELECT FROM event_history_outbox WHERE relayed_at IS NULL)"
ROW: Final = "WHERE event_id = %s AND changed_at = %s AND change_id = %s"
SELECT_KEY: Final = "SELECT changed_at, change_id FROM event_history_outbox WHERE event_id = %s AND chain_seq = %s"


@dataclass(frozen=True)
class Scene:
    """An event with a long history, and somebody of the plan PRO who asks for reports of it."""

    stack: Stack
    app: App
    event_id: int
    pro: int
    friend: int

    def ask(self, language: str = "ko") -> int:
        body = {"actor_id": self.pro, "language": language}
        return self.app.done(Report, HTTPStatus.ACCEPTED, "POST", f"/events/{self.event_id}/audit-reports", body).id

    def show(self, report_id: int) -> Report:
        return self.app.get(Report, f"/audit-reports/{report_id}", as_user=self.pro)

    def call(self, method: str, path: str) -> httpx.Response:
        return self.app.call(method, f"/audit-reports/{path}", query={"as_user": self.pro})

    def is_in_the_middle(self, report_id: int) -> bool:
        """Is it being drawn, or signed?"""
        return progress_at(Step.RENDERING) <= self.show(report_id).progress < progress_at(Step.STORING)

    def wait_ready(self, report_id: int) -> None:
        wait_until("the report is ready", lambda: self.show(report_id).status == "ready", READY_S_MAX)

    def files(self, report_id: int) -> list[Path]:
        """All that the store has of a report, begun or whole."""
        folder = Path(urlsplit(self.stack.env["TIMINGLE_REPORTS_URL"]).path)
        return list(folder.rglob(f"{report_id}.pdf*"))

    def verdict(self, report_id: int) -> Verdict:
        """What somebody who has our certificate says of the file."""
        content = self.call("GET", f"{report_id}/pdf").content
        return verify(content, [SigningKey.load(self.stack.env["TIMINGLE_SIGNING_KEY"]).certificate])

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.env["TIMINGLE_POSTGRES_URL"], autocommit=True) as connection:
            return connection.execute(statement, parameters).fetchall()

    def alter_in_scylla(self, chain_seq: int) -> None:
        """What an administrator of that store could do."""
        ((changed_at, change_id),) = self.sql(SELECT_KEY, self.event_id, chain_seq)
        given = settings.parse(self.stack.env)
        with closing(Scylla(given.contact_points, given.scylla_keyspace)) as scylla:
            scylla._session.execute(
                f"UPDATE event_history SET hashed_bytes = 0x7b7d {ROW}",
                (self.event_id, changed_at, change_id),
            )


@pytest.fixture(scope="module")
def app(system: Stack) -> Iterator[App]:
    with calling_app(system) as made:
        yield made


@pytest.fixture(scope="module")
def scene(system: Stack, app: App) -> Scene:
    """All of its history relayed. Made once, for it takes seconds: what alters it comes last."""
    system.wait_ready(WORKER)
    pro, friend = app.user(plan="PRO", display_name="민지"), app.user(display_name="도현")
    made = Scene(system, app, app.event(pro, friend), pro, friend)
    texts = [f"설명 {number}" for number in range(ENTRIES + 1)]
    changes = [
        Change(change_type=ChangeType.UPDATED, field_name="description", texts={"old_value": old, "new_value": new})
        for old, new in pairwise(texts)
    ]
    with psycopg.connect(system.env["TIMINGLE_POSTGRES_URL"]) as owner:
        first = Change(change_type=ChangeType.UPDATED, field_name="description", texts={"new_value": texts[0]})
        owner.execute("UPDATE events SET description = %s WHERE id = %s", (texts[-1], made.event_id))
        chain_as_owner(owner, made.event_id, first, *changes)
    wait_until("its history is relayed", lambda: made.sql(SELECT_RELAYED) == [(True,)], READY_S_MAX)
    return made


def kill_children(stack: Stack) -> None:
    """SIGKILL for whoever makes a report; the parent starts others."""
    for pid in stack.children(WORKER):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def resident_bytes(stack: Stack) -> Iterator[int]:
    """The memory of each of them."""
    for pid in stack.children(WORKER):
        with suppress(psutil.NoSuchProcess):
            yield int(psutil.Process(pid).memory_info().rss)


def test_a_report_whose_worker_is_killed_in_the_middle_is_made_by_the_next_once_and_other_work_goes_on(
    scene: Scene,
) -> None:
    report = scene.ask()
    wait_until("it is in the middle", lambda: scene.is_in_the_middle(report))
    assert Chat(scene.app, scene.event_id, scene.pro, scene.friend, 0).said("아직 여기 있어요"), "stored meanwhile"
    assert scene.show(report).status == "running"
    kill_children(scene.stack)
    sizes: list[int] = []

    def is_ready() -> bool:
        sizes.extend(resident_bytes(scene.stack))
        return scene.show(report).status == "ready"

    wait_until("the report is ready", is_ready, READY_S_MAX)
    assert scene.sql("SELECT attempts FROM audit_reports WHERE id = %s", report) == [(2,)]
    assert [file.name for file in scene.files(report)] == [f"{report}.pdf"]
    verdict = scene.verdict(report)
    assert verdict.outcome is Outcome.PROVEN, list(verdict.lines())
    assert verdict.length == ENTRIES + 4
    assert max(sizes) < RSS_BYTES_MAX


def test_a_report_that_is_canceled_in_the_middle_is_given_up_and_leaves_no_file(scene: Scene) -> None:
    report = scene.ask("en")
    wait_until("it is in the middle", lambda: scene.is_in_the_middle(report))
    assert scene.call("DELETE", f"{report}").json()["status"] == "canceled"
    scene.wait_ready(scene.ask("en"))  # by the same worker: it is through with the other
    assert scene.show(report).status == "canceled"
    assert scene.files(report) == []
    assert scene.call("GET", f"{report}/pdf").status_code == HTTPStatus.GONE


def test_a_report_that_is_asked_for_by_many_at_once_is_made_once_and_says_what_is_wrong_with_the_chain(
    scene: Scene,
) -> None:
    """P6, P9. The chain was altered in one store before anybody asked: the file is whole, and names the entry."""
    scene.app.edit(scene.event_id, scene.pro, title="컷과 염색")  # so that no report of before is had again
    wait_until("that is relayed", lambda: scene.sql(SELECT_RELAYED) == [(True,)])
    scene.alter_in_scylla(7)
    with ThreadPoolExecutor(8) as pool:
        (report,) = set(pool.map(lambda _: scene.ask(), range(8)))
    scene.wait_ready(report)
    assert len(scene.files(report)) == 1
    verdict = scene.verdict(report)
    assert (verdict.is_as_signed, verdict.outcome) == (True, Outcome.ALTERED)
    assert {(finding.entry, finding.kind) for finding in verdict.findings} == {(7, Kind.ALTERED_BYTES)}
