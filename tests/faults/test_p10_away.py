"""P10. A store is away, or the journal full: callers are told at once, nothing is dropped, and it mends by itself."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from uuid import uuid4

import pytest

from local.stack import Stack
from stores import scylla
from stores.consumer_group import IDLE_MS_MAX
from stores.dead_letters import COUNT_OPEN
from stores.journal import BELL, GROUP, STREAM, WAITING_MS_MAX
from tasks.messages import drain
from tests.faults.road import WORKERS, Answered, Chat, Road, own_road
from tests.waiting import wait_until

AT_ONCE_S_MAX = 1.0
"""What a caller may wait for the news that a store is away."""
FIRST_S_MAX = 8.0
"""Who came before it was known to hang waits for its time-out, 5 s, and no second one."""
CAUGHT_UP_S_MAX = 20.0
"""Seconds, on a busy machine; the rows are stored 2 to 4 s after the store's return on one that is not."""
AWAY_S = {"gone": 4.0, "hanging": 13.0}
"""Longer than what a worker waits for: its next ring; of one that hangs ScyllaDB's time-out, 10 s."""
TRIES_MIN = 2
TIME_OUT_S = 3.0
"""ScyllaDB's, for one worker that has less patience than ours."""
TIME_OUTS_MAX = 2.9
assert TIME_OUTS_MAX * scylla.REQUEST_S_MAX * 1_000 < IDLE_MS_MAX / 2
ROOM_BYTES = 2_000_000
TEXT = "가" * 1_000


@pytest.fixture(scope="module")
def road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with own_road(stack, tmp_path_factory.mktemp("road")) as made:
        made.start(*WORKERS)
        yield made


@pytest.fixture
def chat(road: Road) -> Chat:
    """A new event with one message that is stored, so that everything is connected."""
    made = road.new_chat()
    assert made.say("처음").status == HTTPStatus.ACCEPTED
    wait_until("the first message is stored", made.follow)
    return made


def accepted(answer: Answered) -> int:
    """The seq that was promised."""
    assert answer.status == HTTPStatus.ACCEPTED, answer.body
    return int(answer.body["seq"])


def open_dead_letters(road: Road) -> int:
    with road.worker("looks") as stores, stores.postgres.connection() as connection:
        row = connection.execute(COUNT_OPEN).fetchone()
        assert row is not None
        return int(row[0])


def assert_refused(answer: Answered, kind: str) -> None:
    """503, with the reason and when to come again."""
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE, answer.body
    assert answer.body["type"].endswith(kind)
    assert int(answer.headers["retry-after"]) > 0


