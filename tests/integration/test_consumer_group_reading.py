"""How a drain reads the journal, on a real Valkey: batches, what cannot be read, lost replies, and the bell."""

from collections.abc import Iterator

import pytest

from domain.errors import Away
from local.stack import Stack
from stores.consumer_group import BATCH_OPERATIONS, ConsumerGroup, open_sync
from stores.journal import STREAM
from tests.faults.proxy import Proxy
from tests.integration.consumers import AGES_S, age, first, held, say, taken
from tests.journals import EVENT, Caller, in_database, said


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
