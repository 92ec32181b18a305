"""P3. Who follows an event misses none of its messages, however late and in whatever order workers store them."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus

import pytest

from domain.entries import Entry, EntryId
from domain.ids import NIL
from local.stack import Stack
from stores.connections import Stores
from tasks.messages import apply
from tests.faults.road import Chat, Road, own_road
from tests.waiting import wait_until

MESSAGES = 60
SENDERS = 4
WORKERS = 3
KEPT_BACK = 12
"""How many entries a slow worker holds back while others come."""
NOTHING_SETTLED = EntryId(0, 0)


@pytest.fixture(scope="module")
def road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with own_road(stack, tmp_path_factory.mktemp("road")) as made:
        yield made


class Follower:
    """Asks again and again for what comes after the last message it has seen."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._cursor = str(NIL)
        self.seen: list[int] = []

    def look(self) -> list[int]:
        """Read one page; all seqs seen so far."""
        page = self._chat.page(self._cursor)
        self.seen += [message["seq"] for message in page["messages"]]
        self._cursor = page["next"]
        return self.seen


class SlowWorker:
    """Takes entries as a worker does and stores them late and in no order, each as the drain would."""

    def __init__(self, stores: Stores, seed: int, kept_back: int = KEPT_BACK) -> None:
        self._stores = stores
        self._kept_back = kept_back
        self._group = stores.groups[0]
        self._group.prepare()
        self._random = random.Random(seed)  # noqa: S311
        self._kept: list[Entry] = []

    def take(self, seconds: float) -> None:
        """Read what there is; store any of what is held beyond what is to be held back."""
        for batch in self._group.take(seconds):
            self._kept += batch.entries
            while len(self._kept) > self._kept_back:
                self.store_one()

    def store_one(self) -> bool:
        """Store any one of those held; False if none is."""
        if not self._kept:
            return False
        entry = self._kept.pop(self._random.randrange(len(self._kept)))
        refused, waiting = apply(self._stores.scylla, [entry], NOTHING_SETTLED)
        assert (refused, waiting) == ([], frozenset())
        self._group.ack([entry.id])
        return True


@pytest.mark.parametrize("seed", [1, 2])
def test_a_follower_sees_all_in_order_whatever_order_they_are_stored_in(road: Road, seed: int) -> None:
    """It looks after each and every row that is stored."""
    chat = road.new_chat()
    for number in range(MESSAGES):
        assert chat.say(f"{number}").status == HTTPStatus.ACCEPTED
    follower, late = Follower(chat), 0
    with road.worker("slow") as stores:
        worker = SlowWorker(stores, seed, kept_back=MESSAGES)
        worker.take(1.0)
        while worker.store_one():
            follower.look()
            assert follower.seen == list(range(1, len(follower.seen) + 1))
            late += len(follower.seen) < MESSAGES
    assert late > MESSAGES / 2, "they were stored in order: this proved nothing"
    assert follower.seen == list(range(1, MESSAGES + 1))


def test_a_follower_misses_nothing_while_many_send_and_slow_workers_store(road: Road) -> None:
    chat = road.new_chat()
    all_said = threading.Event()

    def send() -> None:
        for number in range(MESSAGES):
            assert chat.say(f"{number}").status == HTTPStatus.ACCEPTED

    def work(stores: Stores, seed: int) -> None:
        worker = SlowWorker(stores, seed)
        while not all_said.is_set() or road.waits():
            worker.take(0.1)
            while all_said.is_set() and worker.store_one():
                pass

    def follow() -> list[int]:
        follower = Follower(chat)
        wait_until("all was seen", lambda: len(follower.look()) >= SENDERS * MESSAGES, 60)
        return follower.seen

    with ExitStack() as opened, ThreadPoolExecutor(SENDERS + WORKERS + 2) as threads:
        stores = [opened.enter_context(road.worker(f"slow-{seed}")) for seed in range(WORKERS)]
        followers = [threads.submit(follow) for _ in range(2)]
        working = [threads.submit(work, each, seed) for seed, each in enumerate(stores)]
        for sending in [threads.submit(send) for _ in range(SENDERS)]:
            sending.result()
        all_said.set()
        for each in working:
            each.result()
        for seen in followers:
            assert seen.result() == list(range(1, SENDERS * MESSAGES + 1))
