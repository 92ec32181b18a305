"""The journal's `append` on a real Valkey: versions, seqs, repeats, and that it checks all before it writes any."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from domain.entries import Entry, Placed, read_entry
from domain.ids import MessageId
from domain.operations import ENTRY_OPERATIONS_MAX, Create, Edit, React, decode
from domain.submissions import REPEAT_WINDOW_MS, Receipt, Rejection
from local.stack import Stack
from stores.consumer_group import BELL_MS
from stores.journal import BELL, CLOCK, Journal, SeedNeeded, open_async, register
from tests.journals import EVENT, Caller, asked, in_database, said

OTHER_EVENT = 8
REGISTER_MS = 30 * 24 * 3_600 * 1_000
MESSAGE = MessageId(1_764_000_000_000_000, 1, 99).uuid
FAR_AHEAD = 4_000_000_000_000_000
"""A clock of the year 2096."""


@pytest.fixture
def journal(stack: Stack) -> Iterator[Caller]:
    caller = Caller(in_database(stack.env["TIMINGLE_JOURNAL_URLS"], 2))
    caller.start_anew()
    caller.seed(EVENT)
    caller.seed(OTHER_EVENT)
    yield caller
    caller.close()


def entries(journal: Caller) -> list[Entry]:
    read = [read_entry(entry_id, fields) for entry_id, fields in journal.entries()]
    return [entry for entry in read if isinstance(entry, Entry)]


def test_a_message_gets_a_version_of_now_the_first_seq_and_its_random_bits(journal: Caller) -> None:
    before = time.time_ns() // 1_000
    (answer,) = journal.append(said(random=99)).answers
    assert isinstance(answer, Receipt)
    assert before <= answer.version <= time.time_ns() // 1_000
    assert (answer.seq, answer.random) == (1, 99)


def test_an_entry_holds_the_operations_as_they_were_handed_over_in_order(journal: Caller) -> None:
    first, change, second = said(text="하나"), asked(React(EVENT, MESSAGE, 42, "👍")), said(OTHER_EVENT, "둘")
    receipts = journal.append(first, change, second).answers
    ((entry_id, fields),) = journal.entries()
    assert isinstance(receipts[0], Receipt)
    assert fields == {
        b"f": b"1",
        b"v": b"%d" % receipts[0].version,
        b"s": b"1,0,1",
        b"o": b"\xdc\x00\x03" + first.operation + change.operation + second.operation,
    }
    operations = decode(fields[b"o"])
    assert read_entry(entry_id, fields) == Entry(
        entry_id,
        tuple(
            Placed(operation, receipts[0].version + place, seq, entry_id)
            for place, (operation, seq) in enumerate(zip(operations, (1, 0, 1), strict=True))
        ),
    )


def test_an_entry_takes_a_hundred_operations(journal: Caller) -> None:
    journal.append(*(said() for _ in range(ENTRY_OPERATIONS_MAX)))
    (entry,) = entries(journal)
    assert [placed.seq for placed in entry.operations] == list(range(1, ENTRY_OPERATIONS_MAX + 1))


async def test_among_many_callers_versions_are_unique_and_grow_and_seqs_have_no_gap(journal: Caller) -> None:
    """P3. Eight processes' worth of callers, two events, a few operations each."""
    callers = [Journal(0, open_async(journal.url)) for _ in range(8)]
    calls = [
        caller.append([said((EVENT, OTHER_EVENT)[(turn + place) % 2]) for place in range(1 + turn % 4)])
        for turn in range(40)
        for caller in callers
    ]
    answered = [appended.answers for appended in await asyncio.gather(*calls)]
    await asyncio.gather(*(caller.close() for caller in callers))

    taken = [placed for entry in entries(journal) for placed in entry.operations]
    versions = [placed.version for placed in taken]
    assert versions == sorted(set(versions))
    for event in (EVENT, OTHER_EVENT):
        seqs = [placed.seq for placed in taken if placed.operation.event_id == event]
        assert seqs == list(range(1, len(seqs) + 1))
    receipts = [answer for answers in answered for answer in answers if isinstance(answer, Receipt)]
    assert sorted((r.version, r.seq) for r in receipts) == [(placed.version, placed.seq) for placed in taken]
    for answers in answered:
        places = [answer.version for answer in answers if isinstance(answer, Receipt)]
        assert places == sorted(places), "a caller's own operations keep their order"


