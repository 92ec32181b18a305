"""stores.audit_reports, tasks.reports: what a report is made of, when, and what becomes of it (P9, P10)."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from domain.audit_report import Language
from domain.errors import NotAllowed, NotThere
from domain.keyring import NotDecryptable
from domain.report_state import ATTEMPTS_MAX, Step, step_text
from reports.verifier import Outcome
from stores import audit_report_requests, audit_reports, connections, report_files, reports_lag
from stores.connections import AsyncStores
from stores.reports_lag import ReportsLag
from stores.row_security import as_user
from tasks import report_tools
from tasks.report_tools import Tools
from tasks.reports import clear
from tests.integration.as_ingest import new_user
from tests.integration.own import Own
from tests.integration.reporting import Reporting, new_reporting, reports_in

pytestmark = pytest.mark.asyncio(loop_scope="module")
E: Final = Language.ENGLISH
LIVE: Final = ("queued", "running")


@pytest.fixture(scope="module", autouse=True)
def tools(own_stores: Own, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    with pytest.MonkeyPatch.context() as patch, reports_in(own_stores, tmp_path_factory.mktemp("reports")) as made:
        patch.setattr(connections, "_stores", own_stores.stores)
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def reporting(own: Own, stores: AsyncStores) -> AsyncIterator[Reporting]:
    yield await new_reporting(own, stores)
    own.sql("UPDATE audit_reports SET status = 'canceled', object_key = NULL WHERE status = ANY(%s)", list(LIVE))


async def test_a_report_tells_what_was_pinned_when_it_was_asked_for_and_nothing_newer(reporting: Reporting) -> None:
    """P9."""
    report = await reporting.ask()
    before = reporting.event
    await reporting.rename("나중에 바뀐 제목")
    reporting.relay()
    assert (await reporting.render(report)).status == "ready"
    verdict = reporting.verdict(report)
    assert verdict.outcome is Outcome.PROVEN, list(verdict.lines())
    assert (verdict.event_id, verdict.report_id) == (before.id, report.id)
    assert (verdict.length, verdict.head) == (before.history_length, before.history_head)


async def test_a_report_waits_until_its_entries_have_been_relayed_and_that_counts_no_attempt(
    reporting: Reporting,
) -> None:
    await reporting.rename("새 제목")
    report = await reporting.ask()
    for _ in range(ATTEMPTS_MAX + 1):
        row = await reporting.render(report)
        assert (row.status, row.attempts, row.step, row.later) == ("queued", 0, step_text(E, Step.RELAYING), True)
    reporting.relay()
    assert (await reporting.render(report)).status == "ready"


async def test_asking_again_while_nothing_changed_gives_the_same_report_and_else_another(reporting: Reporting) -> None:
    first = await reporting.ask()
    assert (await reporting.ask()).id == first.id
    others = {(await reporting.ask(language=Language.KOREAN)).id, (await reporting.ask(reporting.other)).id}
    await reporting.made(first)
    assert (await reporting.ask()).id == first.id, "ready, it is the same still"
    await reporting.rename("다른 제목")
    changed = await reporting.ask()
    assert len({first.id, changed.id, *others}) == 4
    await reporting.cancel(changed)
    assert (await reporting.ask()).id > changed.id, "what was canceled is not had again"


async def test_a_report_is_for_whoever_asked_for_it_as_long_as_they_take_part(
    reporting: Reporting, stores: AsyncStores
) -> None:
    report = await reporting.ask()
    stranger = (await new_user(stores)).id
    for reader, refusal in ((reporting.other, NotAllowed), (stranger, NotAllowed)):
        for look in (audit_report_requests.get, audit_report_requests.cancel):
            async with as_user(stores.postgres, reader) as connection:
                with pytest.raises(refusal):
                    await look(connection, report.id)
    async with as_user(stores.postgres, reporting.asker) as connection:
        with pytest.raises(NotThere):
            await audit_report_requests.get(connection, 2**62)
    assert reporting.row(report).status == "queued"


async def test_a_report_whose_file_was_put_before_its_worker_died_has_that_file_and_no_second_one(
    reporting: Reporting, tools: Tools
) -> None:
    """P9. Signed twice it would be two files: the signature says when."""
    report = await reporting.ask()
    key = f"audit-reports/{report.id}.pdf"
    report_files.put(tools.files, key, b"what the dead one put there")
    assert (await reporting.render(report)).status == "ready"
    assert reporting.file(report) == b"what the dead one put there"
    async with as_user(reporting.stores.postgres, reporting.asker) as connection:
        shown = await audit_report_requests.get(connection, report.id)
    assert (shown.sha256, shown.size_bytes) == (report_files.digest_of(b"what the dead one put there").sha256, 27)


async def test_while_somebody_works_on_a_report_nobody_else_does(reporting: Reporting) -> None:
    report = await reporting.ask()
    pool = reporting.own.stores.postgres
    with audit_reports.locked(pool, report.id) as is_ours:
        assert is_ours
        with audit_reports.locked(pool, report.id) as is_anothers:
            assert not is_anothers
    assert (await reporting.made(report)).status == "ready"


async def test_an_attempt_that_was_superseded_writes_nothing(reporting: Reporting) -> None:
    """P9. A worker that lost its lock with its connection goes on, and another has begun."""
    report = await reporting.ask()
    pool = reporting.own.stores.postgres
    stale, job = audit_reports.begin(pool, report.id), audit_reports.begin(pool, report.id)
    assert stale is not None
    assert job is not None
    with pytest.raises(audit_reports.Superseded):
        audit_reports.note(pool, stale, 0.5, "stale")
    with pytest.raises(audit_reports.Superseded):
        audit_reports.hand_back(pool, stale, "stale", None, counts=False)
    with pytest.raises(audit_reports.Superseded):
        audit_reports.finish(pool, stale, "stale", bytes(32), 1)
    with pytest.raises(audit_reports.Superseded):
        audit_reports.fail(pool, stale, "stale", "stale")
    audit_reports.note(pool, job, 0.5, "ours")
    assert reporting.row(report).step == "ours"


async def test_what_fails_each_time_is_failed_in_the_end_with_its_reason(reporting: Reporting) -> None:
    """P10."""
    reporting.own.sql("UPDATE users SET phone_encrypted = '\\x00' WHERE id = %s", reporting.other)
    report = await reporting.ask()
    for attempt in range(1, ATTEMPTS_MAX + 1):
        with pytest.raises(NotDecryptable, match="encrypted under a key"):
            await reporting.render(report)
        row = reporting.row(report)
        assert (row.attempts, row.cause) == (attempt, "NotDecryptable")
        assert row.status == ("queued" if attempt < ATTEMPTS_MAX else "failed")
    assert row.step == step_text(E, Step.FAILED, cause="NotDecryptable")
    assert (await reporting.ask()).id > report.id, "it may be asked for again"


async def test_operators_see_how_many_reports_wait_since_when_and_how_many_were_given_up(reporting: Reporting) -> None:
    """P10."""
    api, pool = reporting.stores.postgres, reporting.own.stores.postgres
    failed = (await reports_lag.look(api)).failed
    assert await reports_lag.look(api) == ReportsLag(0, 0, failed)
    report = await reporting.ask()
    reporting.own.sql("UPDATE audit_reports SET created_at = now() - interval '1 minute' WHERE id = %s", report.id)
    seen = reports_lag.seen(pool)
    assert (seen.waiting, 60 <= seen.oldest_s < 120, seen.failed) == (1, True, failed)
    job = audit_reports.begin(pool, report.id)
    assert job
    assert (await reports_lag.look(api)).waiting == 1
    audit_reports.fail(pool, job, "failed", "WorkerLost")
    assert await reports_lag.look(api) == ReportsLag(0, 0, failed + 1)


async def test_what_kills_its_worker_each_time_is_failed_in_the_end(reporting: Reporting) -> None:
    """P10."""
    report = await reporting.ask()
    for _ in range(ATTEMPTS_MAX):
        assert audit_reports.begin(reporting.own.stores.postgres, report.id), "and never a word again"
    assert ((await reporting.render(report)).status, reporting.row(report).cause) == ("failed", "WorkerLost")


@pytest.mark.parametrize(
    ("missing", "cause"),
    [
        ({"signing_key": ""}, "Away NotSet"),
        ({"signing_key": "nowhere.pem"}, "Away NotUsable"),
        ({"fonts_folder": Path("/dev/null/fonts")}, "Away FontsNotMade"),
        ({"reports_url": "file:///dev/null/reports"}, None),
    ],
    ids=["no key", "no such key", "no fonts", "no object store"],
)
async def test_a_report_waits_for_what_only_an_operator_can_mend_and_is_then_made(
    reporting: Reporting, tools: Tools, tmp_path: Path, missing: dict[str, object], cause: str | None
) -> None:
    report = await reporting.ask()
    with reports_in(reporting.own, tmp_path, **missing):
        for _ in range(2):
            row = await reporting.render(report)
            assert (row.status, row.attempts) == ("queued", 0)
            assert cause is None or row.cause == cause
    report_tools.configure(tools)
    assert (await reporting.render(report)).status == "ready"


async def test_reports_that_wait_are_rung_for_once_in_a_while_and_none_hides_another(
    reporting: Reporting,
) -> None:
    pool = reporting.own.stores.postgres
    audit_reports.waiting_ids(pool, 0, 1_000)  # whatever others left
    asked = [await reporting.ask(), await reporting.ask(reporting.other), await reporting.ask(language=Language.KOREAN)]
    first = audit_reports.waiting_ids(pool, 0, 2)
    assert first == sorted(report.id for report in asked)[:2]
    assert audit_reports.waiting_ids(pool, first[-1], 2) == sorted(report.id for report in asked)[2:]
    assert audit_reports.waiting_ids(pool, 0, 2) == [], "they have been rung for"
    reporting.own.sql("UPDATE audit_reports SET next_try_at = now() WHERE id = %s", asked[0].id)
    assert audit_reports.waiting_ids(pool, 0, 2) == [asked[0].id]


async def test_a_report_expires_and_its_file_goes_as_does_that_of_a_canceled_one(reporting: Reporting) -> None:
    old, canceled, kept = (
        await reporting.ask(),
        await reporting.ask(language=Language.KOREAN),
        await reporting.ask(reporting.other),
    )
    for report in (old, canceled, kept):
        assert (await reporting.made(report)).status == "ready"
    reporting.own.sql("UPDATE audit_reports SET expires_at = now() WHERE id = %s", old.id)
    await reporting.cancel(canceled)
    with audit_reports.locked(reporting.own.stores.postgres, canceled.id):
        clear()  # what somebody works on is left until he is through: he may put a file there yet
        assert reporting.file(canceled)
    clear()
    assert [reporting.row(report).status for report in (old, canceled, kept)] == ["expired", "canceled", "ready"]
    assert [reporting.row(report).object_key is None for report in (old, canceled, kept)] == [True, True, False]
    assert [reporting.file(report) is None for report in (old, canceled, kept)] == [True, True, False]
