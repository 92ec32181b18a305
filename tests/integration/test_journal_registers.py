"""Registers, clock and limits of a journal on a Valkey of its own, which is restarted, killed, emptied and filled."""

from collections.abc import AsyncIterator, Iterator

import pytest

from domain.errors import Away, JournalFull
from domain.submissions import Answer, Receipt
from stores.journal import CLOCK, WRITE_S_MAX, Journal, SeedNeeded, open_async
from tests.journals import EVENT, Caller, OwnValkey, own_valkey, said

ROOM_BYTES = 2_000_000
LONG = "가" * 4_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnValkey]:
    with own_valkey(tmp_path_factory.mktemp("valkey")) as made:
        yield made


@pytest.fixture
def caller(server: OwnValkey) -> Iterator[Caller]:
    made = Caller(server.url)
    made.start_anew()
    yield made
    made.close()


@pytest.fixture
async def journal(server: OwnValkey, caller: Caller) -> AsyncIterator[Journal]:
    made = Journal(0, open_async(server.url))
    yield made
    await made.close()


async def test_a_register_is_made_once_with_the_highest_that_other_stores_know(journal: Journal) -> None:
    assert await journal.seed(EVENT, 5, redis_up_s=0) == 5
    assert await journal.last_seq(EVENT) == 5
    (answer,) = (await journal.append([said()])).answers
    assert isinstance(answer, Receipt)
    assert answer.seq == 6


@pytest.mark.parametrize("seq", [0, 5, 9])
async def test_a_register_of_this_run_is_right_and_stays_as_it_is(journal: Journal, seq: int) -> None:
    """Whoever seeds it at the same time may know less, or a message that was counted already."""
    await journal.seed(EVENT, 5, redis_up_s=0)
    assert await journal.seed(EVENT, seq, redis_up_s=0) == 5
    assert await journal.last_seq(EVENT) == 5


async def test_without_a_register_nobody_knows_the_last_seq(journal: Journal) -> None:
    with pytest.raises(SeedNeeded) as raised:
        await journal.last_seq(EVENT)
    assert raised.value.event_ids == (EVENT,)


@pytest.mark.parametrize("how", ["restart", "kill"])
@pytest.mark.parametrize(("known", "then"), [(0, 3), (3, 3), (9, 9)])
async def test_after_redis_started_anew_a_register_becomes_the_highest_known(
    server: OwnValkey, caller: Caller, journal: Journal, how: str, known: int, then: int
) -> None:
    """P1. What was acknowledged is still there, but an earlier run's register is not trusted alone."""
    assert [receipt.seq for receipt in caller.say(3)] == [1, 2, 3]
    getattr(server, how)()
    with pytest.raises(SeedNeeded) as raised:
        await journal.append([said()])
    assert (raised.value.event_ids, raised.value.clock) == ((EVENT,), False)
    with pytest.raises(SeedNeeded):
        await journal.last_seq(EVENT)
    assert await journal.seed(EVENT, known, redis_up_s=0) == then
    (answer,) = (await journal.append([said()])).answers
    assert isinstance(answer, Receipt)
    assert answer.seq == then + 1


async def test_a_register_is_not_made_good_while_an_old_write_may_still_be_on_its_way(
    server: OwnValkey, caller: Caller, journal: Journal
) -> None:
    caller.say(1)
    server.restart()
    for _ in range(2):
        with pytest.raises(Away) as raised:
            await journal.seed(EVENT, 0)
        assert 0 < raised.value.retry_after_s <= WRITE_S_MAX
    with pytest.raises(SeedNeeded):
        await journal.last_seq(EVENT)


async def test_versions_and_answers_outlive_a_kill(server: OwnValkey, caller: Caller, journal: Journal) -> None:
    """P1, P2. An answer is on disk, and a repeat of its client_id gets it from the next run too."""
    caller.seed(EVENT)
    (first,) = caller.append(said(client_id="a")).answers
    server.kill()
    assert (await journal.append([said(client_id="a")])).answers == (first,)
    await journal.seed(EVENT, 0, redis_up_s=0)
    (second,) = (await journal.append([said()])).answers
    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    assert (second.version > first.version, second.seq) == (True, 2)


