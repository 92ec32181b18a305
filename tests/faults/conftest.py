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
