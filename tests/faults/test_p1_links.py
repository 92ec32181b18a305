"""P1, P2. A link that is cut after the server has replied and before the client has heard it, again and again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from celery import Celery

from local.apps import PROGRAMS
from local.probes import LOOPBACK
from local.stack import ROOT, Stack
from stores.journal import STREAM
from stores.journal_functions import APPEND
from tasks.messages import drain
from tests.faults import plain_celery
from tests.faults.plain_celery import DONE, QUEUE
from tests.faults.proxy import Proxy
from tests.faults.road import PASSWORD, Chat, Road, own_road
from tests.waiting import wait_until

MESSAGES = 3
COMMANDS = [b"XREADGROUP", b"XCLAIM", b"XREADGROUP", b"XREADGROUP", b"XPENDING", b"XACK", b"XAUTOCLAIM"]
"""In this order each has something to lose: a drain claims (XCLAIM) what an earlier one was sent and never heard."""
ROUNDS = 4
RESENT = 60
TASKS = 60
QUIET = ("--without-mingle", "--without-gossip", "--without-heartbeat")
CUTS = 12


@pytest.fixture(scope="module")
def road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with own_road(stack, tmp_path_factory.mktemp("road"), proxied=True) as made:
        yield made


@pytest.fixture
def chat(road: Road) -> Chat:
    return road.new_chat()


def test_what_a_worker_was_sent_and_never_heard_is_stored_all_the_same(road: Road, chat: Chat) -> None:
    """P1. Whichever of its commands loses its reply: the same worker, on its next ring, finds what it holds."""
    texts: list[str] = []
    cuts = road.proxy.cuts
    with road.worker("cut", road.proxied_journal_url) as stores:
        for command in COMMANDS * ROUNDS:
            for _ in range(MESSAGES):
                texts.append(f"{len(texts)}")
                assert chat.say(texts[-1]).status == HTTPStatus.ACCEPTED
            road.proxy.lose_replies_to(command)
            drain(stores, stores.groups[0])
        drain(stores, stores.groups[0])
    assert road.waits() == 0
    assert [message["message"] for message in chat.follow()] == texts
    assert chat.unread() == len(texts)
    assert road.proxy.cuts - cuts == len(COMMANDS) * ROUNDS, "not every command lost its reply"


def test_a_message_whose_acknowledgement_was_lost_on_its_way_to_ingest_counts_once(road: Road, chat: Chat) -> None:
    """P2. Ingest asks again with the same key, and the journal answers what it answered before."""
    before, cuts = operations(road), road.proxy.cuts
    for number in range(RESENT):
        road.proxy.lose_replies_to(APPEND.encode())
        answer = chat.say()
        assert (answer.status, answer.body["seq"]) == (HTTPStatus.ACCEPTED, number + 1)
    assert road.proxy.cuts - cuts == RESENT
    assert operations(road) - before == RESENT
    with road.worker("sound") as stores:
        drain(stores, stores.groups[0])
    assert [message["seq"] for message in chat.follow()] == list(range(1, RESENT + 1))


def test_a_message_whose_outcome_nobody_knows_counts_once_when_it_is_sent_again(road: Road, chat: Chat) -> None:
    """P2. Both replies are lost: 503 says so, and the same client_id gets the first answer."""
    before = operations(road)
    for number in range(5):
        client_id = uuid4().hex
        road.proxy.lose_replies_to(APPEND.encode(), times=2)
        unknown = chat.say(client_id=client_id)
        assert unknown.status == HTTPStatus.SERVICE_UNAVAILABLE
        assert unknown.body["type"].endswith("outcome-unknown")
        again = chat.say(client_id=client_id)
        assert (again.status, again.body["seq"]) == (HTTPStatus.ACCEPTED, number + 1)
        assert chat.say(client_id=client_id).body == again.body
    assert operations(road) - before == 5


def test_a_plain_celery_task_with_acks_late_is_lost_on_such_a_link(road: Road, tmp_path: Path) -> None:
    """Why there is a journal: the same cuts, with `acks_late`, and what was in the lost replies is gone for good."""
    url = f"redis://:{PASSWORD}@{LOOPBACK}:{road.ports.broker}/1"
    with redis.Redis.from_url(url) as broker, Proxy(road.ports.broker) as proxy:
        send_all(url)
        proxy.lose_replies_to(b"BRPOP", CUTS)
        with plain_worker(f"redis://:{PASSWORD}@{LOOPBACK}:{proxy.port}/1", url, tmp_path / "plain.log"):
            wait_until("its replies were lost", lambda: proxy.cuts == CUTS, 60)
            wait_until("it could deliver nothing any more", lambda: not deliverable(broker), 60)
        done: Any = broker.smembers(DONE)
    lost = TASKS - len(done)
    print(f"plain Celery with acks_late: {CUTS} replies lost, {lost} of {TASKS} tasks lost")
    assert lost > 0


def operations(road: Road) -> int:
    """How many operations the journal holds: here each is an entry of its own, and nobody trims."""
    return int(road.redis.xlen(STREAM))


def send_all(url: str) -> None:
    with Celery("sender", broker=url, set_as_current=False) as sender:
        for number in range(TASKS):
            sender.send_task("plain.store", (number,), queue=QUEUE)


def deliverable(broker: "redis.Redis") -> int:
    """Tasks that Celery could still deliver: in its queue, or held without an acknowledgement."""
    return int(broker.llen(QUEUE)) + int(broker.hlen("unacked"))


@contextmanager
def plain_worker(broker_url: str, done_url: str, log: Path) -> Iterator[None]:
    """A Celery worker of plain tasks, until the end."""
    environ = {**os.environ, "PLAIN_BROKER_URL": broker_url, "PLAIN_DONE_URL": done_url}
    argv = (PROGRAMS / "celery", "-A", plain_celery.__name__, "worker", "-P", "solo", "-Q", QUEUE, *QUIET)
    with (
        log.open("wb") as output,
        subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=output, stderr=output) as worker,
    ):
        try:
            yield
        finally:
            worker.kill()
