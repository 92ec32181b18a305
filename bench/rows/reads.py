"""(f) Reads: latest 100, a page, a user's activity, unread; idle and under writing, at the store and over HTTP."""

from collections.abc import Sequence
from contextlib import closing
from typing import Final

from bench.apart import together
from bench.load import beside
from bench.readers import Place, Reads, Source, Times, read_at_store, read_over_http, reads_of
from bench.results import Cell, Chart, Section, below_ms, percentile
from bench.script import Cast, Script
from bench.stage import Stage
from domain.ids import bucket_of
from stores.pages import SELECT_HEAD
from stores.scylla import Scylla

TARGET_MS: Final = 10.0
MESSAGES_EACH: Final = 300
"""Of each event that is read: three of its pages."""
READERS: Final = {"store": read_at_store, "HTTP": read_over_http}
STATES: Final = ("idle", "under writing")
LOAD_S_MORE: Final = 5.0
"""The writing outlasts the reads, whose process takes a while to start."""
SELECT_IDS: Final = "SELECT message_id FROM chat_messages_by_event WHERE event_id = ? AND bucket = ? LIMIT ?"


def measure(stage: Stage) -> list[Section]:
    """Row f."""
    found: dict[tuple[str, str], Times] = {}
    with stage.show.part("f: reads", 1 + len(STATES) * len(READERS)):
        reads = reads_of(fill(stage), stage.sizes.reads)
        for at in READERS:
            read(stage, reads, at)  # the JVM compiles what it does often
        stage.show.step()
        for state in STATES:
            for at in READERS:
                found[state, at] = read(stage, reads, at) if state == "idle" else _read_under_writing(stage, reads, at)
                stage.show.step(f"  {state}, {at}: {in_words(found[state, at])}")
    return [_section(found)]


def fill(stage: Stage) -> list[Place]:
    """Some events with enough messages, and where each is read."""
    cast = Cast(stage.cast.event_ids[: stage.sizes.read_events], stage.cast.user_ids)
    stage.post(Script(cast, len(cast.event_ids) * MESSAGES_EACH, 10, next(stage.seeds)))
    stage.stream.wait_stored()
    with closing(Scylla(stage.settings.contact_points, stage.settings.scylla_keyspace)) as scylla:
        return places_of(scylla, cast, MESSAGES_EACH)


def places_of(scylla: Scylla, cast: Cast, messages_min: int) -> list[Place]:
    """Where the events that have so many messages are read."""
    heads = [int(rows[0][0]) if rows else 0 for rows in scylla.read_many(SELECT_HEAD, [(e,) for e in cast.event_ids])]
    long_enough = [n for n, head in enumerate(heads) if head >= messages_min]
    addresses = [(cast.event_ids[n], bucket_of(heads[n]), messages_min // 2) for n in long_enough]
    middles = [rows[-1][0] for rows in scylla.read_many(SELECT_IDS, addresses)]
    return [
        Place(cast.event_ids[n], cast.talkers(n)[0], middle) for n, middle in zip(long_enough, middles, strict=True)
    ]


def read(stage: Stage, reads: Reads, at: str) -> Times:
    """Read in a process of its own."""
    settings = stage.settings
    where = (settings.contact_points, settings.scylla_keyspace, settings.postgres_api_url)
    source = Source(stage.port, stage.key, *where)
    return together(READERS[at], [(source, reads, stage.sizes.window_s)])[0].value


def in_words(times: Times) -> str:
    """p50 and p99 of each kind."""
    return ", ".join(f"{kind} {percentile(ms, 50):.1f}/{percentile(ms, 99):.1f} ms" for kind, ms in times.items())


def _read_under_writing(stage: Stage, reads: Reads, at: str) -> Times:
    seconds = stage.sizes.window_s * len(reads) + LOAD_S_MORE
    with beside(stage.bulk_load(stage.capacity() / 3, seconds)):
        times = read(stage, reads, at)
    stage.stream.wait_stored()
    return times


def _section(found: dict[tuple[str, str], Times]) -> Section:
    kinds = list(found["idle", "store"])
    lines: list[Sequence[Cell]] = [
        (state, at, kind, len(times[kind]), percentile(times[kind], 50), percentile(times[kind], 99))
        for (state, at), times in found.items()
        for kind in kinds
    ]
    return Section(
        row="f",
        title="milliseconds of a read",
        about=f"""\
One read after another, of events with at least {MESSAGES_EACH} messages. At the store: the functions that ingest calls,
with decoding; over HTTP: on one connection that stays open. Writing is a third of what row b reaches.""",
        columns=("state", "at", "read", "reads", "p50 ms", "p99 ms"),
        lines=lines,
        targets=[
            below_ms(f"f: p99 of {kind}, idle, at the store", percentile(found["idle", "store"][kind], 99), TARGET_MS)
            for kind in kinds
        ],
        chart=Chart(
            "Reads, p99",
            "ms",
            kinds,
            {f"{at}, {state}": [percentile(times[kind], 99) for kind in kinds] for (state, at), times in found.items()},
        ),
        samples={f"{state}, {at}, {kind}": times[kind] for (state, at), times in found.items() for kind in kinds},
    )
