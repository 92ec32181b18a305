"""The sweep on a real Valkey: how far all is stored, what is trimmed and when, and delivery anew after a loss (P1)."""

import time
from collections.abc import Iterator

import pytest

from domain.entries import EntryId
from local.stack import Stack
from stores.consumer_group import IDLE_MS_MAX, WAITING, ConsumerGroup
from stores.journal import CLOCK, GROUP, NOTES, STREAM, VANISHED
from stores.journal_functions import LIBRARY, SWEEP, VERSION
from tests.journals import EVENT, Caller, in_database
from tests.waiting import wait_until

AGES_S = 30.0
NODES, RESTARTED = "a:1,b:1", "a:1,b:2"
LONG_S = 3_600
CLOCK_S = 0.001
"""Redis tells milliseconds: of two of its times the difference may be that much less."""


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    made = Caller(in_database(stack.env["TIMINGLE_JOURNAL_URLS"], 2))
    made.start_anew()
    made.seed(EVENT)
    yield made
    made.close()


@pytest.fixture
def group(caller: Caller) -> Iterator[ConsumerGroup]:
    """A consumer on a journal whose nodes are known: the first sweep of all delivers anew."""
    with caller.consumer("a") as made:
        assert made.sweep(0, NODES).delivered_anew
        yield made


def kept(caller: Caller) -> list[str]:
    return [entry_id for entry_id, _ in caller.entries()]


def say(caller: Caller, entries: int) -> list[str]:
    caller.say(entries)
    return kept(caller)[-entries:]


def consumers(caller: Caller) -> set[str]:
    return {consumer["name"].decode() for consumer in caller.redis.xinfo_consumers(STREAM, GROUP)}


def store_all(group: ConsumerGroup) -> list[str]:
    """Take and acknowledge all that is there; the ids."""
    seen: list[str] = []
    for batch in group.take(AGES_S):
        seen += batch.ids
        group.ack(batch.ids)
    return seen


def settle(group: ConsumerGroup, nodes: str = NODES) -> int:
    """Note how far all is stored, and act on the note; how many entries were trimmed."""
    return sum(group.sweep(0, nodes).trimmed for _ in range(2))


def test_what_is_stored_is_trimmed_and_the_rest_is_kept(caller: Caller, group: ConsumerGroup) -> None:
    say(caller, 3)
    store_all(group)
    new = say(caller, 2)
    assert settle(group) == 3
    assert kept(caller) == new
    assert store_all(group) == new


def test_what_nobody_has_read_is_never_trimmed(caller: Caller, group: ConsumerGroup) -> None:
    ids = say(caller, 3)
    assert settle(group) == 0
    assert kept(caller) == ids


def test_nothing_is_trimmed_from_the_first_entry_that_somebody_holds(caller: Caller, group: ConsumerGroup) -> None:
    ids = say(caller, 9)
    next(group.take(AGES_S))
    group.ack(ids[:3] + ids[4:])
    assert settle(group) == 3
    assert kept(caller) == ids[3:]
    group.ack(ids[3:4])
    assert settle(group) == 6
    assert kept(caller) == []


def test_what_was_handed_back_or_parked_is_not_trimmed(caller: Caller, group: ConsumerGroup) -> None:
    ids = say(caller, 4)
    next(group.take(AGES_S))
    group.ack(ids[:1])
    group.park(ids[1:2])
    group.ack(ids[2:3])
    group.hand_back()
    assert settle(group) == 1
    assert kept(caller) == ids[1:]


def test_what_is_stored_is_kept_for_as_long_as_a_node_may_take_to_sync_it(caller: Caller, group: ConsumerGroup) -> None:
    keep_s = 0.3
    say(caller, 3)
    store_all(group)
    began = time.monotonic()
    wait_until("trimmed", lambda: group.sweep(keep_s, NODES).trimmed == 3)
    assert time.monotonic() - began >= keep_s - CLOCK_S


