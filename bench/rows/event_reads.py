"""(j) Reads of events: a user's next ones, open slots, a page of a history; and a check of a whole long chain."""

import random
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import msgspec

from bench.event_stage import Connection, owner, wait_relayed
from bench.readers import Read, Reads, Stores, Times
from bench.results import Cell, Section, below_ms, median, percentile
from bench.rows.reads import READERS, in_words, read
from bench.stage import Stage
from domain.history import Change, ChangeType
from stores import events, history_copy, history_outbox, history_pages, slots
from stores.connections import Stores as WorkerStores
from tasks.audit import audit
from tests.addresses import addresses_of

TARGET_MS: Final = 10.0
SLOTS: Final = 5_000
REGIONS: Final = ("마포구", "강남구", "종로구", "성동구", "해운대구")
HISTORY_PAGE: Final = 50
CHECKS: Final = 5
INSERT_SLOTS: Final = """
    INSERT INTO open_slots (business_user_id, service_type, title, start_time, price, region)
    SELECT (%(people)s::BIGINT[])[1 + n %% cardinality(%(people)s::BIGINT[])], 'cut', 'slot ' || n,
        now() + n * interval '1 hour', 30000, (%(regions)s::TEXT[])[1 + n %% cardinality(%(regions)s::TEXT[])]
    FROM generate_series(1, %(count)s) AS n"""
APPEND_CHANGES: Final = "SELECT length FROM append_changes(%s, %s, NULL, '{}')"


def measure(stage: Stage) -> list[Section]:
    """Row j."""
    found: dict[str, Times] = {}
    with stage.show.part("j: reads of events", 2 + len(READERS)), owner(stage) as connection:
        wait_relayed(connection)
        connection.execute(
            INSERT_SLOTS, {"people": list(stage.cast.user_ids), "regions": list(REGIONS), "count": SLOTS}
        )
        connection.execute("VACUUM ANALYZE open_slots")
        reads = reads_of_events(stage, stage.sizes.reads)
        for at in READERS:
            read(stage, reads, at)  # the JVM compiles what it does often
            found[at] = read(stage, reads, at)
            stage.show.step(f"  idle, {at}: {in_words(found[at])}")
        seconds = _checks(stage, connection)
        stage.show.step(f"  a chain of {stage.sizes.chain_entries:,} entries: {median(seconds):.2f} s")
    return [_section(found), _chain_section(stage.sizes.chain_entries, seconds)]


def reads_of_events(stage: Stage, count: int) -> Reads:
    """So many reads of each kind, by chance, always the same."""
    chance = random.Random(1)
    cast = stage.cast
    people = chance.choices(cast.user_ids, k=count)
    regions = chance.choices(REGIONS, k=count)
    places = chance.choices(range(len(cast.event_ids)), k=count)
    return {
        "upcoming events": [Read(f"users/{user}/events/upcoming", _upcoming, (user,)) for user in people],
        "open slots": [Read(f"open-slots?region={quote(region)}", _slots, (region,)) for region in regions],
        "history page": [history_page(cast.event_ids[n], cast.talkers(n)[0]) for n in places],
    }


def history_page(event_id: int, user_id: int) -> Read:
    """An event's last entries."""
    path = f"events/{event_id}/history?as_user={user_id}&limit={HISTORY_PAGE}"
    return Read(path, _history, (event_id,))


async def _upcoming(stores: Stores, user_id: int) -> object:
    return await events.upcoming(stores.postgres, user_id)


async def _slots(stores: Stores, region: str) -> object:
    return await slots.available(stores.postgres, region)


async def _history(stores: Stores, event_id: int) -> object:
    return await history_pages.newest(stores.scylla, event_id, HISTORY_PAGE)


def _checks(stage: Stage, connection: Connection) -> list[float]:
    """Seconds of each full check of one event with a long history, in both stores."""
    event_id = stage.cast.event_ids[0]
    _lengthen(connection, event_id, stage.sizes.chain_entries)
    with closing(WorkerStores(replace(addresses_of(stage.stack.env), consumer="bench"))) as stores:
        history_copy.relay(stores.scylla, history_outbox.of_event(stores.postgres, event_id))
        seconds = []
        for _ in range(CHECKS):
            began = time.monotonic()
            _, findings = audit(stores, event_id, {})
            seconds.append(time.monotonic() - began)
            assert not findings
    return seconds


def _lengthen(connection: Connection, event_id: int, entries: int) -> None:
    """Let an event's place change until its history is that long; none of it is relayed."""
    row = connection.execute("SELECT history_length, location FROM events WHERE id = %s", (event_id,)).fetchone()
    assert row is not None
    length, place = row
    changes = []
    for n in range(entries - length):
        texts = {"old_value": place, "new_value": f"place {n}"} if place else {"new_value": f"place {n}"}
        changes.append(Change(change_type=ChangeType.UPDATED, field_name="location", texts=texts))
        place = f"place {n}"
    with connection.transaction():
        connection.execute("UPDATE events SET location = %s WHERE id = %s", (place, event_id))
        connection.execute(APPEND_CHANGES, (event_id, msgspec.json.encode(changes).decode()))
        connection.execute("UPDATE event_history_outbox SET relayed_at = now() WHERE relayed_at IS NULL")


def _section(found: dict[str, Times]) -> Section:
    lines: list[Sequence[Cell]] = [
        (at, kind, len(ms), percentile(ms, 50), percentile(ms, 99))
        for at, times in found.items()
        for kind, ms in times.items()
    ]
    return Section(
        row="j",
        title="milliseconds of a read of events, idle",
        about=f"""\
One after another. A user's next events (200 at most, with who takes part), the next 50 open slots of a region (of
{SLOTS:,} in all), the last {HISTORY_PAGE} entries of a history. At the store: the functions that ingest calls; over
HTTP: on one connection that stays open.""",
        columns=("at", "read", "reads", "p50 ms", "p99 ms"),
        lines=lines,
        targets=[
            below_ms(f"j: p99 of {kind}, idle, at the store", percentile(ms, 99), TARGET_MS)
            for kind, ms in found["store"].items()
        ],
        samples={f"{at}, {kind}": ms for at, times in found.items() for kind, ms in times.items()},
    )


def _chain_section(entries: int, seconds: Sequence[float]) -> Section:
    middle = median(seconds)
    return Section(
        row="j-chain",
        title="a full check of a long history",
        about="Both stores read and every entry checked in each, as `timingle audit verify` does, in one process.",
        columns=("entries", "seconds", "entries/s"),
        lines=[(entries, middle, entries / middle)],
        samples={"seconds": list(seconds)},
    )