def test_a_repeat_gets_the_first_answer_and_nothing_is_written(journal: Caller) -> None:
    """P2. Ingest drew other random bits for the repeat: the first ones count."""
    first = journal.append(said(client_id="a", random=1)).answers
    before = journal.everything()
    again = journal.append(said(client_id="a", random=2))
    assert (again.answers, again.ring) == (first, False)
    assert journal.everything() == before


def test_a_repeat_within_one_call_gets_the_first_answer(journal: Caller) -> None:
    answers = journal.append(said(client_id="a"), said(client_id="b"), said(client_id="a")).answers
    assert answers[0] == answers[2] != answers[1]
    (entry,) = entries(journal)
    assert [placed.seq for placed in entry.operations] == [1, 2]


def test_of_a_call_with_repeats_only_the_rest_is_taken(journal: Caller) -> None:
    first = journal.append(said(client_id="a"), said(client_id="b")).answers
    again = journal.append(said(client_id="b"), said(client_id="c"), said(client_id="a")).answers
    assert (again[0], again[2]) == (first[1], first[0])
    assert isinstance(again[1], Receipt)
    assert again[1].seq == 3
    assert [len(entry.operations) for entry in entries(journal)] == [2, 1]


def test_the_same_client_id_with_another_body_is_a_conflict_and_nothing_is_written(journal: Caller) -> None:
    journal.append(said(client_id="a", text="하나"))
    before = journal.everything()
    assert journal.append(said(client_id="a", text="둘")).answers == (Rejection.CONFLICT,)
    assert journal.everything() == before


def test_a_conflict_within_one_call_sinks_neither_the_first_nor_its_neighbours(journal: Caller) -> None:
    answers = journal.append(
        said(client_id="a", text="하나"), said(client_id="a", text="둘"), said(client_id="b", text="셋")
    ).answers
    assert [a.seq if isinstance(a, Receipt) else a for a in answers] == [1, Rejection.CONFLICT, 2]
    (entry,) = entries(journal)
    assert [p.operation.message for p in entry.operations if isinstance(p.operation, Create)] == ["하나", "셋"]


@pytest.mark.parametrize(("event_id", "actor_id"), [(OTHER_EVENT, 42), (EVENT, 43), (EVENT, None)])
def test_a_client_id_of_another_event_or_actor_is_another_message(
    journal: Caller, event_id: int, actor_id: int | None
) -> None:
    first = journal.append(said(client_id="a")).answers
    assert journal.append(said(event_id, client_id="a", actor_id=actor_id)).answers != first
    assert len(entries(journal)) == 2


def test_what_names_a_message_beyond_the_last_is_refused_and_nothing_is_written(journal: Caller) -> None:
    journal.append(said())
    before = journal.everything()
    edit = Edit(EVENT, MESSAGE, 42, "새 글")
    assert journal.append(asked(edit, names_seq=2)).answers == (Rejection.BEYOND,)
    assert journal.everything() == before
    assert isinstance(journal.append(asked(edit, names_seq=1)).answers[0], Receipt)


def test_what_names_a_message_of_its_own_call_is_taken_if_it_comes_after_it(journal: Caller) -> None:
    edit = Edit(EVENT, MESSAGE, 42, "새 글")
    answers = journal.append(asked(edit, names_seq=1), said(), asked(edit, names_seq=1)).answers
    assert [type(answer) for answer in answers] == [Rejection, Receipt, Receipt]


def test_what_was_beyond_the_last_may_be_asked_again_under_its_key(journal: Caller) -> None:
    edit = asked(Edit(EVENT, MESSAGE, 42, "새 글"), names_seq=1)
    assert journal.append(edit).answers == (Rejection.BEYOND,)
    journal.append(said())
    assert isinstance(journal.append(edit).answers[0], Receipt)


def lose_register(journal: Caller) -> None:
    journal.redis.delete(register(OTHER_EVENT))


