"""The whole local stack, with real servers and our own processes."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import msgspec
import psutil
import pytest

from local import envfile, ports, processes, record
from local.service import StackError
from local.stack import ROOT, Stack


def listeners(pids: set[int]) -> list[tuple[str, int]]:
    """Address and port of every socket that these processes listen on."""
    found = [c for pid in pids for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    return [(c.laddr.ip, c.laddr.port) for c in found]


@pytest.fixture(scope="module")
def whole(system: Stack) -> Stack:
    system.start("flower")
    return system


def test_everything_listens_on_loopback_only(whole: Stack) -> None:
    sessions = [whole.pid(name) for name in whole.names if name != "migrate"]
    pids = {member.pid for session in sessions for member in processes.session_members(session)}
    found = listeners(pids)
    assert {address for address, _ in found} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert {port for _, port in found} >= set(msgspec.structs.astuple(whole.ports))


def test_a_stack_holds_its_state_directory_alone(stack: Stack) -> None:
    with pytest.raises(StackError, match="runs already"), Stack(stack.state, {}, print):
        pass


def test_no_secret_is_an_argument_that_every_user_can_read(whole: Stack) -> None:
    values = (value for name, value in whole.env.items() if "PORT" not in name and "SCYLLA" not in name)
    secrets = {word for value in values for word in value.replace("@", ":").split(":") if len(word) > 20}
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert secrets
    assert [line for line in lines if any(secret in line for secret in secrets)] == []


@pytest.mark.parametrize("name", ["ingest", "worker-messages", "beat", "postgres", "journal", "broker"])
def test_a_killed_one_is_ready_again_under_a_new_id(whole: Stack, name: str) -> None:
    before = whole.pid(name)
    whole.kill(name)
    whole.wait_ready(*whole.names)
    assert whole.pid(name) != before


@pytest.fixture
def local(stack: Stack) -> Iterator[Callable[[str], str]]:
    """`python -m local` for a further stack, beside the one that all tests share."""
    state = stack.state.with_name(stack.state.name + "-commands")
    shutil.rmtree(state, ignore_errors=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TIMINGLE_")}

    def run(command: str) -> str:
        call = [sys.executable, "-m", "local", command]
        here = {**environ, "TIMINGLE_STATE_DIR": str(state)}
        return subprocess.run(call, env=here, cwd=ROOT, capture_output=True, check=True, text=True).stdout

    yield run
    run("down")


def test_up_twice_and_down_after_the_supervisor_was_killed_leave_nothing(
    stack: Stack, local: Callable[[str], str]
) -> None:
    state = stack.state.with_name(stack.state.name + "-commands")
    shown = local("up")
    port = envfile.read(state / "env")["TIMINGLE_INGEST_PORT"]
    assert shown.splitlines()[-9].split() == ["ingest", f"http://127.0.0.1:{port}"]
    running = record.read(state)
    assert running is not None
    assert local("up").startswith("The stack runs already")
    os.kill(running.supervisor, signal.SIGKILL)
    assert "postgres         was left behind; ended" in local("down")
    assert [processes.session_members(seen.pid) for seen in running.services] == [[]] * len(running.services)
    assert all(ports.is_free(int(address.rpartition(":")[2])) for address in running.addresses.values())
    assert local("down") == f"Nothing runs in {state}.\n"
