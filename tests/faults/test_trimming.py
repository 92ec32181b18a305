"""P1. Trimming beside two consumers and a backlog of 100,000 entries loses none; other ways to compute the floor do.

What is lost is what was trimmed before a consumer had stored it. Both wrong ways look right, and are kept here to show
what the one Lua function saves us from.
"""

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from local.stack import Stack
from stores import consumer_group
from stores.consumer_group import ConsumerGroup
from stores.journal import GROUP, STREAM
from tests.journals import Caller, in_database, said

BACKLOG: Final = 100_000
IN_TURNS: Final = 20_000
TURN_ENTRIES_MAX: Final = 200
"""In turns it is the number of batches that counts: as many as the backlog has, a fifth of their size."""
ADD_AT_ONCE: Final = 10_000
NODES: Final = "a:1"
AGES_S: Final = 60.0
AWAY_EVERY: Final = 8
"""One batch in so many is handed back: its store is away for a moment."""
SEED: Final = 3
"""The same turns each time; of the first six seeds five let the rarer loss happen."""
ADD: Final = (
    "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'f', 1, 'v', i, 's', i, 'o', ARGV[2]) end"
)

Steps = Iterator[None]
"""What one process does, a step being what Redis does in one piece: between two, anybody may have a turn."""


@pytest.fixture(autouse=True)
def _end_drains_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain waits half a second for more before it ends; here nobody sends more."""
    monkeypatch.setattr(consumer_group, "BLOCK_MS", 1)


@pytest.fixture
def _in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_group, "BATCH_ENTRIES_MAX", TURN_ENTRIES_MAX)


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    """A journal of this test's own."""
    made = Caller(in_database(stack.env["TIMINGLE_JOURNAL_URLS"], 3))
    made.start_anew()
    with made.consumer("") as group:
        group.sweep(0, NODES)
    yield made
    made.redis.flushdb()
    made.close()


def add(caller: Caller, entries: int) -> None:
    """A backlog that nobody has read."""
    for _ in range(entries // ADD_AT_ONCE):
        caller.redis.eval(ADD, 1, STREAM, ADD_AT_ONCE, b"\x91" + said().operation)


def consume(group: ConsumerGroup, chance: random.Random, stored: set[str]) -> Steps:
    """Drain until nothing is left; now and then the store is away, and the drain hands back what it holds."""
    while group.has_work():
        for batch in group.take(AGES_S):
            yield
            if chance.randrange(AWAY_EVERY) == 0:
                group.hand_back()
                break
            stored.update(batch.ids)
            group.ack(batch.ids)
            yield
        yield


def trim_in_one_piece(caller: Caller) -> Steps:
    """Our way."""
    with caller.consumer("sweep") as group:
        while True:
            group.sweep(0, NODES)
            yield


def trim_by_xpending_alone(caller: Caller) -> Steps:
    """With nothing pending all is taken for stored; but what nobody has read yet is not pending either."""
    while True:
        smallest = smallest_pending(caller)
        caller.redis.xtrim(STREAM, minid=smallest or caller.redis.xinfo_stream(STREAM)["last-generated-id"])
        yield


def trim_by_xpending_then_xinfo(caller: Caller) -> Steps:
    """Right, if nothing happened between the two: but a batch may be delivered there, and its store be away."""
    while True:
        smallest = smallest_pending(caller)
        yield
        delivered = caller.redis.xinfo_groups(STREAM)[0]["last-delivered-id"].decode()
        ms, _, n = delivered.partition("-")
        caller.redis.xtrim(STREAM, minid=smallest or f"{ms}-{int(n) + 1}", approximate=False)
        yield


def smallest_pending(caller: Caller) -> Any:
    return caller.redis.xpending(STREAM, GROUP)["min"]


def lost(caller: Caller, trim: Callable[[Caller], Steps]) -> int:
    """How many entries nobody stored, when two consumers and a sweep take turns by chance."""
    chance = random.Random(SEED)  # noqa: S311
    stored: set[str] = set()
    add(caller, IN_TURNS)
    with caller.consumer("a") as a, caller.consumer("b") as b:
        at_work = [consume(a, chance, stored), consume(b, chance, stored)]
        sweep = trim(caller)
        while at_work:
            one = chance.choice([*at_work, sweep])
            if next(one, one) is one:
                at_work.remove(one)
        next(sweep)
    return IN_TURNS - len(stored)


@pytest.mark.usefixtures("_in_turns")
def test_trimmed_in_one_piece_no_entry_is_lost_whoever_has_the_next_turn(caller: Caller) -> None:
    assert lost(caller, trim_in_one_piece) == 0
    with caller.consumer("sweep") as group:
        group.sweep(0, NODES)
    assert caller.redis.xlen(STREAM) == 0


@pytest.mark.usefixtures("_in_turns")
def test_trimmed_by_xpending_alone_most_of_the_backlog_is_lost(caller: Caller) -> None:
    assert lost(caller, trim_by_xpending_alone) > IN_TURNS // 2


@pytest.mark.usefixtures("_in_turns")
def test_trimmed_by_xpending_and_then_xinfo_some_batches_are_lost(caller: Caller) -> None:
    assert 0 < lost(caller, trim_by_xpending_then_xinfo) < IN_TURNS // 2


def test_trimmed_while_two_consumers_run_at_full_speed_no_entry_is_lost(caller: Caller) -> None:
    """The same at once and not in turns."""
    stored: list[set[str]] = [set(), set()]
    add(caller, BACKLOG)

    def run(name: str, seed: int) -> None:
        with caller.consumer(name) as group:
            for _ in consume(group, random.Random(seed), stored[seed]):  # noqa: S311
                pass

    threads = [threading.Thread(target=run, args=(name, seed)) for seed, name in enumerate("ab")]
    for thread in threads:
        thread.start()
    trimmed_meanwhile = 0
    with caller.consumer("sweep") as group:
        while any(thread.is_alive() for thread in threads):
            trimmed_meanwhile += group.sweep(0, NODES).trimmed
    assert len(stored[0] | stored[1]) == BACKLOG
    assert all(stored), "both consumers had a share"
    assert trimmed_meanwhile > 0