def test_while_a_note_is_young_nothing_is_trimmed(caller: Caller, group: ConsumerGroup) -> None:
    ids = say(caller, 3)
    store_all(group)
    assert sum(group.sweep(LONG_S, NODES).trimmed for _ in range(5)) == 0
    assert kept(caller) == ids


@pytest.mark.parametrize("nodes", [RESTARTED, "a:1", "a:1,b:1,c:1", "a:2,b:1"])
def test_when_a_node_restarted_all_that_is_kept_is_delivered_once_more(
    caller: Caller, group: ConsumerGroup, nodes: str
) -> None:
    """A node that was killed may have lost what it had acknowledged and not yet synced."""
    say(caller, 2)
    store_all(group)
    settle(group)
    ids = say(caller, 3)
    assert store_all(group) == ids
    group.sweep(LONG_S, NODES)
    swept = group.sweep(0, nodes)
    assert (swept.delivered_anew, swept.trimmed) == (True, 0)
    assert swept.waiting == len(ids)
    assert settle(group, nodes) == 0, "what was noted before counts no more"
    assert group.has_work()
    assert store_all(group) == ids
    info = caller.redis.xinfo_groups(STREAM)[0]
    assert (info["lag"], info["pending"]) == (0, 0)
    assert not group.has_work()
    assert settle(group, nodes) == 3


def test_an_empty_journal_has_no_work_after_a_node_restarted(caller: Caller, group: ConsumerGroup) -> None:
    """Nobody would ever read what was trimmed, and the sweep would ring for it for ever."""
    say(caller, 3)
    store_all(group)
    settle(group)
    assert group.sweep(0, RESTARTED).waiting == 0
    assert not group.has_work()
    say(caller, 1)
    assert group.sweep(0, RESTARTED).waiting == 1


def test_the_lag_is_right_after_delivery_anew_while_it_is_being_read(caller: Caller, group: ConsumerGroup) -> None:
    ids = say(caller, 130)
    store_all(group)
    group.sweep(0, RESTARTED)
    reading = group.take(AGES_S)
    read = len(next(reading).ids)
    assert caller.redis.xinfo_groups(STREAM)[0]["lag"] == len(ids) - read
    new = say(caller, 5)
    assert caller.redis.xinfo_groups(STREAM)[0]["lag"] == len(ids) + len(new) - read


def test_what_is_held_when_a_node_restarts_is_delivered_anew_too_and_stored_once(
    caller: Caller, group: ConsumerGroup
) -> None:
    ids = say(caller, 4)
    next(group.take(AGES_S))
    group.ack(ids[:2])
    group.park(ids[2:3])
    group.sweep(0, RESTARTED)
    with caller.consumer("b") as other:
        assert store_all(other) == ids
    assert store_all(group) == []
    assert not group.has_work()
    assert settle(group, RESTARTED) == 4


def test_while_a_node_is_away_nothing_is_trimmed_and_its_return_delivers_anew(
    caller: Caller, group: ConsumerGroup
) -> None:
    """It may come back without what it had not synced, and its neighbours may have missed what it missed."""
    ids = say(caller, 3)
    store_all(group)
    group.sweep(0, NODES)
    for _ in range(3):
        swept = group.sweep(0, "")
        assert (swept.trimmed, swept.delivered_anew) == (0, False)
    swept = group.sweep(0, NODES)
    assert (swept.trimmed, swept.delivered_anew) == (0, True)
    assert kept(caller) == store_all(group) == ids
    assert settle(group) == 3


def test_two_sweeps_at_once_do_as_one(caller: Caller, group: ConsumerGroup) -> None:
    """Two beats: each sweep is one piece."""
    ids = say(caller, 6)
    next(group.take(AGES_S))
    group.ack(ids[:4])
    with caller.consumer("b") as other:
        assert sum(one.sweep(0, NODES).trimmed for one in (group, other, other, group)) == 4
        assert [one.sweep(0, RESTARTED).delivered_anew for one in (group, other)] == [True, False]
    assert kept(caller) == ids[4:]


def test_nothing_is_settled_before_the_first_sweep(caller: Caller) -> None:
    with caller.consumer("a") as group:
        assert group.settled() == EntryId(0, 0)


