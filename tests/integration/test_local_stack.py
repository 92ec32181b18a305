"""The local stack: supervision with light processes, settings and ports without any, and the whole of it once."""

import os
import platform
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from domain.errors import SettingsError
from local import bootstrap, envfile, jars, ports, processes, record
from local.service import Service, StackError, in_order
from local.stack import DEFAULT_STATE, ROOT, Stack, end_leftovers
from local.supervisor import Supervisor

WAIT_S_MAX = 10.0
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


def until(met: Callable[[], object], what: str) -> None:
    """Wait for a condition, with a limit."""
    limit = time.monotonic() + WAIT_S_MAX
    while not met():
        if time.monotonic() > limit:
            pytest.fail(f"not within {WAIT_S_MAX:.0f} s: {what}")
        time.sleep(0.01)


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


def listeners(pids: set[int]) -> list[tuple[str, int]]:
    """Address and port of every socket that these processes listen on."""
    found = [c for pid in pids for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    return [(c.laddr.ip, c.laddr.port) for c in found]


@pytest.fixture(scope="module")
def whole(system: Stack) -> Stack:
    system.start("flower")
    return system


class TestSupervisor:
    def test_a_killed_process_is_started_again_and_said_so(self, tmp_path: Path) -> None:
        with supervised(tmp_path, light("a")) as (supervisor, heard):
            supervisor.start("a")
            first = supervisor.pid("a")
            os.kill(first, signal.SIGKILL)
            until(lambda: said(heard, "a", "DIED (SIGKILL)"), "the death is said")
            supervisor.wait_ready("a")
            assert supervisor.pid("a") != first
            assert supervisor.restarts("a") == 1

    def test_a_killed_one_that_shall_stay_down_stays_down_until_it_is_started(self, tmp_path: Path) -> None:
        with supervised(tmp_path, light("a")) as (supervisor, _):
            supervisor.start("a")
            supervisor.kill("a", stay_down=True)
            with pytest.raises(StackError, match="a does not run"):
                supervisor.wait_ready("a")
            supervisor.start("a")
            assert psutil.pid_exists(supervisor.pid("a"))

    def test_one_starts_only_when_what_it_comes_after_is_ready(self, tmp_path: Path) -> None:
        flag = tmp_path / "flag"
        first = light("first", f"open({str(flag)!r}, 'w'); {SLEEP}", ready=lambda _: flag.exists())
        second = light("second", f"import os; assert os.path.exists({str(flag)!r}); {SLEEP}", after=("first",))
        with supervised(tmp_path, second, first) as (supervisor, heard):
            supervisor.start("second", "first")
            assert [name for name, what in heard if what.startswith("ready")] == ["first", "second"]
            assert supervisor.restarts("second") == 0
        assert [name for name, what in heard if what == "stopped"] == ["second", "first"]

    def test_services_that_wait_for_each_other_are_refused(self) -> None:
        with pytest.raises(StackError, match="wait for each other"):
            in_order({"a": light("a", after=("b",)), "b": light("b", after=("a",))})

    def test_a_service_that_cannot_run_fails_the_start_with_the_end_of_its_log(self, tmp_path: Path) -> None:
        with (
            supervised(tmp_path, light("a", "raise SystemExit('no such table')", ready=lambda _: False)) as (made, _),
            pytest.raises(StackError, match=r"(?s)a died 3 times.*no such table"),
        ):
            made.start("a")

    def test_a_program_that_is_missing_fails_the_start_and_is_named(self, tmp_path: Path) -> None:
        nowhere = Service(name="a", argv=("/nowhere/server",), cwd=ROOT, waits_for="", ready=lambda _: True)
        with supervised(tmp_path, nowhere) as (made, _), pytest.raises(StackError, match="/nowhere/server"):
            made.start("a")

    def test_a_start_that_takes_too_long_says_what_it_waits_for(self, tmp_path: Path) -> None:
        slow = light("a", ready=lambda _: False, ready_s_max=0.3, waits_for="loads its data")
        with supervised(tmp_path, slow) as (made, _), pytest.raises(StackError, match="it still loads its data"):
            made.start("a")

    def test_one_that_runs_to_its_end_is_ready_only_when_that_was_clean(self, tmp_path: Path) -> None:
        good, bad = light("good", "pass", once=True), light("bad", "raise SystemExit(3)", once=True)
        with supervised(tmp_path, good, bad) as (made, heard):
            made.start("good")
            with pytest.raises(StackError, match="bad does not run"):
                made.start("bad")
            assert said(heard, "bad", "exit code 3")
            assert not said(heard, "bad", "restarting")

    def test_a_stop_leaves_no_descendant_even_of_one_that_ignores_it(self, tmp_path: Path) -> None:
        with supervised(tmp_path, light("a", DEAF)) as (made, heard):
            made.start("a")
            until(lambda: "deaf" in (tmp_path / "a.log").read_text(), "both are deaf")
            session = made.pid("a")
            assert len(processes.session_members(session)) == 2
        assert processes.session_members(session) == []
        assert said(heard, "a", "did not stop within")

    def test_descendants_of_a_dead_process_are_ended_before_its_restart(self, tmp_path: Path) -> None:
        with supervised(tmp_path, light("a", DEAF)) as (made, _):
            made.start("a")
            until(lambda: "deaf" in (tmp_path / "a.log").read_text(), "both are deaf")
            session = made.pid("a")
            made.kill("a")
            assert processes.session_members(session) == []

    def test_the_next_command_ends_what_a_killed_supervisor_left(self, tmp_path: Path) -> None:
        program = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from local import record
from local.supervisor import Supervisor
from tests.integration.test_local_stack import DEAF, light
state = Path({str(tmp_path)!r})
note = lambda seen: record.write(state, record.Record(supervisor=0, phase="up", services=seen))
with Supervisor([light("quiet"), light("deaf", DEAF)], state, print, note) as made:
    made.start("quiet", "deaf")
    print("up", flush=True)
    sys.stdin.read()
"""
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=ROOT) as supervisor:
            until(lambda: len(seen.services if (seen := record.read(tmp_path)) else ()) == 2, "both are noted")
            until(lambda: "deaf" in (tmp_path / "deaf.log").read_text(), "both are deaf")
            supervisor.kill()
        left = record.read(tmp_path)
        assert left is not None
        assert all(processes.lives(seen) for seen in left.services)
        heard: Heard = []
        end_leftovers(tmp_path, lambda name, what: heard.append((name, what)), seconds=0.5)
        assert [processes.session_members(seen.pid) for seen in left.services] == [[], []]
        assert {name for name, _ in heard} == {"quiet", "deaf"}
        assert record.read(tmp_path) is None

    def test_a_process_that_only_took_over_the_id_is_left_alone(self) -> None:
        with subprocess.Popen([sys.executable, "-S", "-c", SLEEP], start_new_session=True) as stranger:
            seen = processes.Trace("mine", stranger.pid, born=time.time() - 3600)
            assert processes.end([seen], 0.0) == []
            assert stranger.poll() is None
            stranger.kill()


class TestPorts:
    def test_a_taken_port_is_replaced_by_the_next_free_one_and_named(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            heard: Heard = []
            liked = {**ports.preferred(Path("/elsewhere"), DEFAULT_STATE), "ingest": port}
            assert ports.choose(liked, {}, lambda *what: heard.append(what)).ingest > port
        assert said(heard, "ingest", f"port {port} is taken")

    @pytest.mark.parametrize("variable", ["TIMINGLE_INGEST_PORT", "TIMINGLE_FLOWER_PORT"])
    def test_a_taken_port_that_was_asked_for_is_an_error_that_names_the_variable(self, variable: str) -> None:
        liked = ports.preferred(Path("/elsewhere"), DEFAULT_STATE)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            asked = {variable: str(taken.getsockname()[1])}
            with pytest.raises(StackError, match=rf"{variable}=\d+: this port is taken"):
                ports.choose(liked, asked, print)

    @pytest.mark.parametrize("text", ["0", "65536", "http", "-1", " 8000"])
    def test_what_is_no_port_is_refused(self, text: str) -> None:
        with pytest.raises(StackError, match="is no port"):
            ports.choose(ports.DEFAULTS, {"TIMINGLE_INGEST_PORT": text}, print)

    def test_no_server_shares_a_port_with_another(self) -> None:
        same = dict.fromkeys(ports.DEFAULTS, 21_000)
        chosen = ports.choose(same, {}, lambda *_: None)
        assert len({getattr(chosen, name) for name in ports.DEFAULTS}) == len(ports.DEFAULTS)


class TestSettings:
    @pytest.fixture
    def local(self, tmp_path: Path) -> dict[str, str]:
        at = ports.Ports(**ports.DEFAULTS)
        return envfile.defaults(at, envfile.keep_secrets(tmp_path / "secrets.json"))

    def start(self, tmp_path: Path, local: dict[str, str], environ: dict[str, str]) -> dict[str, str]:
        """What is in force after a start with this environment."""
        return envfile.write(tmp_path / "env", local, envfile.overrides(tmp_path / "env", environ))

    def test_the_file_gives_a_shell_all_that_is_in_force_and_is_private(
        self, tmp_path: Path, local: dict[str, str]
    ) -> None:
        in_force = self.start(tmp_path, local, {"TIMINGLE_FLOWER_BASIC_AUTH": 'me:it\'s "mine" $HOME'})
        shown = subprocess.run(
            ["/bin/sh", "-c", f". {tmp_path / 'env'}; env -0"], env={}, capture_output=True, check=True, text=True
        ).stdout
        given = dict(pair.split("=", 1) for pair in shown.split("\0") if pair.startswith("TIMINGLE_"))
        assert given == in_force
        assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600

    def test_the_environment_wins_and_the_file_says_so(self, tmp_path: Path, local: dict[str, str]) -> None:
        in_force = self.start(tmp_path, local, {"TIMINGLE_LOG_LEVEL": "ERROR", "TIMINGLE_SCYLLA_REPLICATION": "2"})
        assert in_force["TIMINGLE_LOG_LEVEL"] == "ERROR"
        assert in_force["TIMINGLE_SCYLLA_REPLICATION"] == "2"
        assert "TIMINGLE_LOG_LEVEL TIMINGLE_SCYLLA_REPLICATION" in (tmp_path / "env").read_text()

    def test_values_of_the_file_that_a_shell_has_sourced_do_not_win_over_new_defaults(
        self, tmp_path: Path, local: dict[str, str]
    ) -> None:
        sourced = self.start(tmp_path, local, {"TIMINGLE_LOG_LEVEL": "ERROR"})
        moved = {**local, "TIMINGLE_INGEST_PORT": "8001"}
        assert self.start(tmp_path, moved, sourced) == {**moved, "TIMINGLE_LOG_LEVEL": "ERROR"}

    def test_an_override_is_over_when_the_environment_lacks_it(self, tmp_path: Path, local: dict[str, str]) -> None:
        self.start(tmp_path, local, {"TIMINGLE_LOG_LEVEL": "ERROR"})
        assert self.start(tmp_path, local, {}) == local

    @pytest.mark.parametrize(("name", "value"), [("TIMINGLE_LOG_LEVL", "INFO"), ("TIMINGLE_LOG_LEVEL", "LOUD")])
    def test_an_override_that_is_unknown_or_wrong_is_refused_by_name(
        self, tmp_path: Path, local: dict[str, str], name: str, value: str
    ) -> None:
        with pytest.raises(SettingsError, match=r"TIMINGLE_LOG_LEV"):
            self.start(tmp_path, local, {name: value})

    def test_secrets_are_random_and_made_once(self, tmp_path: Path, local: dict[str, str]) -> None:
        assert envfile.defaults(ports.Ports(**ports.DEFAULTS), envfile.keep_secrets(tmp_path / "secrets.json")) == local
        other = envfile.keep_secrets(tmp_path / "others.json")
        assert other.index_key not in local.values()


class TestJars:
    def test_a_jar_that_is_not_the_committed_one_is_refused_by_name(self, tmp_path: Path) -> None:
        path = "org/example/a/1/a-1.jar"
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"something else")
        with pytest.raises(StackError, match=r"a-1\.jar is not the jar .* its SHA-256 is [0-9a-f]{64}, not 00"):
            jars.check(tmp_path, {path: "00" * 32})

    def test_the_committed_list_has_a_sum_for_every_jar_of_the_class_path(self) -> None:
        sums = jars.read_sums(jars.SUMS)
        assert f"org/apache/cassandra/cassandra-all/{jars.VERSION}/cassandra-all-{jars.VERSION}.jar" in sums
        assert all(len(bytes.fromhex(digest)) == 32 for digest in sums.values())
        assert len(jars.classpath(tmp := Path("m2"), sums)) == len(sums) == 100, tmp


class TestBootstrap:
    def make(self, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/usr/bin/make", *arguments], env={"PATH": path}, cwd=ROOT, capture_output=True, text=True, check=False
        )

    def test_without_a_suitable_python_one_sentence_says_what_to_install(self, tmp_path: Path) -> None:
        old = tmp_path / "python3"
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)
        done = self.make("setup", path=str(tmp_path))
        assert done.returncode
        assert "No Python 3.11 or newer was found: install one" in done.stderr

    def test_without_the_venv_module_one_sentence_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else name)
        with pytest.raises(SystemExit, match=r"lacks the module ensurepip: install it .*-venv"):
            bootstrap.make_venv()

    def test_a_package_without_a_wheel_for_this_machine_is_named(self) -> None:
        with pytest.raises(SystemExit, match=rf"no wheel for .*{platform.machine()}.*no-such-wheel-anywhere"):
            bootstrap.pip("download", "--no-index", "--find-links=/nowhere", "no-such-wheel-anywhere")

    def test_help_lists_every_target(self) -> None:
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        listed = re.findall(r"^  make (\w+) +\S", self.make(path=os.environ["PATH"]).stdout, re.MULTILINE)
        assert listed == targets


class TestWholeStack:
    def test_everything_listens_on_loopback_only(self, whole: Stack) -> None:
        sessions = [whole.pid(name) for name in whole.names if name != "migrate"]
        pids = {member.pid for session in sessions for member in processes.session_members(session)}
        found = listeners(pids)
        assert {address for address, _ in found} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
        assert {port for _, port in found} >= set(msgspec.structs.astuple(whole.ports))

    def test_a_stack_holds_its_state_directory_alone(self, stack: Stack) -> None:
        with pytest.raises(StackError, match="runs already"), Stack(stack.state, {}, print):
            pass

    def test_no_secret_is_an_argument_that_every_user_can_read(self, whole: Stack) -> None:
        values = (value for name, value in whole.env.items() if "PORT" not in name and "SCYLLA" not in name)
        secrets = {word for value in values for word in value.replace("@", ":").split(":") if len(word) > 20}
        lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        assert secrets
        assert [line for line in lines if any(secret in line for secret in secrets)] == []

    @pytest.mark.parametrize("name", ["ingest", "worker-messages", "beat", "postgres", "journal", "broker"])
    def test_a_killed_one_is_ready_again_under_a_new_id(self, whole: Stack, name: str) -> None:
        before = whole.pid(name)
        whole.kill(name)
        whole.wait_ready(*whole.names)
        assert whole.pid(name) != before

    def test_up_twice_and_down_after_the_supervisor_was_killed_leave_nothing(self) -> None:
        state = DEFAULT_STATE / "test-commands"
        shutil.rmtree(state, ignore_errors=True)

        def local(command: str) -> str:
            environ = {**os.environ, "TIMINGLE_STATE_DIR": str(state)}
            call = [sys.executable, "-m", "local", command]
            return subprocess.run(call, env=environ, cwd=ROOT, capture_output=True, check=True, text=True).stdout

        shown = local("up")
        port = envfile.read(state / "env")["TIMINGLE_INGEST_PORT"]
        assert shown.splitlines()[-8].split() == ["ingest", f"http://127.0.0.1:{port}"]
        running = record.read(state)
        assert running is not None
        assert local("up").splitlines()[0].startswith("The stack runs already")
        os.kill(running.supervisor, signal.SIGKILL)
        assert "postgres         was left behind; ended" in local("down")
        assert [processes.session_members(seen.pid) for seen in running.services] == [[]] * len(running.services)
        assert all(ports.is_free(int(address.rpartition(":")[2])) for address in running.addresses.values())
        assert local("down") == f"Nothing runs in {state}.\n"
