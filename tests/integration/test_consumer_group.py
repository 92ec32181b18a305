"""The journal as workers consume it, on a real Valkey: read, acknowledged, handed back, parked and taken over."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from domain.errors import Away
from local.stack import Stack
from stores import consumer_group
from stores.consumer_group import (
    BATCH_OPERATIONS,
    CLAIM_ENTRIES,
    IDLE_MS_MAX,
    WAIT_MS,
    WAITING,
    Batch,
    ConsumerGroup,
    open_sync,
)
from stores.journal import GROUP, STREAM
from tests.faults.proxy import Proxy
from tests.journals import EVENT, Caller, in_database, said

AGES_S = 30.0
"""Longer than any drain here takes."""


@pytest.fixture(autouse=True)
def _end_drains_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain waits half a second for more before it ends; here nobody sends more."""
    monkeypatch.setattr(consumer_group, "BLOCK_MS", 1)


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    made = Caller(in_database(stack.env["TIMINGLE_JOURNAL_URLS"], 2))
    made.start_anew()
    made.seed(EVENT)
    yield made
    made.close()


@pytest.fixture
def a(caller: Caller) -> Iterator[ConsumerGroup]:
    with caller.consumer("a") as group:
        yield group


@pytest.fixture
def b(caller: Caller) -> Iterator[ConsumerGroup]:
    with caller.consumer("b") as group:
        yield group


def say(caller: Caller, entries: int) -> list[str]:
    """So many entries of one message each; their ids."""
    known = len(caller.entries())
    caller.say(entries)
    return [entry_id for entry_id, _ in caller.entries()][known:]


def say_quickly(caller: Caller, entries: int) -> list[str]:
    """The same in one trip to the server, which does not number them."""
    pipeline = caller.redis.pipeline(transaction=False)
    for seq in range(entries):
        pipeline.xadd(STREAM, {"f": "1", "v": str(seq + 1), "s": str(seq + 1), "o": b"\x91" + said().operation})
    return [entry_id.decode() for entry_id in pipeline.execute()]


def taken(group: ConsumerGroup) -> list[list[str]]:
    """The ids of each batch, all acknowledged."""
    batches = []
    for batch in group.take(AGES_S):
        batches.append(batch.ids)
        group.ack(batch.ids)
    return batches


def first(group: ConsumerGroup) -> Batch:
    """One batch, and no word of what became of it: as if its worker had been killed."""
    return next(group.take(AGES_S))


def age(caller: Caller, holder: str, ids: Iterable[str], idle_ms: int = IDLE_MS_MAX + 1_000) -> None:
    """As if its holder had not moved for so long."""
    caller.redis.xclaim(STREAM, GROUP, holder, 0, list(ids), idle=idle_ms, justid=True)


def pending(caller: Caller) -> list[dict[str, Any]]:
    """Redis's list of the entries that were delivered and not acknowledged."""
    found: list[dict[str, Any]] = caller.redis.xpending_range(STREAM, GROUP, "-", "+", 10_000)
    return found


def held(caller: Caller) -> dict[str, tuple[str, int]]:
    """Who holds each of them, and how often it was delivered."""
    return {e["message_id"].decode(): (e["consumer"].decode(), e["times_delivered"]) for e in pending(caller)}


def test_consumers_share_entries_and_no_entry_goes_to_two(caller: Caller, a: ConsumerGroup, b: ConsumerGroup) -> None:
    ids = say_quickly(caller, 350)
    of_a, of_b = a.take(AGES_S), b.take(AGES_S)
    shared = [*next(of_a).ids, *next(of_b).ids, *next(of_b).ids]
    assert shared == ids
    assert {holder for holder, _ in held(caller).values()} == {"a", "b"}


def test_what_is_acknowledged_is_not_delivered_again(caller: Caller, a: ConsumerGroup, b: ConsumerGroup) -> None:
    ids = say(caller, 3)
    assert a.has_work()
    assert taken(a) == [ids]
    assert taken(a) == taken(b) == []
    assert not a.has_work()


