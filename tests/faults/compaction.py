"""Flushing and compacting tables of the local Cassandra, over JMX: nodetool does not start on the wheel's Java."""

import os
import subprocess
import time
from collections.abc import Sequence
from typing import Final

from local import jars, java
from local.install import Installation
from local.probes import LOOPBACK
from local.stack import DEFAULT_STATE, Stack
from tests.waiting import wait_until

JMX_S_MAX: Final = 60


def flush_and_purge(stack: Stack, keyspace: str, tables: Sequence[str]) -> None:
    """As nodetool does. With gc_grace_seconds of 0 a tombstone of an earlier second is then gone for good."""
    second = int(time.time())
    wait_until("the second is over", lambda: int(time.time()) > second)
    classpath = jars.classpath(Installation(DEFAULT_STATE).repository, jars.read_sums(jars.SUMS))
    for name, *arguments in (["forceKeyspaceFlush"], ["forceKeyspaceCompaction", "false"]):
        subprocess.run(
            [
                *(java.program(), "-XX:TieredStopAtLevel=1", "-cp", os.pathsep.join(map(str, classpath))),
                *("org.gridkit.jvmtool.SJK", "mx", "-s", f"{LOOPBACK}:{stack.ports.cql_jmx}"),
                *("-b", "org.apache.cassandra.db:type=StorageService", "-mc", "-op", name),
                *("-a", *arguments, keyspace, ",".join(tables)),
            ],
            check=True,
            capture_output=True,
            timeout=JMX_S_MAX,
        )
