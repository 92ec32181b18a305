"""A database, a keyspace and a command line of a test's own, on the servers that all tests share."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy
from cassandra.query import tuple_factory
from psycopg import sql

ROOT = Path(__file__).parents[2]
COMMAND_S_MAX = 120


@dataclass(frozen=True)
class Place:
    """An empty database and the name of a keyspace that is not there yet."""

    env: Mapping[str, str]
    """TIMINGLE_* variables that lead to both."""

    @property
    def postgres_url(self) -> str:
        return self.env["TIMINGLE_POSTGRES_URL"]

    @property
    def postgres_api_url(self) -> str:
        return self.env["TIMINGLE_POSTGRES_API_URL"]

    @property
    def keyspace(self) -> str:
        return self.env["TIMINGLE_SCYLLA_KEYSPACE"]

    @property
    def contact_points(self) -> list[tuple[str, int]]:
        host, _, port = self.env["TIMINGLE_SCYLLA_CONTACT_POINTS"].rpartition(":")
        return [(host, int(port))]

    def timingle(self, *arguments: str) -> "AbstractContextManager[subprocess.Popen[str]]":
        """`timingle` with these arguments, running."""
        return started([sys.executable, "-c", "import cli; cli.main()", *arguments], self.env)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of `timingle` with these arguments."""
        with self.timingle(*arguments) as process:
            return ended(process)


@contextmanager
def started(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> "Iterator[subprocess.Popen[str]]":
    """A program, running; killed if what is done meanwhile fails. It writes both its outputs to one pipe."""
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=PIPE, stderr=STDOUT, text=True
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and (the rest of its) output once it has ended."""
    output, _ = process.communicate(timeout=COMMAND_S_MAX)
    return process.returncode, output


@contextmanager
def place(stack_env: Mapping[str, str]) -> Iterator[Place]:
    """A place on the stack's servers; it is gone afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    server = stack_env["TIMINGLE_POSTGRES_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    env = {
        **stack_env,
        "TIMINGLE_POSTGRES_URL": urlsplit(server)._replace(path="/" + name).geturl(),
        "TIMINGLE_POSTGRES_API_URL": urlsplit(stack_env["TIMINGLE_POSTGRES_API_URL"])
        ._replace(path="/" + name)
        .geturl(),
        "TIMINGLE_SCYLLA_KEYSPACE": name,
    }
    made = Place(env)
    try:
        yield made
    finally:
        with cluster(made) as found:
            found.connect().execute(f"DROP KEYSPACE IF EXISTS {name}")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def cluster(where: Place) -> Iterator[Cluster]:
    """A CQL cluster to look with."""
    points = where.contact_points
    profile = ExecutionProfile(RoundRobinPolicy(), row_factory=tuple_factory, request_timeout=COMMAND_S_MAX)
    made = Cluster(points, port=points[0][1], protocol_version=4, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    try:
        yield made
    finally:
        made.shutdown()
