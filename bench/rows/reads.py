"""(f) Reads: latest 100, a page, a user's activity, unread; idle and under writing, at the store and over HTTP."""

from collections.abc import Sequence
from contextlib import closing
from typing import Final

from bench.apart import together
from bench.load import beside
from bench.readers import Amount, Place, Source, Times, read_at_store, read_over_http
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
KINDS_OF_READS: Final = 4
LOAD_S_MORE: Final = 5.0
"""The writing outlasts the reads, whose process takes a while to start."""
SELECT_IDS: Final = "SELECT message_id FROM chat_messages_by_event WHERE event_id = ? AND bucket = ? LIMIT ?"


def measure(stage: Stage) -> Section:
    """Row f."""
    found: dict[tuple[str, str], Times] = {}
    with stage.show.part("f: reads", 1 + 2 * len(READERS)):
        places = fill(stage)
        stage.show.step()
        for state in STATES:
            for at in READERS:
                found[state, at] = _read(stage, places, at, under_writing=state != "idle")
                stage.show.step(f"  {state}, {at}: {in_words(found[state, at])}")
    return _section(found)


def fill(stage: Stage) -> list[Place]:
    """Some events with enough messages, and where each is read."""
    events = stage.cast.event_ids[: stage.sizes.read_events]
    cast = Cast(events, stage.cast.user_ids)
    stage.post(Script(cast, len(events) * MESSAGES_EACH, 10, next(stage.seeds)))
    stage.stream.wait_stored()
    with closing(Scylla(stage.settings.contact_points, stage.settings.scylla_keyspace)) as scylla:
        heads = [int(rows[0][0]) for rows in scylla.read_many(SELECT_HEAD, [(event,) for event in events])]
        addresses = [(event, bucket_of(head), MESSAGES_EACH // 2) for event, head in zip(events, heads, strict=True)]
        middles = [rows[-1][0] for rows in scylla.read_many(SELECT_IDS, addresses)]
    return [Place(event, cast.talkers(n)[0], middles[n]) for n, event in enumerate(events)]


def source_of(stage: Stage) -> Source:
    """Where a stage's readers read."""
    settings = stage.settings
    place = (settings.contact_points, settings.scylla_keyspace, settings.postgres_api_url)
    return Source(stage.port, stage.key, *place)


def in_words(times: Times) -> str:
    """p50 and p99 of each kind."""
    return ", ".join(f"{kind} {percentile(ms, 50):.1f}/{percentile(ms, 99):.1f} ms" for kind, ms in times.items())


def _read(stage: Stage, places: Sequence[Place], at: str, *, under_writing: bool) -> Times:
    amount = Amount(stage.sizes.reads, stage.sizes.window_s)
    arguments = (source_of(stage), places, amount)
    if not under_writing:
        return together(READERS[at], [arguments])[0].value
    seconds = amount.seconds * KINDS_OF_READS + LOAD_S_MORE
    with beside(stage.bulk_load(stage.capacity() / 3, seconds)):
        times = together(READERS[at], [arguments])[0].value
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
One read after another, of events with at least {MESSAGES_EACH} messages. At the store: the functions that
ingest calls, with decoding; over HTTP: on one connection that stays open. Writing is a third of what row b reaches.""",
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
