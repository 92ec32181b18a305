"""Supervision, with light processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import processes, record
from local.service import Service, StackError, in_order
from local.stack import ROOT, end_leftovers
from local.supervisor import DEATHS_AT_START_MAX, Supervisor
from tests.waiting import wait_until

SLEEP = "import time; time.sleep(600)"
# Deaf to SIGTERM, with a child that is deaf too.
DEAF = f"""
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"])
print("deaf", flush=True)
{SLEEP}
"""
Heard = list[tuple[str, str]]


def light(name: str, code: str = SLEEP, **changes: Any) -> Service:
    """A service that costs nothing: a python that sleeps, ready at once."""
    command = (sys.executable, "-S", "-c", code)
    usual = Service(name=name, argv=command, cwd=ROOT, waits_for="sleeps", ready=lambda _: True, stop_s_max=0.5)
    return replace(usual, **changes)


@contextmanager
def supervised(folder: Path, *services: Service) -> Iterator[tuple[Supervisor, Heard]]:
    heard: Heard = []
    with Supervisor(services, folder, lambda name, what: heard.append((name, what)), lambda _: None) as made:
        yield made, heard


def said(heard: Heard, name: str, words: str) -> bool:
    return any(who == name and words in what for who, what in heard)


def test_a_killed_process_is_started_again_and_said_so(tmp_path: Path) -> None:
    with supervised(tmp_path, light("a")) as (supervisor, heard):
        supervisor.start("a")
        first = supervisor.pid("a")
        os.kill(first, signal.SIGKILL)
        wait_until("the death is said", lambda: said(heard, "a", "DIED (SIGKILL)"))
        supervisor.wait_ready("a")
        assert supervisor.pid("a") != first
        assert supervisor.restarts("a") == 1


def test_however_often_one_is_killed_on_purpose_it_is_not_taken_for_one_that_cannot_run(tmp_path: Path) -> None:
    with supervised(tmp_path, light("a")) as (supervisor, _):
        supervisor.start("a")
        for _kill in range(DEATHS_AT_START_MAX + 2):
            supervisor.kill("a")
            supervisor.wait_ready("a")


def test_a_killed_one_that_shall_stay_down_stays_down_until_it_is_started(tmp_path: Path) -> None:
    with supervised(tmp_path, light("a")) as (supervisor, _):
        supervisor.start("a")
        supervisor.kill("a", stay_down=True)
        with pytest.raises(StackError, match="a does not run"):
            supervisor.wait_ready("a")
        supervisor.start("a")
        assert psutil.pid_exists(supervisor.pid("a"))


def test_one_starts_only_when_what_it_comes_after_is_ready(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    first = light("first", f"open({str(flag)!r}, 'w'); {SLEEP}", ready=lambda _: flag.exists())
    second = light("second", f"import os; assert os.path.exists({str(flag)!r}); {SLEEP}", after=("first",))
    with supervised(tmp_path, second, first) as (supervisor, heard):
        supervisor.start("second", "first")
        assert [name for name, what in heard if what.startswith("ready")] == ["first", "second"]
        assert supervisor.restarts("second") == 0
    assert [name for name, what in heard if what == "stopped"] == ["second", "first"]


def test_services_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(StackError, match="wait for each other"):
        in_order({"a": light("a", after=("b",)), "b": light("b", after=("a",))})


def test_a_service_that_cannot_run_fails_the_start_with_the_end_of_its_log(tmp_path: Path) -> None:
    with (
        supervised(tmp_path, light("a", "raise SystemExit('no such table')", ready=lambda _: False)) as (made, _),
        pytest.raises(StackError, match=r"(?s)a died 3 times.*no such table"),
    ):
        made.start("a")


def test_a_program_that_is_missing_fails_the_start_and_is_named(tmp_path: Path) -> None:
    nowhere = Service(name="a", argv=("/nowhere/server",), cwd=ROOT, waits_for="", ready=lambda _: True)
    with supervised(tmp_path, nowhere) as (made, _), pytest.raises(StackError, match="/nowhere/server"):
        made.start("a")


def test_a_start_that_takes_too_long_says_what_it_waits_for(tmp_path: Path) -> None:
    slow = light("a", ready=lambda _: False, ready_s_max=0.3, waits_for="loads its data")
    with supervised(tmp_path, slow) as (made, _), pytest.raises(StackError, match="it still loads its data"):
        made.start("a")


def test_one_that_runs_to_its_end_is_ready_only_when_that_was_clean(tmp_path: Path) -> None:
    good, bad = light("good", "pass", once=True), light("bad", "raise SystemExit(3)", once=True)
    with supervised(tmp_path, good, bad) as (made, heard):
        made.start("good")
        with pytest.raises(StackError, match="bad does not run"):
            made.start("bad")
        assert said(heard, "bad", "exit code 3")
        assert not said(heard, "bad", "restarting")


def test_a_stop_leaves_no_descendant_even_of_one_that_ignores_it(tmp_path: Path) -> None:
    with supervised(tmp_path, light("a", DEAF)) as (made, heard):
        made.start("a")
        wait_until("both are deaf", lambda: "deaf" in (tmp_path / "a.log").read_text())
        session = made.pid("a")
        assert len(processes.session_members(session)) == 2
    assert processes.session_members(session) == []
    assert said(heard, "a", "did not stop within")


def test_descendants_of_a_dead_process_are_ended_before_its_restart(tmp_path: Path) -> None:
    with supervised(tmp_path, light("a", DEAF)) as (made, _):
        made.start("a")
        wait_until("both are deaf", lambda: "deaf" in (tmp_path / "a.log").read_text())
        session = made.pid("a")
        made.kill("a")
        assert processes.session_members(session) == []


def test_the_next_command_ends_what_a_killed_supervisor_left(tmp_path: Path) -> None:
    program = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from local import record
from local.supervisor import DEATHS_AT_START_MAX, Supervisor
from tests.integration.test_local_supervisor import DEAF, light
state = Path({str(tmp_path)!r})
note = lambda seen: record.write(state, record.Record(supervisor=0, phase="up", services=seen))
with Supervisor([light("quiet"), light("deaf", DEAF)], state, print, note) as made:
    made.start("quiet", "deaf")
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=ROOT) as supervisor:
        wait_until("both are noted", lambda: len(seen.services if (seen := record.read(tmp_path)) else ()) == 2)
        wait_until("both are deaf", lambda: "deaf" in (tmp_path / "deaf.log").read_text())
        supervisor.kill()
    left = record.read(tmp_path)
    assert left is not None
    assert all(processes.lives(seen) for seen in left.services)
    heard: Heard = []
    end_leftovers(tmp_path, lambda name, what: heard.append((name, what)), seconds=0.5)
    assert [processes.session_members(seen.pid) for seen in left.services] == [[], []]
    assert {name for name, _ in heard} == {"quiet", "deaf"}
    assert record.read(tmp_path) is None


def test_a_process_that_only_took_over_the_id_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", SLEEP], start_new_session=True) as stranger:
        seen = processes.Trace("mine", stranger.pid, born=time.time() - 3600)
        assert processes.end([seen], 0.0) == []
        assert stranger.poll() is None
        stranger.kill()