def test_a_full_journal_answers_503_drops_nothing_and_frees_itself(road: Road, chat: Chat) -> None:
    road.wait_drained()
    road.stop(*WORKERS)
    used = int(road.redis.info("memory")["used_memory"])
    road.redis.config_set("maxmemory", used + ROOM_BYTES)
    taken = 1
    while (answer := chat.say_all([TEXT] * 100)).status == HTTPStatus.ACCEPTED:
        taken += len(answer.body["results"])
        assert taken < 10_000, "it was never full"
    assert_refused(answer, "journal-full")
    while (answer := chat.say(TEXT)).status == HTTPStatus.ACCEPTED:  # there is room for a small one
        taken += 1
    assert_refused(answer, "journal-full")
    assert taken > 100
    road.redis.config_set("maxmemory", int(road.redis.info("memory")["used_memory"]) - ROOM_BYTES // 4)
    road.start(*WORKERS)
    wait_until("it takes messages again", lambda: chat.say().status == HTTPStatus.ACCEPTED, 60)
    wait_until("all is stored", lambda: len(chat.follow()) == taken + 1)
    road.redis.config_set("maxmemory", 0)
    assert [message["seq"] for message in chat.follow()] == list(range(1, taken + 2))
    assert chat.unread() == taken + 1


def test_a_journal_that_was_killed_is_answered_503_at_once_and_what_it_took_is_there_after(
    road: Road, chat: Chat
) -> None:
    with road.gone("journal"):
        for _ in range(5):
            answer = chat.say()
            assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert answer.seconds < AT_ONCE_S_MAX
    wait_until("it takes messages again", lambda: chat.say("나중").status == HTTPStatus.ACCEPTED, 60)
    wait_until("it is stored", lambda: [m["message"] for m in chat.follow()] == ["처음", "나중"])


def test_a_journal_that_hangs_keeps_only_those_waiting_who_came_first(road: Road, chat: Chat) -> None:
    with ThreadPoolExecutor(8) as callers:
        with road.hanging("journal"):
            first = [callers.submit(chat.say, "먼저") for _ in range(4)]
            wait_until("it is known to hang", lambda: chat.say().seconds < AT_ONCE_S_MAX)
            later = [chat.say() for _ in range(50)]
            assert max(answer.seconds for answer in later) < AT_ONCE_S_MAX
            for answer in later:
                assert_refused(answer, "store-away")
            for waiting in first:
                assert waiting.result().status == HTTPStatus.SERVICE_UNAVAILABLE
                assert waiting.result().seconds < FIRST_S_MAX
        began = time.monotonic()
        wait_until("it takes messages again", lambda: chat.say("나중").status == HTTPStatus.ACCEPTED)
        assert time.monotonic() - began < 5
    road.wait_drained()


@pytest.mark.parametrize("how", ["gone", "hanging"])
def test_without_the_broker_a_message_is_taken_as_quickly_as_ever(road: Road, chat: Chat, how: str) -> None:
    usual = sorted(chat.say().seconds for _ in range(50))
    with road.gone("broker") if how == "gone" else road.hanging("broker"):
        without = []
        for _ in range(50):
            road.redis.delete(BELL)  # each asks for a ring
            answer = chat.say()
            accepted(answer)
            without.append(answer.seconds)
    without.sort()
    print(f"{how}: p50 {usual[25]:.4f} s with, {without[25]:.4f} s without; slowest {usual[-1]:.4f}, {without[-1]:.4f}")
    assert without[25] < 3 * usual[25] + 0.01
    assert without[-1] < AT_ONCE_S_MAX
    wait_until("all is stored", lambda: len(chat.follow()) == 101, 60)


@pytest.mark.parametrize("how", ["gone", "hanging"])
def test_without_the_broker_a_webhook_is_stored_and_answered_as_quickly_as_ever(
    road: Road, chat: Chat, how: str
) -> None:
    """P8, P10. Its row is the job: the sweep rings for it."""
    order = f"nobodys-{uuid4().hex}"
    usual = sorted(webhook(chat, f"{order}-with", n) for n in range(30))
    with road.gone("broker") if how == "gone" else road.hanging("broker"):
        without = sorted(webhook(chat, f"{order}-without", n) for n in range(30))
    print(f"{how}: p50 {usual[15]:.4f} s with, {without[15]:.4f} s without; slowest {usual[-1]:.4f}, {without[-1]:.4f}")
    assert without[15] < 3 * usual[15] + 0.01
    assert without[-1] < AT_ONCE_S_MAX
    count = "SELECT count(*) FROM payment_webhooks WHERE order_id = %s"
    with road.worker("looks") as stores, stores.postgres.connection() as connection:
        assert connection.execute(count, (f"{order}-without",)).fetchone() == (30,)


def webhook(chat: Chat, order_id: str, number: int) -> float:
    """Seconds until a hint of Toss was answered 200."""
    data = {"orderId": order_id, "paymentKey": f"t{number}", "status": "DONE"}
    answer = chat.ask("POST", "/webhooks/toss", {"eventType": "PAYMENT_STATUS_CHANGED", "data": data})
    assert answer.status == HTTPStatus.OK, answer.body
    return answer.seconds


@pytest.mark.parametrize("how", ["gone", "hanging"])
def test_messages_are_taken_while_scylladb_is_away_and_stored_by_themselves_after(
    stack: Stack, road: Road, chat: Chat, how: str
) -> None:
    """No attempt is counted and nothing becomes a dead letter, however long it takes and however often it is tried."""
    letters, before, began = open_dead_letters(road), drains_stopped(road), time.monotonic()
    taken = 1

    def taken_all_the_while() -> bool:
        nonlocal taken
        answer = chat.say(f"{taken}")
        taken = accepted(answer)
        assert answer.seconds < AT_ONCE_S_MAX
        assert max(road.pending().values(), default=0) <= 1, "an attempt was counted"
        return time.monotonic() - began > AWAY_S[how] and drains_stopped(road) - before >= TRIES_MIN

    with scylladb_away(stack, how):
        wait_until("workers have tried and tried again", taken_all_the_while, 90)
        tries, away_s = drains_stopped(road) - before, time.monotonic() - began
    began = time.monotonic()
    wait_until("all is stored", lambda: len(chat.follow()) == taken, 60)
    took = time.monotonic() - began
    print(f"{how} {away_s:.0f} s: {taken} taken, {tries} drains tried; all stored {took:.1f} s after its return")
    assert tries < 2 * away_s, "every message rang, and every ring tried"
    assert took < CAUGHT_UP_S_MAX
    assert open_dead_letters(road) == letters
    assert chat.unread() == taken


def test_a_drain_that_scylladb_leaves_without_an_answer_ends_before_others_take_it_over(
    stack: Stack, road: Road, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for one time-out or two, not for one a batch: meanwhile its entries would be taken over by others."""
    monkeypatch.setattr(scylla, "REQUEST_S_MAX", TIME_OUT_S)
    road.wait_drained()
    road.stop(*WORKERS)
    with road.worker("left alone") as stores:
        group = stores.groups[0]
        accepted(chat.say())
        drain(stores, group)  # connected
        for _ in range(3):
            assert chat.say_all(["가"] * 1_000).status == HTTPStatus.ACCEPTED
        with scylladb_away(stack, "hanging"):
            began = time.monotonic()
            drain(stores, group)
            took = time.monotonic() - began
        print(f"a drain of 3,000 messages gave up after {took:.1f} s")
        assert TIME_OUT_S <= took < TIME_OUTS_MAX * TIME_OUT_S
        assert not any(road.pending().values())
    road.start(*WORKERS)
    wait_until("all is stored", lambda: len(chat.follow()) == 3_002, 60)


@contextmanager
def scylladb_away(stack: Stack, how: str) -> Iterator[None]:
    """Killed, or there and answering nothing."""
    if how == "gone":
        stack.kill("cassandra", stay_down=True)
    else:
        os.kill(stack.pid("cassandra"), signal.SIGSTOP)
    try:
        yield
    finally:
        if how == "gone":
            stack.start("cassandra")
        else:
            os.kill(stack.pid("cassandra"), signal.SIGCONT)


def drains_stopped(road: Road) -> int:
    """How many drains have ended because a store was away, as the workers' log says."""
    return road.log("worker-messages").count('"action": "drain_stopped"')


def test_a_journal_whose_oldest_entry_has_waited_for_over_a_week_takes_no_more(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with own_road(stack, tmp_path_factory.mktemp("stale")) as stale:
        chat = stale.new_chat()
        week_ago = int(time.time() * 1_000) - WAITING_MS_MAX
        over = stale.redis.xadd(STREAM, {"f": "1"}, id=f"{week_ago - 1_000}-0")
        wait_until("it takes no more", lambda: chat.say().status == HTTPStatus.SERVICE_UNAVAILABLE)
        assert_refused(chat.say(), "journal-full")
        stale.redis.xreadgroup(GROUP, "test", {STREAM: ">"}, count=1)
        assert_refused(chat.say(), "journal-full")
        stale.redis.xack(STREAM, GROUP, over)
        wait_until("it takes messages again", lambda: chat.say().status == HTTPStatus.ACCEPTED)
