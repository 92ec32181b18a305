"""Cassandra 5, which stands in for ScyllaDB behind the same driver and CQL."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from local import probes
from local.probes import LOOPBACK
from local.service import Service

# The heap of a small node: it must hold two memtables and the caches below, and leave room for everything else here.
HEAP_MAX: Final = "1G"

# One node with small memtables and caches. `heap_buffers` needs no agent that measures objects. The warnings about
# batches are for clusters: here every partition lives on this node, and a drain's batches are meant.
YAML: Final = """\
cluster_name: timingle-local
num_tokens: 1
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "{host}:{storage_port}"}}]
listen_address: {host}
rpc_address: {host}
native_transport_port: {cql_port}
storage_port: {storage_port}
commitlog_sync: periodic
commitlog_sync_period: 1s
commitlog_segment_size: 16MiB
commit_failure_policy: die
disk_failure_policy: die
hinted_handoff_enabled: false
memtable_allocation_type: heap_buffers
memtable_heap_space: 128MiB
memtable_offheap_space: 64MiB
key_cache_size: 16MiB
counter_cache_size: 0MiB
file_cache_size: 64MiB
concurrent_reads: 16
concurrent_writes: 16
concurrent_compactors: 1
batch_size_warn_threshold: 128KiB
batch_size_fail_threshold: 1024KiB
unlogged_batch_across_partitions_warn_threshold: 1000
read_request_timeout: 10s
range_request_timeout: 10s
write_request_timeout: 10s
truncate_request_timeout: 60s
"""

LOGBACK: Final = """\
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""

# Cassandra's own jvm17-server.options, so that it may reach into the JDK as it was written to.
EXPORTS: Final = (
    *("java.base/jdk.internal.misc", "java.base/java.lang.ref", "jdk.unsupported/sun.misc", "java.sql/java.sql"),
    *("java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server"),
    "jdk.attach/sun.tools.attach",
)
OPENS: Final = (
    *("java.base/java.lang", "java.base/java.lang.module", "java.base/java.lang.reflect", "java.base/java.io"),
    *("java.base/java.net", "java.base/java.nio", "java.base/java.math", "java.base/java.util"),
    *("java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic", "java.base/sun.nio.ch"),
    *("java.base/jdk.internal.loader", "java.base/jdk.internal.ref", "java.base/jdk.internal.reflect"),
    *("java.base/jdk.internal.math", "java.base/jdk.internal.module", "java.base/jdk.internal.util.jar"),
    "jdk.management/com.sun.management.internal",
)


def service(
    java: Path, jars: Sequence[Path], flags: Sequence[str], data: Path, cql_port: int, storage_port: int, jmx_port: int
) -> Service:
    """The node, its configuration written beside its data. `flags` are further ones for the JVM.

    SIGTERM drains it; the JVM then ends with 143 = 128 + SIGTERM, which is its clean exit.
    """
    home = data / "home"
    home.mkdir(parents=True, exist_ok=True)
    (data / "cassandra.yaml").write_text(YAML.format(host=LOOPBACK, cql_port=cql_port, storage_port=storage_port))
    (data / "logback.xml").write_text(LOGBACK)
    properties = {
        "cassandra.config": (data / "cassandra.yaml").as_uri(),
        "cassandra.storagedir": data,
        "cassandra.jmx.local.port": jmx_port,
        "cassandra.ring_delay_ms": 0,
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "cassandra.shutdown_announce_in_ms": 0,
        "logback.configurationFile": (data / "logback.xml").as_uri(),
        "jdk.attach.allowAttachSelf": "true",
        # Or it writes into the user's home and the machine's /tmp.
        "user.home": home,
        "java.io.tmpdir": home,
    }
    arguments = (
        *("-Xms256m", f"-Xmx{HEAP_MAX}", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"),
        *(f"--add-exports={module}=ALL-UNNAMED" for module in EXPORTS),
        *(f"--add-opens={module}=ALL-UNNAMED" for module in OPENS),
        *(f"-D{name}={value}" for name, value in properties.items()),
        *flags,
        *("-cp", os.pathsep.join(str(jar) for jar in jars)),
    )
    # In a file: the class path alone would fill a screen of `ps`.
    (data / "java.arguments").write_text("".join(f'"{argument}"\n' for argument in arguments))
    return Service(
        name="cassandra",
        argv=(str(java), f"@{data / 'java.arguments'}", "org.apache.cassandra.service.CassandraDaemon"),
        cwd=data,
        waits_for="boots; its CQL port opens last",
        ready=lambda _: probes.cql_answers(cql_port),
        stop_signal=signal.SIGTERM,
        clean_exits=frozenset({0, 143}),
        ready_s_max=120,
        stop_s_max=60,
        address=f"{LOOPBACK}:{cql_port}",
    )