async def test_a_redis_that_lost_functions_group_and_keys_is_prepared_by_whoever_appends(
    server: OwnValkey, caller: Caller, journal: Journal
) -> None:
    caller.redis.flushall()
    caller.redis.function_flush()
    with pytest.raises(SeedNeeded) as raised:
        await journal.append([said()])
    assert (raised.value.clock, raised.value.event_ids) == (True, (EVENT,))
    await journal.seed_clock(4_000_000_000_000_000)
    await journal.seed(EVENT, 0, redis_up_s=0)
    (answer,) = (await journal.append([said()])).answers
    assert answer == Receipt(4_000_000_000_000_001, 1, answer.random if isinstance(answer, Receipt) else 0)
    assert (await journal.state()).lag == 1


async def test_a_clock_that_is_there_is_not_set_back(caller: Caller, journal: Journal) -> None:
    caller.redis.set(CLOCK, 4_000_000_000_000_000)
    await journal.seed_clock(1)
    assert caller.redis.get(CLOCK) == b"4000000000000000"


@pytest.fixture
def small(caller: Caller) -> Iterator[None]:
    """Room for a few hundred messages."""
    used = int(caller.redis.info("memory")["used_memory"])
    caller.redis.config_set("maxmemory", used + ROOM_BYTES)
    yield
    caller.redis.config_set("maxmemory", 0)


@pytest.mark.usefixtures("small")
async def test_a_full_journal_takes_nothing_drops_nothing_and_frees_itself(caller: Caller, journal: Journal) -> None:
    """P1. Drained and swept it takes messages again: `sweep` may run at the memory limit."""
    await journal.seed(EVENT, 0, redis_up_s=0)
    taken: list[Answer] = []
    with pytest.raises(JournalFull):  # noqa: PT012  # the loop ends by it
        while len(taken) < ROOM_BYTES // 4_000:
            taken += (await journal.append([said(text=LONG)])).answers
    state = await journal.state()
    assert state.entries == len(taken) > 10
    with pytest.raises(JournalFull):
        await journal.append([said(text=LONG)])

    with caller.consumer("a") as group:
        group.sweep(0, "node:1")
        seen = []
        for batch in group.take(30):
            seen += [placed.version for entry in batch.entries for placed in entry.operations]
            group.ack(batch.ids)
        assert seen == [answer.version for answer in taken if isinstance(answer, Receipt)]
        assert group.set_bell(), "a full Redis sets no bell: then everybody may ring"
        assert [group.sweep(0, "node:1").trimmed > 0 for _ in range(2)] == [False, True]
    (answer,) = (await journal.append([said(text=LONG)])).answers
    assert isinstance(answer, Receipt)
    assert answer.seq == len(taken) + 1


async def test_what_waits_is_measured_by_its_oldest_read_or_not(caller: Caller, journal: Journal) -> None:
    state = await journal.state()
    assert (state.entries, state.lag, state.pending, state.oldest_waiting_ms, state.vanished) == (0, 0, 0, 0, 0)
    caller.redis.xadd("journal", {"f": "1"}, id="1-1")  # of 1970
    caller.say(2)
    state = await journal.state()
    assert (state.entries, state.lag, state.pending, state.is_stuck) == (3, 3, 0, True)
    with caller.consumer("a") as group:
        (batch,) = group.take(0.1)
        state = await journal.state()
        assert (state.lag, state.pending, state.is_stuck) == (0, 3, True)
        group.ack(["1-1"])
        state = await journal.state()
        assert (state.lag, state.pending, state.is_stuck) == (0, 2, False)
        group.ack(batch.ids)
        state = await journal.state()
        assert (state.lag, state.pending, state.oldest_waiting_ms) == (0, 0, 0)


async def test_an_address_without_a_server_is_away_at_once(server: OwnValkey) -> None:
    journal = Journal(0, open_async("redis://127.0.0.1:1/0"))
    with pytest.raises(Away):
        await journal.append([said()])
    await journal.close()
