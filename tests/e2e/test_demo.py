"""`make demo` tells the truth: it passes on a system that works, and fails where something differs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cassandra.cluster import Session

import settings
from domain.ids import MessageId, year_of
from local import demo
from local.demo.events import tell_histories, watch_the_clock
from local.demo.payments import pay, tell_payments
from local.demo.reports import audit
from local.demo.stage import Said, Stage
from local.stack import ROOT, Stack
from stores.scylla import connect

DEMO_S_MAX = 120
STORED_S_MAX = 30
LINES_MAX = 120
MONEY = [
    "PAYMENT_CREATED",
    "COMPLETED: 75000.00 KRW, 30000.00",
    "REFUNDED: 75000.00",
    "comes twice: 200",
    "FAILED, seen",
]
"""Paid, hinted at twice, given back in parts, failed; and its timeline."""


def play(state: Path) -> "subprocess.CompletedProcess[str]":
    """Run the demo as `make demo` does."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TIMINGLE_", "COLUMNS"))}
    return subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env={**environ, "TIMINGLE_STATE_DIR": str(state), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=DEMO_S_MAX,
        check=False,
    )


@pytest.fixture
def up(system: Stack) -> Stack:
    """The system, said to be up as `make up` says it."""
    system.set_phase("up")
    return system


def test_the_demo_passes_twice_on_one_system_and_is_short_enough_to_read(up: Stack) -> None:
    for _ in range(2):
        done = play(up.state)
        assert (done.returncode, done.stderr) == (0, "")
        assert "differs" not in done.stdout
        assert "All 25 rows agree" in done.stdout
        assert [word for word in MONEY if word not in done.stdout] == []
        assert len(done.stdout.splitlines()) <= LINES_MAX


def test_without_a_stack_the_demo_says_what_starts_one(tmp_path: Path) -> None:
    done = play(tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"No stack is up in {tmp_path}. `make up` starts one.\n"


def address(stage: Stage, said: Said) -> tuple[object, ...]:
    message = MessageId.of(said.message_id)
    return stage.event_ids[said.event], message.bucket, message.created_at_ms, said.message_id


ROW = "WHERE event_id = %s AND bucket = %s AND created_at = %s AND message_id = %s"


def change_a_text(stage: Stage, cql: Session) -> None:
    cql.execute(f"UPDATE chat_messages_by_event SET message = '네' {ROW}", address(stage, stage.said["ask"]))


def drop_a_code_point(stage: Stage, cql: Session) -> None:
    said = stage.said["family"]
    cql.execute(
        f"UPDATE chat_messages_by_event SET message = %s {ROW}",
        (said.text.replace("\u200d", "", 1), *address(stage, said)),
    )


def lose_a_message(stage: Stage, cql: Session) -> None:
    cql.execute(f"DELETE FROM chat_messages_by_event {ROW}", address(stage, stage.said["price"]))


def show_a_deleted_text(stage: Stage, cql: Session) -> None:
    cql.execute(
        f"UPDATE chat_messages_by_event SET message = 'a', is_deleted = false {ROW}", address(stage, stage.said["slip"])
    )


def bring_a_reaction_back(stage: Stage, cql: Session) -> None:
    values = (stage.user_ids["dohyun"], "🎉", *address(stage, stage.said["booked"]))
    cql.execute(f"UPDATE chat_messages_by_event SET reactions[%s] = %s {ROW}", values)


def forget_a_read_mark(stage: Stage, cql: Session) -> None:
    values = (stage.user_ids["dohyun"], stage.event_ids["perm"])
    cql.execute("UPDATE unread_message_counts SET read_seq = 0 WHERE user_id = %s AND event_id = %s", values)


def lose_the_activity(stage: Stage, cql: Session) -> None:
    year = year_of(MessageId.of(stage.said["ask"].message_id).created_at_ms)
    cql.execute("DELETE FROM chat_messages_by_user WHERE user_id = %s AND year = %s", (stage.user_ids["minji"], year))


def take_an_entry_out(stage: Stage, cql: Session) -> None:
    event_id = stage.event_ids["perm"]
    (first, *_) = cql.execute("SELECT changed_at, change_id FROM event_history WHERE event_id = %s", (event_id,))
    where = "WHERE event_id = %s AND changed_at = %s AND change_id = %s"
    cql.execute(f"DELETE FROM event_history {where}", (event_id, *first))


TAMPERINGS: dict[Callable[[Stage, Session], None], str] = {
    change_a_text: "Texts",
    drop_a_code_point: "Texts",
    lose_a_message: "Messages in cut",
    show_a_deleted_text: "Deleted",
    bring_a_reaction_back: "Reactions",
    forget_a_read_mark: "Unread of 박도현",
    lose_the_activity: "Activity",
    take_an_entry_out: "History of perm",
}


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_the_demo_fails_and_names_the_row_if_what_is_stored_was_tampered_with(
    tamper: Callable[[Stage, Session], None],
    up: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    current = settings.parse(up.env)
    session = connect(current.contact_points, current.scylla_keyspace)

    def last_act(stage: Stage) -> None:
        assert all(row.ok for row in demo.wait_stored(stage, STORED_S_MAX))
        tamper(stage, session)

    monkeypatch.setenv("TIMINGLE_STATE_DIR", str(up.state))
    others = (watch_the_clock, pay, tell_histories, tell_payments, audit)  # which take their time
    talk = [act for act in demo.ACTS if act not in others]
    monkeypatch.setattr(demo, "ACTS", (*talk, last_act))
    monkeypatch.setattr(demo, "STORED_S_MAX", 0.0)
    try:
        assert demo.main() == 1
    finally:
        session.cluster.shutdown()
    differing = [line for line in capsys.readouterr().out.splitlines() if "differs" in line]
    assert any(TAMPERINGS[tamper] in line for line in differing), differing