def take_register_of_another_run(journal: Caller) -> None:
    journal.redis.hset(register(OTHER_EVENT), "i", "0" * 40)


def lose_half_a_register(journal: Caller) -> None:
    journal.redis.hdel(register(OTHER_EVENT), "s")


def lose_clock(journal: Caller) -> None:
    journal.redis.delete(CLOCK)


@pytest.mark.parametrize(
    ("lose", "clock", "events"),
    [
        (lose_register, False, (OTHER_EVENT,)),
        (take_register_of_another_run, False, (OTHER_EVENT,)),
        (lose_half_a_register, False, (OTHER_EVENT,)),
        (lose_clock, True, ()),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_written(
    journal: Caller, lose: Callable[[Caller], None], clock: bool, events: tuple[int, ...]
) -> None:
    """Redis keeps what was written before an error, so all is checked before any is written."""
    lose(journal)
    before = journal.everything()
    with pytest.raises(SeedNeeded) as raised:
        journal.append(said(EVENT), said(OTHER_EVENT))
    assert (raised.value.clock, raised.value.event_ids) == (clock, events)
    assert journal.everything() == before


def test_all_that_is_missing_is_named_at_once(journal: Caller) -> None:
    journal.redis.delete(CLOCK, register(EVENT), register(OTHER_EVENT))
    with pytest.raises(SeedNeeded) as raised:
        journal.append(said(EVENT), said(OTHER_EVENT), said(EVENT))
    assert (raised.value.clock, raised.value.event_ids) == (True, (EVENT, OTHER_EVENT))


def test_a_repeat_is_answered_whatever_was_lost_since(journal: Caller) -> None:
    """P2. What was answered stays answered, also while the event's register waits to be made good."""
    first = journal.append(said(client_id="a")).answers
    journal.redis.delete(CLOCK, register(EVENT))
    before = journal.everything()
    assert journal.append(said(client_id="a")).answers == first
    assert journal.append(said(client_id="a", text="다른 글")).answers == (Rejection.CONFLICT,)
    assert journal.everything() == before
    with pytest.raises(SeedNeeded):
        journal.append(said(client_id="a"), said(client_id="b"))


def test_versions_grow_though_the_machine_s_clock_goes_back(journal: Caller) -> None:
    """As it looks to Redis: the last version given lies ahead of its time."""
    journal.redis.set(CLOCK, FAR_AHEAD)
    answers = journal.append(said(), said()).answers + journal.append(said()).answers
    assert [a.version - FAR_AHEAD for a in answers if isinstance(a, Receipt)] == [1, 2, 3]


def test_one_of_those_who_append_while_the_bell_is_set_is_told_to_ring(journal: Caller) -> None:
    assert [journal.append(said()).ring for _ in range(3)] == [True, False, False]
    assert BELL_MS / 2 < journal.redis.pttl(BELL) <= BELL_MS
    journal.redis.delete(BELL)  # a drain has heard it
    assert [journal.append(said()).ring for _ in range(2)] == [True, False]


def test_a_register_is_kept_for_thirty_days_from_its_last_use(journal: Caller) -> None:
    assert REGISTER_MS - 60_000 < journal.redis.pttl(register(EVENT)) <= REGISTER_MS
    journal.redis.pexpire(register(EVENT), 1_000_000)
    journal.append(said())
    assert REGISTER_MS - 60_000 < journal.redis.pttl(register(EVENT)) <= REGISTER_MS


@pytest.mark.parametrize("remember_ms", [60_000, REPEAT_WINDOW_MS])
def test_an_answer_is_remembered_for_as_long_as_it_was_asked(journal: Caller, remember_ms: int) -> None:
    message = said(client_id="a")._replace(remember_ms=remember_ms)
    journal.append(message)
    assert remember_ms - 30_000 < journal.redis.pttl(message.idempotency_key) <= remember_ms


def test_a_repeat_after_its_time_is_a_message_of_its_own(journal: Caller) -> None:
    message = said(client_id="a")
    first = journal.append(message).answers
    journal.redis.delete(message.idempotency_key)  # as its time to live would
    again = journal.append(message).answers
    assert first != again
    assert [entry.operations[0].seq for entry in entries(journal)] == [1, 2]
