"""The image of the Dockerfile, as far as it can be seen without a Docker engine: what goes in is complete and lean."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

from local.stack import ROOT
from tests.integration.test_compose import CONTAINERS

COMMAND_S_MAX = 120
INSTRUCTIONS = re.findall(r"^([A-Z]+)\s+(.*)$", (ROOT / "Dockerfile").read_text().replace("\\\n", ""), re.MULTILINE)
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
# Of the rooms only this one stays outside: what it starts are the containers here.
NOT_SHIPPED = {"local"}
# Refuses every module that comes from a package outside the lock, then imports what the containers run.
IMPORT_WITH_LOCK = """
import importlib.metadata, re, sys
locked = {re.sub("[-_.]+", "-", name).lower() for name in sys.argv[1:]} | {"timingle"}
foreign = {
    module
    for module, packages in importlib.metadata.packages_distributions().items()
    if not any(re.sub("[-_.]+", "-", package).lower() in locked for package in packages)
}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in foreign:
            raise ModuleNotFoundError(f"{name} is not in the lock", name=name)
sys.meta_path.insert(0, Refuse())
import celery.bin.celery, cli, flower.command, granian.cli, ingest, kombu.transport.redis, worker
worker.app.loader.import_default_modules()
"""


def pins(lock: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / "locks" / lock).read_text()))


def let_in() -> list[str]:
    """What .dockerignore lets into the image's build, of all that is there."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "nothing but what is named"
    return [line[1:] for line in lines if line.startswith("!") and (ROOT / line[1:]).exists()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Our package, built as the image builds it, of the files that the image's build is given."""
    source = tmp_path_factory.mktemp("source")
    for name in let_in():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    flags = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    command = (sys.executable, "-m", "pip", "wheel", *flags, "--wheel-dir", source / "wheels", source)
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (source / "wheels").iterdir()
    return zipfile.ZipFile(built)


def test_the_wheel_holds_every_file_of_every_room(wheel: zipfile.ZipFile) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]) - NOT_SHIPPED
    files = (file for room in rooms for file in [ROOT / room, *(ROOT / room).rglob("*")] if file.is_file())
    wanted = {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}
    assert wanted <= set(wheel.namelist())
    assert not {name for name in wheel.namelist() if name.partition("/")[0] in NOT_SHIPPED}


def test_every_program_that_a_container_starts_is_installed(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "timingle = cli:main" in wheel.read(entry_points).decode()
    started = {each["command"][0] for each in CONTAINERS.values() if "build" in each}
    assert started == {"timingle", "celery", "granian"}
    assert {"celery", "granian"} <= pins("run.txt").keys()


def test_what_the_containers_run_needs_no_package_outside_the_lock() -> None:
    """The tests run with all packages of the development's lock, the image has those of run.txt alone."""
    env = CONTAINERS["ingest"]["environment"]
    command = (sys.executable, "-c", IMPORT_WITH_LOCK, *pins("run.txt"))
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lock", ["run.txt", "build.txt"])
def test_the_image_has_the_versions_that_the_tests_run_with(lock: str) -> None:
    assert pins(lock).items() <= pins("dev.txt").items()


def test_every_package_comes_from_a_lock_with_hashes() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?install [^&]*", " ".join(rest for _, rest in INSTRUCTIONS))
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-index /tmp/wheels/" in install


def test_the_image_is_slim_and_runs_as_nobody_in_particular() -> None:
    stages = [rest.partition(" ")[0] for word, rest in INSTRUCTIONS if word == "FROM"]
    assert [re.fullmatch(r"python:3\.11-slim-\w+", stage) is not None for stage in stages] == [True, True]
    last = INSTRUCTIONS[max(place for place, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]
    assert [rest for word, rest in last if word == "USER"] == ["10001"]
    assert [rest for word, rest in last if word == "COPY"] == ["--from=build /opt/timingle /opt/timingle"]
    assert not re.search(r"apt|pip |gcc|curl", " ".join(rest for word, rest in last if word == "RUN"))
    assert "HEALTHCHECK" not in dict(INSTRUCTIONS), "each role has its own, in docker-compose.yml"


def test_what_the_build_copies_is_there() -> None:
    sources = [rest.split()[:-1] for word, rest in INSTRUCTIONS if word == "COPY" and not rest.startswith("--from")]
    assert sources == [["locks/"], ["."]]
    assert {"locks/run.txt", "locks/build.txt", "pyproject.toml", "README.md"} <= set(let_in())


def test_a_volume_is_mounted_where_the_image_has_a_folder_of_its_user() -> None:
    (made,) = (rest for word, rest in INSTRUCTIONS if word == "RUN" and "install --directory" in rest)
    ours = [each for each in CONTAINERS.values() if "build" in each]
    mounted = {volume.partition(":")[2] for each in ours for volume in each.get("volumes", [])}
    assert mounted == {f"/var/lib/timingle/{name}" for name in ("beat", "flower", "reports")}
    assert mounted <= set(made.split())