def test_there_is_work_while_an_entry_is_unread_or_unacknowledged(caller: Caller, a: ConsumerGroup) -> None:
    assert not a.has_work()
    say(caller, 1)
    assert a.has_work()
    batch = first(a)
    assert a.has_work()
    a.ack(batch.ids)
    assert not a.has_work()


def test_what_was_handed_back_is_there_at_once_for_everybody_and_no_attempt_is_counted(
    caller: Caller, a: ConsumerGroup, b: ConsumerGroup
) -> None:
    """P10. A store that is away for an hour makes no entry a suspect."""
    ids = say(caller, 3)
    for group in (a, b) * 5:
        assert first(group).ids == ids
        assert set(held(caller).values()) == {(("a" if group is a else "b"), 1)}
        group.hand_back()
        assert set(held(caller).values()) == {(("a" if group is a else "b"), 0)}


def test_handing_back_keeps_the_attempts_that_were_counted_before(caller: Caller, a: ConsumerGroup) -> None:
    ids = say(caller, 1)
    first(a)
    first(a)
    assert held(caller) == {ids[0]: ("a", 2)}
    first(a)
    a.hand_back()
    assert held(caller) == {ids[0]: ("a", 2)}


def test_what_was_acknowledged_is_not_handed_back(caller: Caller, a: ConsumerGroup) -> None:
    ids = say(caller, 3)
    batch = first(a)
    a.ack(batch.ids[:2])
    a.hand_back()
    assert set(held(caller)) == {ids[2]}


def test_an_entry_that_was_delivered_three_times_is_read_alone(caller: Caller) -> None:
    """It may be what kills its worker: its neighbours must not go down with it a fourth time."""
    ids = say(caller, 3)
    for _ in range(3):
        with caller.consumer("a") as killed:
            assert first(killed).ids == ids
    new = say(caller, 2)
    with caller.consumer("a") as group:
        assert taken(group) == [[ids[0]], [ids[1]], [ids[2]], new]


def test_the_next_process_of_a_name_begins_with_what_the_last_one_held(caller: Caller) -> None:
    ids = say(caller, 3)
    with caller.consumer("a") as killed:
        assert first(killed).ids == ids
    new = say(caller, 2)
    with caller.consumer("a") as group:
        assert taken(group) == [ids, new]


def test_a_process_that_begins_frees_what_the_last_one_of_its_name_held_for_everybody(
    caller: Caller, b: ConsumerGroup
) -> None:
    """P1. The pool may give the next drain to any child: none must wait a minute for what a killed one held."""
    ids = say(caller, 3)
    with caller.consumer("a") as killed:
        assert first(killed).ids == ids
    with caller.consumer("a") as beginning:
        beginning.release()
    assert {count for _, count in held(caller).values()} == {1}, "an attempt that failed stays counted"
    assert taken(b) == [ids]


def test_what_a_dead_consumer_held_is_taken_over_when_its_time_is_over_and_not_before(
    caller: Caller, a: ConsumerGroup, b: ConsumerGroup
) -> None:
    ids = say(caller, 3)
    first(a)
    age(caller, "a", ids, IDLE_MS_MAX - 10_000)
    assert taken(b) == []
    age(caller, "a", ids[:2])
    assert taken(b) == [ids[:2]]
    assert set(held(caller)) == {ids[2]}


def test_however_much_a_dead_consumer_held_all_of_it_is_taken_over(caller: Caller, a: ConsumerGroup) -> None:
    ids = say_quickly(caller, 2 * CLAIM_ENTRIES + 50)
    caller.redis.execute_command("XREADGROUP", "GROUP", GROUP, "dead", "STREAMS", STREAM, ">")
    age(caller, "dead", ids)
    batches = taken(a)
    assert [entry_id for batch in batches for entry_id in batch] == ids
    assert held(caller) == {}


