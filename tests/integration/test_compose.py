"""docker-compose.yml beside the local stack: the same services, commands and settings, on the real servers.

No container is started: what only a Docker engine can show, nothing here shows.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import psycopg
import pytest
import yaml
from psycopg.conninfo import make_conninfo

import settings
from local import apps, envfile, ports, postgres, valkey
from local.ports import DEFAULTS, Ports
from local.probes import LOOPBACK
from local.service import Service
from local.stack import DEFAULT_STATE, ROOT
from local.supervisor import Supervisor

EXAMPLE = ROOT / "deploy" / "env.example"
SCRIPT = ROOT / "deploy" / "postgres" / "10-api-role.sh"
# `docker compose` itself reads files with this module, which carries the specification's schema.
COMPOSE_GO = "github.com/compose-spec/compose-go/v2@v2.16.2"
COMMAND_S_MAX = 120
# ${NAME}, ${NAME:-default} or ${NAME:?what to say when it is missing}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<word>[^}]*))?\}")
# Where a server listens and keeps its files differs, and nothing else may.
PLACES = ("--host", "--port", "--address", "--db", "--schedule")
# Our own wiring of the two local Valkeys, which containers do not share.
WIRING = ("bind", "port", "dir", "daemonize", "requirepass")
UNITS_S = {"s": 1, "m": 60}

# What stands in a .env that was filled in.
FILLED = {
    "POSTGRES_PASSWORD": "owner",
    "POSTGRES_API_PASSWORD": "api",
    "JOURNAL_PASSWORD": "journal",
    "BROKER_PASSWORD": "broker",
    "TIMINGLE_DATA_KEYS": "1:" + "A" * 43 + "=",
    "TIMINGLE_INDEX_KEY": "B" * 43 + "=",
    "TIMINGLE_FLOWER_BASIC_AUTH": "user:password",
}


def compose(environ: Mapping[str, str] = FILLED) -> dict[str, Any]:
    """The file as `docker compose` reads it, with these variables."""

    def value(found: re.Match[str]) -> str:
        default = found["word"] if found["kind"] == "-" else ""
        return environ.get(found["name"]) or default

    text = VARIABLE.sub(value, (ROOT / "docker-compose.yml").read_text()).replace("$$", "$")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


FILE = compose()
CONTAINERS: dict[str, dict[str, Any]] = FILE["services"]
OURS = sorted(name for name, container in CONTAINERS.items() if "build" in container)


@pytest.fixture(scope="module")
def local_services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Service]:
    """What the local stack runs of ours, not started."""
    env = {"TIMINGLE_FLOWER_BASIC_AUTH": "user:password"}
    found = apps.services(ROOT, tmp_path_factory.mktemp("data"), Ports(**DEFAULTS), env, "broker")
    return {service.name: service for service in found}


def container_of(name: str) -> str:
    """ScyllaDB takes the place of the local Cassandra; all else keeps its name."""
    return "scylla" if name == "cassandra" else name


def without_places(command: Sequence[str]) -> list[str]:
    """A command line without the values that say where."""
    words = [Path(command[0]).name]
    for before, word in pairwise(command):
        option, equals, _ = word.partition("=")
        words.append("" if before in PLACES else option if equals and option in PLACES else word)
    return words


def seconds(duration: str) -> int:
    return int(duration[:-1]) * UNITS_S[duration[-1]]


def directives(text: str) -> dict[str, str]:
    """A Valkey configuration, without the local wiring."""
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line)
    return {name: rest for name, rest in pairs if name not in WIRING}


def test_the_file_follows_the_compose_specification() -> None:
    if not (go := shutil.which("go")):
        pytest.skip("Go is missing")
    fetched = subprocess.run(
        [go, "mod", "download", "-json", COMPOSE_GO],
        env={**os.environ, "GOPATH": str(DEFAULT_STATE / "go"), "GOFLAGS": "-modcacherw"},
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    if fetched.returncode:
        pytest.skip(f"the specification could not be fetched: {fetched.stdout[-300:]}")
    schema = Path(json.loads(fetched.stdout)["Dir"]) / "schema" / "compose-spec.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(FILE)


def test_every_local_service_has_its_container(local_services: Mapping[str, Service]) -> None:
    assert set(CONTAINERS) == {container_of(name) for name in (*apps.STORES, *local_services)}


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_runs_the_command_of_the_local_stack(
    name: str, local_services: Mapping[str, Service]
) -> None:
    assert without_places(CONTAINERS[name]["command"]) == without_places(local_services[name].argv)


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_is_given_settings_that_it_takes(name: str) -> None:
    """The parser refuses one that is missing, unknown or wrong."""
    parsed = settings.parse(CONTAINERS[name]["environment"])
    assert parsed.scylla_replication == 1, "one node holds one copy"
    assert parsed.contact_points == (("scylla", 9042),)


def test_the_file_sets_what_the_local_stack_sets() -> None:
    local = envfile.defaults(
        Ports(**DEFAULTS),
        envfile.Secrets(**{field.name: "secret" for field in msgspec.structs.fields(envfile.Secrets)}),
        Path("state"),
    )
    known_here = {*FILE["x-settings"], "TIMINGLE_INGEST_PORT", "TIMINGLE_FLOWER_PORT", "TIMINGLE_FLOWER_BASIC_AUTH"}
    assert local.keys() <= known_here


def test_flower_asks_for_a_password() -> None:
    assert CONTAINERS["flower"]["environment"]["FLOWER_BASIC_AUTH"] == FILLED["TIMINGLE_FLOWER_BASIC_AUTH"]


def test_the_example_names_every_variable_and_leaves_empty_what_has_no_default() -> None:
    found = list(VARIABLE.finditer((ROOT / "docker-compose.yml").read_text()))
    required = {each["name"] for each in found if each["kind"] == "?"}
    optional = {each["name"]: each["word"] for each in found if each["kind"] == "-"}
    assert {each["name"] for each in found} == required | optional.keys(), "each variable is required or has a default"
    assert required == FILLED.keys()
    lines = re.findall(r"^(#?)([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    assert {name: value for _, name, value in lines} == dict.fromkeys(required, "") | optional
    assert {name for commented, name, _ in lines if not commented} == required


@pytest.mark.parametrize(("name", "policy"), [("journal", valkey.JOURNAL), ("broker", valkey.BROKER)])
def test_a_redis_keeps_what_its_local_twin_keeps(name: str, policy: str) -> None:
    """P1. The journal's 202 is an fsync here as there."""
    content = FILE["configs"][name]["content"]
    assert directives(content) == directives(valkey.COMMON + policy)
    assert f"requirepass {FILLED[name.upper() + '_PASSWORD']}\n" in content
    assert CONTAINERS[name]["configs"] == [{"source": name, "target": CONTAINERS[name]["command"][1]}]
    assert CONTAINERS[name]["volumes"] == [f"{name}:/data"]


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_waits_for_what_the_local_stack_waits_for(
    name: str, local_services: Mapping[str, Service]
) -> None:
    waits = {
        other: "service_completed_successfully" if other == "migrate" else "service_healthy"
        for other in map(container_of, local_services[name].after)
    }
    given = {other: each["condition"] for other, each in CONTAINERS[name]["depends_on"].items()}
    assert waits.items() <= given.items()


