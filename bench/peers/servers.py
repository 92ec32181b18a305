"""Where a peer's processes find the servers: by variables, which every one of these frameworks hands on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

PREFIX: Final = "TIMINGLE_BENCH_"


@dataclass(frozen=True, slots=True)
class Servers:
    """The same servers as ours, apart from our own data there."""

    redis_url: str
    """The broker, another of its databases than Celery's of our stack."""
    postgres_url: str
    scylla: str
    """host:port"""
    keyspace: str
    counts: Path
    """A folder where each worker process counts its finished tasks."""
    in_one_batch: bool
    """How a task sends its four writes: in one batch, or as four statements side by side."""

    def to_environ(self) -> Mapping[str, str]:
        """As variables."""
        return {
            PREFIX + "REDIS_URL": self.redis_url,
            PREFIX + "POSTGRES_URL": self.postgres_url,
            PREFIX + "SCYLLA": self.scylla,
            PREFIX + "KEYSPACE": self.keyspace,
            PREFIX + "COUNTS": str(self.counts),
            PREFIX + "IN_ONE_BATCH": str(self.in_one_batch),
        }

    @classmethod
    def from_environ(cls) -> Self:
        """From variables."""
        given = {name.removeprefix(PREFIX): value for name, value in os.environ.items() if name.startswith(PREFIX)}
        return cls(
            redis_url=given["REDIS_URL"],
            postgres_url=given["POSTGRES_URL"],
            scylla=given["SCYLLA"],
            keyspace=given["KEYSPACE"],
            counts=Path(given["COUNTS"]),
            in_one_batch=given["IN_ONE_BATCH"] == str(True),
        )

    @property
    def contact_points(self) -> list[tuple[str, int]]:
        host, _, port = self.scylla.rpartition(":")
        return [(host, int(port))]