def test_a_parked_entry_waits_and_is_looked_at_again_and_no_attempt_is_counted(
    caller: Caller, a: ConsumerGroup, b: ConsumerGroup
) -> None:
    ids = say(caller, 2)
    for group in (a, b, a, b):
        batch = first(group)
        assert batch.ids == ids
        group.park(ids)
        assert taken(a) == taken(b) == []
        assert set(held(caller).values()) == {(WAITING, 0)}
        for entry in pending(caller):
            due_ms = IDLE_MS_MAX - entry["time_since_delivered"]
            assert 0 < due_ms <= WAIT_MS
        age(caller, WAITING, ids)


def test_what_is_parked_is_not_handed_back(caller: Caller, a: ConsumerGroup) -> None:
    ids = say(caller, 2)
    first(a)
    a.park(ids[:1])
    a.hand_back()
    assert {entry_id: holder for entry_id, (holder, _) in held(caller).items()} == {ids[0]: WAITING, ids[1]: "a"}


@pytest.mark.parametrize("word", [b"XREADGROUP", b"XAUTOCLAIM", b"XPENDING", b"XCLAIM", b"XACK"])
def test_whatever_reply_is_lost_the_next_drain_of_the_same_consumer_has_all_at_once(
    stack: Stack, caller: Caller, word: bytes
) -> None:
    """P1. On the link to Redis a reply is lost with its connection; what it delivered is held by who never saw it."""
    abandoned = say(caller, 3)
    with caller.consumer("dead") as dead:
        first(dead)
    age(caller, "dead", abandoned)
    new = say(caller, 2)
    with Proxy(stack.ports.journal) as proxy:
        url = caller.url.replace(f":{stack.ports.journal}/", f":{proxy.port}/")
        group = ConsumerGroup(0, open_sync(url), "a")
        proxy.lose_replies_to(word)
        seen: list[str] = []
        with pytest.raises(Away):  # noqa: PT012  # batches that came before count
            for batch in group.take(AGES_S):
                seen += batch.ids
                group.ack(batch.ids)
        assert proxy.cuts == 1
        seen += [entry_id for ids in taken(group) for entry_id in ids]
        group.close()
    assert seen == abandoned + new
    assert held(caller) == {}


def test_an_entry_that_cannot_be_read_comes_beside_the_others(caller: Caller, a: ConsumerGroup) -> None:
    good = say(caller, 1)
    caller.redis.xadd(STREAM, {"f": "9", "v": "17"})
    *_, (bad, _) = caller.entries()
    batch = first(a)
    assert [entry.id for entry in batch.entries] == good
    assert [(entry.id, entry.version) for entry in batch.unreadable] == [(bad, 17)]
    a.ack(batch.ids)
    assert held(caller) == {}


@pytest.mark.parametrize(("entries", "operations"), [(5_000, 1), (200, 100)])
def test_a_batch_holds_about_as_many_operations_however_they_lie_in_entries(
    caller: Caller, a: ConsumerGroup, entries: int, operations: int
) -> None:
    body = b"\xdc" + operations.to_bytes(2, "big") + said().operation * operations
    pipeline = caller.redis.pipeline(transaction=False)
    for _ in range(entries):
        pipeline.xadd(STREAM, {"f": "1", "v": "1", "s": ",".join(["1"] * operations), "o": body})
    pipeline.execute()
    _, *sizes = [len(batch) * operations for batch in taken(a)]  # the first knows nothing of what lies in entries yet
    assert sizes
    assert max(sizes) <= BATCH_OPERATIONS
    assert len(sizes) <= 6


def test_the_bell_is_set_by_one_until_it_is_heard(a: ConsumerGroup, b: ConsumerGroup) -> None:
    assert [a.set_bell(), b.set_bell(), a.set_bell()] == [True, False, False]
    b.quiet_bell()
    assert [a.set_bell(), b.set_bell()] == [True, False]


def test_a_group_is_prepared_once_and_keeps_what_it_has(caller: Caller, a: ConsumerGroup) -> None:
    ids = say(caller, 2)
    first(a)
    a.prepare()
    assert set(held(caller)) == set(ids)