def test_what_waits_for_a_verdict_holds_the_journal_but_not_the_verdicts(caller: Caller, group: ConsumerGroup) -> None:
    """A hundred forged edits in a row get theirs together, and not one after the other."""
    ids = say(caller, 4)
    next(group.take(AGES_S))
    group.park(ids[1:2])
    group.ack([ids[0], *ids[2:]])
    assert settle(group) == 1
    assert group.settled() > EntryId.parse(ids[3])


def test_what_a_consumer_holds_holds_the_verdicts(caller: Caller, group: ConsumerGroup) -> None:
    """Its creates may not be stored yet, and a verdict would say that they never were."""
    ids = say(caller, 4)
    next(group.take(AGES_S))
    group.ack([ids[0], *ids[2:]])
    settle(group)
    assert group.settled() == EntryId.parse(ids[1])


def test_what_nobody_has_read_holds_the_verdicts(caller: Caller, group: ConsumerGroup) -> None:
    say(caller, 1)
    store_all(group)
    ids = say(caller, 2)
    settle(group)
    assert group.settled() <= EntryId.parse(ids[0])


def test_verdicts_wait_until_creates_are_on_disk_and_never_go_back(caller: Caller, group: ConsumerGroup) -> None:
    (entry_id,) = say(caller, 1)
    store_all(group)
    for _ in range(3):
        group.sweep(LONG_S, NODES)
    assert group.settled() < EntryId.parse(entry_id)
    settle(group)
    settled = group.settled()
    assert settled > EntryId.parse(entry_id)
    for nodes in (RESTARTED, "", NODES):
        settle(group, nodes)
        assert group.settled() == settled


def test_a_sweep_says_how_much_waits_and_what_the_clock_is(caller: Caller, group: ConsumerGroup) -> None:
    say(caller, 5)
    next(group.take(AGES_S))
    say(caller, 2)
    swept = group.sweep(0, NODES)
    assert (swept.waiting, swept.clock) == (7, int(caller.redis.get(CLOCK) or 0))


def test_the_notes_stay_few_however_often_it_sweeps(caller: Caller, group: ConsumerGroup) -> None:
    say(caller, 1)
    for _ in range(50):
        group.sweep(0, NODES)
    assert caller.redis.strlen(NOTES) < 500


def test_an_entry_that_vanishes_while_somebody_holds_it_is_counted(caller: Caller, group: ConsumerGroup) -> None:
    """That metric must stay 0; here entries are trimmed by hand, to see that it would not."""
    ids = say(caller, 4)
    next(group.take(AGES_S))
    caller.redis.xclaim(STREAM, GROUP, "dead", 0, [*ids[:2]], idle=IDLE_MS_MAX + 1_000, justid=True)
    caller.redis.xtrim(STREAM, minid=ids[3], approximate=False)
    assert store_all(group) == ids[3:]
    assert caller.redis.get(VANISHED) == b"3"


def test_a_consumer_that_is_idle_goes_only_if_it_holds_nothing(caller: Caller, group: ConsumerGroup) -> None:
    """XGROUP DELCONSUMER throws pending entries away: nobody would ever store them.

    An hour is too long for a test: this is the same library with another limit, under another name.
    """
    hour, name = "consumer['idle'] > 3600000", SWEEP.replace(VERSION, "test")
    assert hour in LIBRARY
    library = LIBRARY.replace(hour, "consumer['idle'] >= 0").replace(VERSION, "test")
    caller.redis.function_load(library, replace=True)
    (entry_id,) = say(caller, 1)
    next(group.take(AGES_S))
    caller.redis.xgroup_createconsumer(STREAM, GROUP, "gone")
    group.sweep(0, NODES)
    assert consumers(caller) == {"a", "gone"}, "not yet idle for an hour"
    caller.redis.fcall(name, 3, STREAM, NOTES, CLOCK, GROUP, WAITING, 0, NODES)
    caller.redis.function_delete("timingle_journal_test")
    assert consumers(caller) == {"a"}
    assert store_all(group) == [entry_id]
