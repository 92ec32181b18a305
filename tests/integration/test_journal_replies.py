"""P1, P2. A call whose reply was lost is made again, and counts once: a proxy cuts after the server has replied."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from domain.errors import OutcomeUnknown
from domain.submissions import Receipt
from local.stack import Stack
from stores.journal import Journal, open_async
from stores.journal_functions import APPEND
from tests.faults.proxy import Proxy
from tests.journals import EVENT, Caller, in_database, said

CALLS = 60


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    made = Caller(in_database(stack.env["TIMINGLE_JOURNAL_URLS"], 2))
    made.start_anew()
    made.seed(EVENT)
    yield made
    made.close()


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    with Proxy(stack.ports.journal) as made:
        yield made


@pytest.fixture
async def journal(stack: Stack, caller: Caller, proxy: Proxy) -> AsyncIterator[Journal]:
    made = Journal(0, open_async(caller.url.replace(f":{stack.ports.journal}/", f":{proxy.port}/")))
    yield made
    await made.close()


async def test_a_message_whose_reply_was_lost_counts_once(caller: Caller, proxy: Proxy, journal: Journal) -> None:
    proxy.lose_replies_to(APPEND.encode())
    (answer,) = (await journal.append([said()])).answers
    assert proxy.cuts == 1
    assert isinstance(answer, Receipt)
    assert answer.seq == 1
    assert len(caller.entries()) == 1


async def test_twice_lost_the_outcome_is_unknown_and_asked_again_it_counts_once(
    caller: Caller, proxy: Proxy, journal: Journal
) -> None:
    proxy.lose_replies_to(APPEND.encode(), times=2)
    with pytest.raises(OutcomeUnknown):
        await journal.append([said(client_id="a")])
    assert proxy.cuts == 2
    assert len(caller.entries()) == 1
    (answer,) = (await journal.append([said(client_id="a")])).answers
    assert isinstance(answer, Receipt)
    assert answer.seq == 1
    assert len(caller.entries()) == 1


async def test_of_many_calls_at_once_each_counts_once_whichever_reply_is_lost(
    caller: Caller, proxy: Proxy, journal: Journal
) -> None:
    """Calls of one turn share a pipeline: with its connection all of their replies are lost."""
    for _ in range(5):
        proxy.lose_replies_to(APPEND.encode(), times=1)
        await asyncio.gather(*(journal.append([said(), said()]) for _ in range(CALLS // 5)))
    assert proxy.cuts == 5
    seqs = [int(seq) for _, fields in caller.entries() for seq in fields[b"s"].split(b",")]
    assert seqs == list(range(1, 2 * CALLS + 1))


async def test_a_reply_that_was_lost_does_not_set_the_register_back(
    caller: Caller, proxy: Proxy, journal: Journal
) -> None:
    proxy.lose_replies_to(b"FCALL")
    assert await journal.seed(EVENT, 0, redis_up_s=0) == 0
    assert proxy.cuts == 1
    caller.append(said(), said())
    proxy.lose_replies_to(b"FCALL")
    assert await journal.last_seq(EVENT) == 2
    assert proxy.cuts == 2
