"""P10. Edits of a message that never was: refused together, while good messages go their way and space is freed."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from statistics import median
from typing import Any
from uuid import UUID

import pytest

from domain.ids import RANDOM_BITS, MessageId
from local.stack import Stack
from stores.journal import STREAM
from tests.faults.road import KEEP_S, WORKERS, Chat, Road, own_road
from tests.waiting import wait_until

FORGED = 100
GOOD = 20
SWEEP_S = 2.0
SLOWER_S_MAX = 1.0
"""What a hundred forged edits may add to the time from 202 to readable, on a busy machine."""
SELECT_VERDICTS = """
    SELECT count(*), extract(epoch FROM max(created_at) - min(created_at))::float FROM dead_letters
    WHERE event_id = %s AND kind = 'edit' AND cause_code = 'no_such_message'"""


@pytest.fixture(scope="module")
def road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with own_road(stack, tmp_path_factory.mktemp("road")) as made:
        made.start(*WORKERS)
        yield made


def readable_after(chat: Chat) -> float:
    """Seconds from a message's 202 to its being read."""
    answer = chat.say()
    assert answer.status == HTTPStatus.ACCEPTED
    began = time.monotonic()
    wait_until("it can be read", lambda: is_shown(chat, answer.body["message_id"]))
    return time.monotonic() - began


def is_shown(chat: Chat, message_id: str) -> bool:
    newest: Any = chat.ask("GET", f"/events/{chat.event_id}/messages", as_user=chat.friend, limit=1).body["messages"]
    return bool(newest) and newest[0]["message_id"] == message_id


def verdicts(road: Road, chat: Chat) -> tuple[int, float]:
    """How many edits were refused because there is no such message, and the seconds from the first to the last."""
    with road.worker("looks") as stores, stores.postgres.connection() as connection:
        row = connection.execute(SELECT_VERDICTS, (chat.event_id,)).fetchone()
        assert row is not None
        return int(row[0]), row[1] or 0.0


def test_a_hundred_forged_edits_slow_nobody_and_stop_no_trimming(road: Road) -> None:
    """A participant sends them, with a seq that is there and random bits that are not: ingest cannot tell, yet."""
    chat = road.new_chat()
    usual = median(readable_after(chat) for _ in range(GOOD))
    true = MessageId.of(UUID(chat.say("진짜").body["message_id"]))
    forged = [replace(true, random=(true.random + 1 + n) % 2**RANDOM_BITS).uuid for n in range(FORGED)]
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda message_id: chat.edit(message_id, "가짜"), forged))
    assert {answer.status for answer in answers} == {HTTPStatus.ACCEPTED}
    began = time.monotonic()
    meanwhile = median(readable_after(chat) for _ in range(GOOD))
    assert verdicts(road, chat)[0] < FORGED, "they did not wait while good messages were sent"
    wait_until("all have their verdict", lambda: verdicts(road, chat)[0] == FORGED)
    took, apart = time.monotonic() - began, verdicts(road, chat)[1]
    wait_until("the journal is trimmed", lambda: road.redis.xlen(STREAM) == 0)
    trimmed = time.monotonic() - began
    print(
        f"readable after {usual * 1000:.0f} ms, with {FORGED} forged edits {meanwhile * 1000:.0f} ms; "
        f"all refused after {took:.1f} s, {apart:.1f} s apart; trimmed after {trimmed:.1f} s; KEEP is {KEEP_S} s"
    )
    assert meanwhile < usual + SLOWER_S_MAX
    assert took < KEEP_S + 6 * SWEEP_S
    assert apart < KEEP_S + 3 * SWEEP_S
    assert "가짜" not in {message["message"] for message in chat.follow()}
