"""(i) DONE by the clock: beside a plain UPDATE and beside a task an event, how late, and after an outage."""

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Final

import redis
from celery import Celery
from psycopg_pool import ConnectionPool

from bench.event_stage import (
    FAR_S,
    Connection,
    count_done,
    make_events,
    owner,
    standing_still,
    wait_begun,
    wait_done,
    wait_relayed,
)
from bench.programs import Program, running
from bench.results import Cell, Section, at_least, below_ms, median, percentile, ratio
from bench.rows.event_reads import reads_of_events
from bench.rows.peers import servers_of
from bench.rows.reads import read
from bench.stage import Stage
from stores import due_events
from stores.connections import open_pool

PLAIN_TARGET: Final = 0.25
TASKS_TARGET: Final = 20.0
LATE_TARGET_MS: Final = 5_000.0
BACKLOG_TARGET: Final = 5_000.0
PAST_S: Final = -3_600.0
WARM_EVENTS: Final = 100
WARM_S_MAX: Final = 90.0
LOOK_S: Final = 0.02
PLAIN: Final = "bench_plain_events"
MAKE_PLAIN: Final = (
    f"CREATE TABLE {PLAIN} (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)",
    f"INSERT INTO {PLAIN} SELECT * FROM events",
    f"CREATE TRIGGER keep BEFORE UPDATE ON {PLAIN} FOR EACH ROW EXECUTE FUNCTION keep_updated_at()",
    f"""CREATE TRIGGER guard BEFORE UPDATE ON {PLAIN} FOR EACH ROW WHEN (OLD.status <> NEW.status)
        EXECUTE FUNCTION guard_event_status()""",
    f"VACUUM ANALYZE {PLAIN}",
)
UPDATE_PLAIN: Final = f"UPDATE {PLAIN} SET status = 'DONE' WHERE status = 'CONFIRMED' AND end_time <= now()"
SELECT_SPEEDS: Final = """
    SELECT extract(epoch FROM max(changed_at) - min(changed_at))::FLOAT8,
        extract(epoch FROM max(relayed_at) - min(changed_at))::FLOAT8
    FROM event_history_outbox WHERE event_id = ANY(%s) AND change_type = 'DONE'"""
SELECT_LATE_MS: Final = """
    SELECT extract(epoch FROM h.changed_at - e.end_time)::FLOAT8 * 1000 FROM events AS e
    JOIN event_history_outbox AS h ON h.event_id = e.id AND h.change_type = 'DONE' WHERE e.id = ANY(%s)"""


def measure(stage: Stage) -> list[Section]:
    """Row i."""
    sizes = stage.sizes
    with stage.show.part("i: DONE by the clock", sizes.rounds + 4), owner(stage) as connection:
        with standing_still(stage):
            make_events(stage, connection, sizes.confirmed_events, FAR_S)
            stage.show.step(f"  {sizes.confirmed_events:,} events lie ahead")
            speeds = _speeds(stage, connection)
        late_ms = _late_ms(stage, connection)
        stage.show.step(f"  late: p50 {percentile(late_ms, 50):.0f} ms, p99 {percentile(late_ms, 99):.0f} ms")
        backlog = _backlog(stage, connection)
        stage.show.step(f"  after an outage: {backlog['events/s']:,.0f} events/s")
    return [_speed_section(sizes.due_events, speeds), _late_section(late_ms), _backlog_section(stage, backlog)]


def _speeds(stage: Stage, connection: Connection) -> dict[str, list[float]]:
    """Events a second of each way, round by round."""
    found: dict[str, list[float]] = {"sweep": [], "plain UPDATE": [], "a task an event": []}
    with closing(open_pool(stage.settings.postgres_url)) as pool:  # for all rounds, as a worker keeps its own
        for _ in range(stage.sizes.rounds):
            due = make_events(stage, connection, stage.sizes.due_events, PAST_S)
            found["plain UPDATE"].append(len(due) / _plain(connection))
            found["sweep"].append(len(due) / _sweep(pool))
            shown = ", ".join(f"{way} {speeds[-1]:,.0f}" for way, speeds in found.items() if speeds)
            stage.show.step(f"  events/s: {shown}")
        found["a task an event"].append(_tasks(stage, connection))
        _sweep(pool)  # what its window left
    stage.show.step(f"  a task an event: {found['a task an event'][0]:,.0f} events/s")
    return found


def _sweep(pool: ConnectionPool) -> float:
    """Seconds until all that is due is DONE, by one sweep."""
    began = time.monotonic()
    for page in due_events.pages(pool):
        due_events.complete(pool, page)
    return time.monotonic() - began


def _plain(connection: Connection) -> float:
    """Seconds of one UPDATE of a copy of the table, with its indexes and the guard of status, and no history."""
    connection.execute(f"DROP TABLE IF EXISTS {PLAIN}")
    for statement in MAKE_PLAIN:
        connection.execute(statement)
    began = time.monotonic()
    connection.execute(UPDATE_PLAIN)
    seconds = time.monotonic() - began
    connection.execute(f"DROP TABLE {PLAIN}")
    return seconds