def test_ports_are_published_on_loopback_only() -> None:
    published = {name: each["ports"] for name, each in CONTAINERS.items() if "ports" in each}
    assert published == {"ingest": ["127.0.0.1:8000:8000"], "flower": ["127.0.0.1:5555:5555"]}


@pytest.mark.parametrize("name", sorted(CONTAINERS.keys() - {"migrate"}))
def test_a_server_restarts_is_looked_after_and_may_take_its_time_to_stop(
    name: str, local_services: Mapping[str, Service]
) -> None:
    container = CONTAINERS[name]
    assert container["restart"] == "unless-stopped"
    assert container["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert container["mem_limit"]
    if name in local_services:
        assert seconds(container["stop_grace_period"]) >= local_services[name].stop_s_max


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_has_no_rights(name: str) -> None:
    container = CONTAINERS[name]
    assert (container["cap_drop"], container["read_only"]) == (["ALL"], True)
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["image"] == "timingle:local", "one image for every role"


@pytest.mark.parametrize(
    ("name", "program"), [("postgres", postgres.programs() / "postgres"), ("journal", valkey.program())]
)
def test_a_server_is_the_one_that_runs_locally(name: str, program: Path) -> None:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert CONTAINERS[name]["image"].partition(":")[2] in version


@pytest.fixture
def another_postgres(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A server without the API's role, and the variables that lead psql there as its owner."""
    port = ports.choose(ports.preferred(tmp_path, DEFAULT_STATE), {}, lambda *_: None).postgres
    postgres.prepare(tmp_path / "data", "owner", "another")
    server = postgres.service(tmp_path / "data", port)
    with Supervisor([server], tmp_path / "logs", lambda *_: None, lambda _: None) as servers:
        servers.start(server.name)
        with psycopg.connect(f"postgresql://timingle:owner@{LOOPBACK}:{port}/timingle") as owner:
            owner.execute("DROP ROLE timingle_api")
        yield {"PGHOST": LOOPBACK, "PGPORT": str(port), "PGPASSWORD": "owner", "POSTGRES_USER": "timingle"}


@pytest.mark.parametrize("passwords", [["it's quoted"], ["first", "second"]], ids=["at the first start", "again"])
def test_the_script_lets_the_api_role_in(another_postgres: dict[str, str], passwords: list[str]) -> None:
    """And with no rights but to come in: the migrations grant the rest. Run again it changes the password."""
    path = f"{postgres.programs()}:{os.environ['PATH']}"
    for password in passwords:
        env = {**another_postgres, "PATH": path, "POSTGRES_API_PASSWORD": password}
        subprocess.run([SCRIPT], env=env, check=True, timeout=COMMAND_S_MAX)
    place = make_conninfo(host=LOOPBACK, port=another_postgres["PGPORT"], dbname="timingle", user="timingle_api")
    with psycopg.connect(place, password=passwords[-1]) as api:
        rights = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert api.execute(rights).fetchone() == (False, False, False, False)
