"""The journal as workers consume it, on a real Valkey: read, acknowledged, handed back, parked and taken over."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from stores.consumer_group import CLAIM_ENTRIES, IDLE_MS_MAX, WAIT_MS, WAITING, ConsumerGroup
from stores.journal import GROUP, STREAM, VANISHED
from tests.integration.consumers import AGES_S, age, first, held, pending, say, say_quickly, taken
from tests.journals import EVENT, Caller, in_database


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


def test_what_another_has_stored_meanwhile_did_not_vanish(caller: Caller, a: ConsumerGroup) -> None:
    """After a node's restart all is delivered anew, to whoever asks first, also what somebody holds."""
    ids = say(caller, 3)
    for _ in range(3):
        first(a)
    drain = a.take(AGES_S)
    seen = next(drain).ids
    caller.redis.xack(STREAM, GROUP, *ids[1:2])  # as the other does
    seen += [entry_id for batch in drain for entry_id in batch.ids]
    assert seen == [ids[0], ids[2]]
    assert caller.redis.get(VANISHED) is None


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
