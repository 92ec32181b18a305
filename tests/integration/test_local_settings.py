"""The ports and settings of a local stack, and what of it is installed how."""

import os
import platform
import re
import socket
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from domain.errors import SettingsError
from local import bootstrap, envfile, fakes, jars, ports
from local.service import StackError
from local.stack import DEFAULT_STATE, ROOT


def test_a_taken_port_is_replaced_by_the_next_free_one_and_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        heard: list[tuple[str, str]] = []
        liked = {**ports.preferred(Path("/elsewhere"), DEFAULT_STATE), "ingest": port}
        assert ports.choose(liked, {}, lambda *what: heard.append(what)).ingest > port
    assert heard[0][0] == "ingest"
    assert f"port {port} is taken" in heard[0][1]


@pytest.mark.parametrize("variable", ["TIMINGLE_INGEST_PORT", "TIMINGLE_FLOWER_PORT"])
def test_a_taken_port_that_was_asked_for_is_an_error_that_names_the_variable(variable: str) -> None:
    liked = ports.preferred(Path("/elsewhere"), DEFAULT_STATE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = {variable: str(taken.getsockname()[1])}
        with pytest.raises(StackError, match=rf"{variable}=\d+: this port is taken"):
            ports.choose(liked, asked, print)


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", " 8000"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="is no port"):
        ports.choose(ports.DEFAULTS, {"TIMINGLE_INGEST_PORT": text}, print)


def test_no_server_shares_a_port_with_another() -> None:
    same = dict.fromkeys(ports.DEFAULTS, 21_000)
    chosen = ports.choose(same, {}, lambda *_: None)
    assert len({getattr(chosen, name) for name in ports.DEFAULTS}) == len(ports.DEFAULTS)


@pytest.fixture
def local(tmp_path: Path) -> dict[str, str]:
    at = ports.Ports(**ports.DEFAULTS)
    return envfile.defaults(at, envfile.keep_secrets(tmp_path / "secrets.json"), tmp_path)


def start(tmp_path: Path, local: dict[str, str], environ: dict[str, str]) -> dict[str, str]:
    """What is in force after a start with this environment."""
    return envfile.write(tmp_path / "env", local, envfile.overrides(tmp_path / "env", environ))


def test_the_file_gives_a_shell_all_that_is_in_force_and_is_private(tmp_path: Path, local: dict[str, str]) -> None:
    in_force = start(tmp_path, local, {"TIMINGLE_FLOWER_BASIC_AUTH": 'me:it\'s "mine" $HOME'})
    shown = subprocess.run(
        ["/bin/sh", "-c", f". {tmp_path / 'env'}; env -0"], env={}, capture_output=True, check=True, text=True
    ).stdout
    given = dict(pair.split("=", 1) for pair in shown.split("\0") if pair.startswith("TIMINGLE_"))
    assert given == in_force
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_the_environment_wins_and_the_file_says_so(tmp_path: Path, local: dict[str, str]) -> None:
    in_force = start(tmp_path, local, {"TIMINGLE_LOG_LEVEL": "ERROR", "TIMINGLE_SCYLLA_REPLICATION": "2"})
    assert in_force["TIMINGLE_LOG_LEVEL"] == "ERROR"
    assert in_force["TIMINGLE_SCYLLA_REPLICATION"] == "2"
    assert "TIMINGLE_LOG_LEVEL TIMINGLE_SCYLLA_REPLICATION" in (tmp_path / "env").read_text()


def test_values_of_the_file_that_a_shell_has_sourced_do_not_win_over_new_defaults(
    tmp_path: Path, local: dict[str, str]
) -> None:
    sourced = start(tmp_path, local, {"TIMINGLE_LOG_LEVEL": "ERROR"})
    moved = {**local, "TIMINGLE_INGEST_PORT": "8001"}
    assert start(tmp_path, moved, sourced) == {**moved, "TIMINGLE_LOG_LEVEL": "ERROR"}


def test_an_override_is_over_when_the_environment_lacks_it(tmp_path: Path, local: dict[str, str]) -> None:
    start(tmp_path, local, {"TIMINGLE_LOG_LEVEL": "ERROR"})
    assert start(tmp_path, local, {}) == local


@pytest.mark.parametrize(("name", "value"), [("TIMINGLE_LOG_LEVL", "INFO"), ("TIMINGLE_LOG_LEVEL", "LOUD")])
def test_an_override_that_is_unknown_or_wrong_is_refused_by_name(
    tmp_path: Path, local: dict[str, str], name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=r"TIMINGLE_LOG_LEV"):
        start(tmp_path, local, {name: value})


def test_secrets_are_random_and_made_once(tmp_path: Path, local: dict[str, str]) -> None:
    kept = envfile.keep_secrets(tmp_path / "secrets.json")
    assert envfile.defaults(ports.Ports(**ports.DEFAULTS), kept, tmp_path) == local
    other = envfile.keep_secrets(tmp_path / "others.json")
    assert other.index_key not in local.values()


def test_secrets_that_a_later_version_needs_join_those_that_are_kept(tmp_path: Path) -> None:
    kept = envfile.keep_secrets(tmp_path / "secrets.json")
    older = {name: value for name, value in msgspec.structs.asdict(kept).items() if name not in ("toss", "stripe")}
    (tmp_path / "secrets.json").write_bytes(msgspec.json.encode(older))
    now = envfile.keep_secrets(tmp_path / "secrets.json")
    assert older.items() <= msgspec.structs.asdict(now).items()
    assert "" not in (now.toss, now.stripe)
    assert envfile.keep_secrets(tmp_path / "secrets.json") == now


def test_fakes_take_payments_unless_somebody_has_a_key_of_a_provider(tmp_path: Path, local: dict[str, str]) -> None:
    at = ports.Ports(**ports.DEFAULTS)
    own_toss = {"TIMINGLE_TOSS_SECRET_KEY": "test_sk_own"}
    in_force = start(tmp_path, local, own_toss)
    assert in_force["TIMINGLE_TOSS_SECRET_KEY"] == "test_sk_own"
    assert "TIMINGLE_TOSS_BASE_URL" not in in_force, "the real one has a default"
    assert in_force["TIMINGLE_STRIPE_BASE_URL"] == fakes.url(at)
    assert [service.name for service in fakes.services(ROOT, at, in_force)] == ["fakes"]
    own_stripe = {"TIMINGLE_STRIPE_SECRET_KEY": "sk_own", "TIMINGLE_STRIPE_WEBHOOK_SECRETS": "whsec_own"}
    assert fakes.services(ROOT, at, start(tmp_path, local, {**own_toss, **own_stripe})) == []


def test_a_jar_that_is_not_the_committed_one_is_refused_by_name(tmp_path: Path) -> None:
    path = "org/example/a/1/a-1.jar"
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(b"something else")
    with pytest.raises(StackError, match=r"a-1\.jar is not the jar .* its SHA-256 is [0-9a-f]{64}, not 00"):
        jars.check(tmp_path, {path: "00" * 32})


def test_the_committed_list_has_a_sum_for_every_jar_of_the_class_path() -> None:
    sums = jars.read_sums(jars.SUMS)
    assert f"org/apache/cassandra/cassandra-all/{jars.VERSION}/cassandra-all-{jars.VERSION}.jar" in sums
    assert all(len(bytes.fromhex(digest)) == 32 for digest in sums.values())
    assert len(jars.classpath(tmp := Path("m2"), sums)) == len(sums) == 100, tmp


def make(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/make", *arguments], env={"PATH": path}, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_without_a_suitable_python_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make("setup", path=str(tmp_path))
    assert done.returncode
    assert "No Python 3.11 or newer was found: install one" in done.stderr


def test_without_the_venv_module_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(SystemExit, match=r"lacks the module ensurepip: install it .*-venv"):
        bootstrap.make_venv()


def test_a_package_without_a_wheel_for_this_machine_is_named() -> None:
    with pytest.raises(SystemExit, match=rf"no wheel for .*{platform.machine()}.*no-such-wheel-anywhere"):
        bootstrap.pip("download", "--no-index", "--find-links=/nowhere", "no-such-wheel-anywhere")


def test_help_lists_every_target() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = re.findall(r"^  make (\w+) +\S", make(path=os.environ["PATH"]).stdout, re.MULTILINE)
    assert listed == targets