def _tasks(stage: Stage, connection: Connection) -> float:
    """Events a second of Celery with 2 processes and a task an event, its queue filled before the clock runs."""
    due = make_events(stage, connection, stage.sizes.due_events, PAST_S)
    servers = replace(servers_of(stage, in_one_batch=False), postgres_url=stage.settings.postgres_url)
    with redis.Redis.from_url(servers.redis_url) as broker:
        broker.flushdb()
    client = Celery("done", broker=servers.redis_url, set_as_current=False)
    with client.producer_or_acquire() as producer:
        for event_id in due:
            client.send_task("done", (event_id,), producer=producer)
    environ = {**os.environ, **servers.to_environ()}
    command = ("celery", "-A", "bench.peers.done_peer", "worker", "-c", "2", "-l", "WARNING", "--without-mingle")
    with running([command], environ, stage.stack.state / "logs" / "done_peer.log") as (worker,):
        first = _wait_warm(connection, due, worker)
        began = time.monotonic()
        done, now = first, began
        while now - began < stage.sizes.window_s and done < len(due):
            time.sleep(LOOK_S)
            done, now = count_done(connection, due), time.monotonic()
    return (done - first) / (now - began)


def _wait_warm(connection: Connection, due: Sequence[int], worker: Program) -> int:
    limit = time.monotonic() + WARM_S_MAX
    while (done := count_done(connection, due)) < WARM_EVENTS:
        if time.monotonic() > limit or not worker.is_alive():
            raise RuntimeError("The worker of a task an event does nothing; see its log.")
        time.sleep(LOOK_S)
    return done


def _late_ms(stage: Stage, connection: Connection) -> list[float]:
    """By how much each of events is late that end one after another, while the stack runs as it does."""
    seconds = stage.sizes.window_s * 3
    count = int(seconds * 100)
    due = make_events(stage, connection, count, ends_s=2.0, apart_s=seconds / count)
    wait_done(connection, due)
    wait_relayed(connection)
    return [row[0] for row in connection.execute(SELECT_LATE_MS, (due,))]


def _backlog(stage: Stage, connection: Connection) -> dict[str, float]:
    """An outage is over: how fast what is due goes, how quick the API is meanwhile, how fast it is all relayed."""
    with standing_still(stage):
        due = make_events(stage, connection, stage.sizes.backlog_events, PAST_S)
    wait_begun(connection, due)
    reads = reads_of_events(stage, stage.sizes.reads)
    (times,) = read(stage, {"all": list(chain.from_iterable(zip(*reads.values(), strict=True)))}, "HTTP").values()
    wait_done(connection, due)
    wait_relayed(connection)
    row = connection.execute(SELECT_SPEEDS, (due,)).fetchone()
    assert row is not None
    return {
        "events/s": len(due) / row[0],
        "relayed/s": len(due) / row[1],
        "API p50 ms": percentile(times, 50),
        "API p99 ms": percentile(times, 99),
    }


def _speed_section(due: int, found: dict[str, list[float]]) -> Section:
    speeds = {way: median(each) for way, each in found.items()}
    sweep = speeds["sweep"]
    ratios = [ours / plain for ours, plain in zip(found["sweep"], found["plain UPDATE"], strict=True)]
    lines: list[Sequence[Cell]] = [(way, speed, ratio(sweep / speed)) for way, speed in speeds.items()]
    return Section(
        row="i",
        title="events made DONE a second",
        about=f"""\
{due:,} due events, with an entry of the hash chain each. The plain UPDATE is one statement on a copy of the table with
its indexes and the guard of status, and writes no history. A task an event: Celery with 2 processes, its queue filled
beforehand, and each task does what the sweep does, for one event.""",
        columns=("way", "events/s", "sweep / it"),
        lines=lines,
        targets=[
            at_least("i: the sweep / a plain UPDATE without history", median(ratios), PLAIN_TARGET),
            at_least("i: the sweep / one Celery task an event", sweep / speeds["a task an event"], TASKS_TARGET),
        ],
        samples=found,
    )


def _late_section(late_ms: list[float]) -> Section:
    p50, p99 = percentile(late_ms, 50), percentile(late_ms, 99)
    return Section(
        row="i-late",
        title="how late events become DONE",
        about="Events end one after another, 100 a second, while the stack runs as it does: a sweep every 2 s.",
        columns=("events", "p50 ms", "p99 ms", "latest ms"),
        lines=[(len(late_ms), p50, p99, max(late_ms))],
        targets=[below_ms("i: p99 of how late an event is DONE", p99, LATE_TARGET_MS)],
        samples={"late ms": late_ms},
    )


def _backlog_section(stage: Stage, found: dict[str, float]) -> Section:
    count = stage.sizes.backlog_events
    return Section(
        row="i-backlog",
        title="after an outage",
        about=f"""\
{count:,} events are due when beat and workers come back. "relayed" is until ScyllaDB has every entry and every chat was
told. The API is read meanwhile, one read after another: upcoming events, slots, histories.""",
        columns=("events", *found),
        lines=[(count, *found.values())],
        targets=[at_least("i: events made DONE a second after an outage", found["events/s"], BACKLOG_TARGET)],
    )
