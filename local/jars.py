"""Cassandra's jars: from Maven Central by jgo into the project's own folder, each checked against a committed sum."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from jgo.maven import MavenContext
from requests import RequestException

from local.service import StackError

VERSION: Final = "5.0.9"
# Lines of `sha256sum`: a sum and the path of a jar in a Maven repository; all that cassandra-all needs to run.
SUMS: Final = Path(__file__).with_name(f"cassandra-{VERSION}.sha256")
DOWNLOADS_AT_ONCE: Final = 8
ANSWER_S_MAX: Final = 60


def read_sums(listing: Path) -> dict[str, str]:
    """The SHA-256, in hex, of each jar by its path in a Maven repository."""
    lines = [line.split() for line in listing.read_text().splitlines()]
    return {path: digest for digest, path in lines}


def classpath(repository: Path, sums: Mapping[str, str]) -> list[Path]:
    """All jars, in the list's order: class-data archives hold only for one order."""
    return [repository / path for path in sums]


def fetch(repository: Path, sums: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Bring what is missing or broken, and check all."""
    for path, digest in sums.items():
        jar = repository / path
        if jar.exists() and _sha256(jar) != digest:
            jar.unlink()  # most likely a download that was cut
    missing = [path for path in sums if not (repository / path).exists()]
    context = MavenContext(repo_cache=repository, timeout=ANSWER_S_MAX)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        for count, path in enumerate(pool.map(lambda path: _download(context, path), missing), 1):
            if count % 10 == 0 or count == len(missing):
                say(f"{count} of {len(missing)} jars, the last {Path(path).name}")
    check(repository, sums)


def check(repository: Path, sums: Mapping[str, str]) -> None:
    """StackError names the first jar that is not what was committed."""
    for path, digest in sums.items():
        if (found := _sha256(repository / path)) != digest:
            raise StackError(
                f"{repository / path} is not the jar that {SUMS.name} lists: its SHA-256 is {found}, not {digest}. "
                "Something on the way changed it; do not run it."
            )


def _download(context: MavenContext, path: str) -> str:
    """Fetch a jar by the coordinates its path spells: group/…/artifact/version/artifact-version[-classifier].jar."""
    *group, artifact, version, file = path.split("/")
    classifier = file.removeprefix(f"{artifact}-{version}").removesuffix(".jar").removeprefix("-")
    component = context.project(".".join(group), artifact).at_version(version)
    try:
        component.artifact(classifier=classifier).resolve()
    except (RequestException, RuntimeError) as error:
        raise StackError(f"{file} could not be fetched from Maven Central: {error}") from error
    return path


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
