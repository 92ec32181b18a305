"""What fault tests share beside the stack."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from cassandra.cluster import Session

import settings
from local.stack import ROOT, Stack
from stores import migrations, migrations_scylla, scylla
from stores.migrations_files import read_folder
from tests.fakes.control import Fakes
from tests.faults.paying import Till, open_till
from tests.integration.own import Own, own_place


@dataclass(frozen=True)
class Scratch:
    """A migrated keyspace of the fault tests' own, to alter and to compact."""

    contact_points: tuple[tuple[str, int], ...]
    keyspace: str
    session: Session


@pytest.fixture(scope="session")
def scratch(stack: Stack) -> Iterator[Scratch]:
    name = f"scratch_{uuid4().hex[:12]}"
    points = settings.parse(stack.env).contact_points
    with migrations_scylla.connect(points, name, 1) as schema:
        migrations.up(schema, read_folder(ROOT / "cql"), lambda _: None)
    session = scylla.connect(points, name)
    yield Scratch(points, name, session)
    session.execute(f"DROP KEYSPACE {name}", timeout=60)
    session.cluster.shutdown()


@pytest.fixture(scope="session")
def till_place(stack: Stack) -> Iterator[Own]:
    with own_place(stack.env) as made:
        yield made


@pytest.fixture
def till(till_place: Own, fakes: Fakes) -> Iterator[Till]:
    """Somebody who pays and somebody who is paid, at a place where nobody else works."""
    with open_till(till_place, fakes) as made:
        yield made
