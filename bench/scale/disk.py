"""What the store holds on disk: bytes of each table, the largest partition; and forgetting what the system caches."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stores.scylla import Scylla

SELECT_LARGEST: Final = "SELECT table_name, mebibytes FROM system_views.max_partition_size WHERE keyspace_name = ?"
"""Cassandra's own view, in whole MiB, rounded up."""


def bytes_by_table(cassandra: Path, keyspace: str) -> Counter[str]:
    """Bytes of each table's files. A table's folder is its name, a dash and its id."""
    found: Counter[str] = Counter()
    for file in _files(cassandra / "data" / keyspace):
        found[file.parent.name.rpartition("-")[0]] += file.stat().st_size
    return found


def largest_partitions_mib(scylla: Scylla, keyspace: str) -> dict[str, int]:
    """MiB of each table's largest partition."""
    (rows,) = scylla.read_many(SELECT_LARGEST, [(keyspace,)])
    return {table: int(mebibytes) for table, mebibytes in rows}


def forget_cached(cassandra: Path) -> None:
    """Let the system drop these files from its cache, so that the next reads come from the disk."""
    os.sync()  # what is not written yet cannot be dropped
    for file in _files(cassandra):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
