"""What is measured of a loaded stack: start-up, disk, reads cold and warm, both ends of a long event."""

import random
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from bench.readers import Place, Reads, Times, latest, page_after, page_before, reads_of
from bench.rows.reads import READERS, in_words, places_of, read
from bench.scale.disk import bytes_by_table, forget_cached, largest_partitions_mib
from bench.scale.plan import Plan
from bench.script import Cast
from bench.stage import Stage
from domain.ids import BUCKET_MESSAGES, bucket_of
from stores.pages import SELECT_HEAD
from stores.scylla import Scylla

COLD_READS: Final = 200
"""Of each kind: later ones would find warm what earlier ones read."""
LIVELY_MESSAGES: Final = 200
LIVELY_SHARE: Final = 0.1
"""The first tenth of the events has more messages than the others: of these the ones with enough are read."""
LONG_READS: Final = 1_000
SELECT_IDS: Final = "SELECT message_id FROM chat_messages_by_event WHERE event_id = ? AND bucket = ? LIMIT 5000"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is there after loading."""

    messages: int
    """Sum of the heads of all events: a few more than planned where a load was cut and went on."""
    places: list[Place]
    long_event: Reads
    long_messages: int
    largest_mib: dict[str, int]


def look(stage: Stage, plan: Plan) -> Stored:
    """Count what is stored, and find where to read."""
    settings = stage.settings
    with closing(Scylla(settings.contact_points, settings.scylla_keyspace)) as scylla:
        heads = [rows[0][0] for rows in scylla.read_many(SELECT_HEAD, [(e,) for e in plan.event_ids]) if rows]
        lively = Cast(plan.event_ids[: max(1, int(plan.events * LIVELY_SHARE))], plan.user_ids)
        return Stored(
            messages=sum(heads),
            places=places_of(scylla, lively, LIVELY_MESSAGES),
            long_event=_long_reads(scylla, plan.cast),
            long_messages=max(heads),
            largest_mib=largest_partitions_mib(scylla, settings.scylla_keyspace),
        )


def _long_reads(scylla: Scylla, cast: Cast) -> Reads:
    """Pages of the long event: at both ends, and in the middle."""
    event_id, user_id = cast.event_ids[0], cast.talkers(0)[0]
    ((head,),) = next(scylla.read_many(SELECT_HEAD, [(event_id,)]))
    last = bucket_of(head)
    chance = random.Random(0)

    def some_of(bucket: int) -> Iterable[UUID]:
        (rows,) = scylla.read_many(SELECT_IDS, [(event_id, bucket)])
        return chance.choices([row[0] for row in rows], k=LONG_READS)

    return {
        "latest 100": [latest(event_id, user_id)] * LONG_READS,
        "back, near the end": [page_before(event_id, user_id, cursor) for cursor in some_of(last)],
        "back, in the middle": [page_before(event_id, user_id, cursor) for cursor in some_of(last // 2)],
        "forward, in the middle": [page_after(event_id, user_id, cursor) for cursor in some_of(last // 2)],
        "forward, near the beginning": [page_after(event_id, user_id, cursor) for cursor in some_of(0)],
    }


def cassandra_of(stage: Stage) -> Path:
    """The folder of the store's files."""
    return stage.stack.state / "data" / "cassandra"


def restart(stage: Stage) -> tuple[dict[str, int], dict[str, float]]:
    """Stop everything, drop what the system caches, start everything; bytes of each table, and seconds of start-up.

    The store writes out all that it holds in memory as it stops, so that its files are all there is.
    """
    stage.stack.stop(*stage.stack.names)
    tables = bytes_by_table(cassandra_of(stage), stage.settings.scylla_keyspace)
    forget_cached(cassandra_of(stage))
    stage.show.started_s.clear()
    began = time.monotonic()
    stage.stack.start(*stage.stack.names)
    seconds = {name: at - began for name, at in stage.show.started_s.items()}
    return tables, seconds | {"everything": time.monotonic() - began}


def read_cold_and_warm(stage: Stage, places: list[Place]) -> dict[tuple[str, str], Times]:
    """Reads at the store and over HTTP, each cold once after a restart of its own; then warm."""
    found: dict[tuple[str, str], Times] = {}
    for at in READERS:
        restart(stage)
        found["cold", at] = read(stage, reads_of(places, COLD_READS), at)
        stage.show.step(f"  cold, {at}: {in_words(found['cold', at])}")
    for at in READERS:
        read(stage, reads_of(places, stage.sizes.reads), at)
        found["warm", at] = read(stage, reads_of(places, stage.sizes.reads), at)
        stage.show.step(f"  warm, {at}: {in_words(found['warm', at])}")
    return found


def read_long(stage: Stage, reads: Reads) -> dict[str, Times]:
    """Pages of the long event, warm."""
    found = {}
    for at in READERS:
        read(stage, reads, at)
        found[at] = read(stage, reads, at)
        stage.show.step(f"  long event, {at}: {in_words(found[at])}")
    return found


assert BUCKET_MESSAGES <= 5_000, "SELECT_IDS reads a bucket whole"
