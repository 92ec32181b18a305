"""P10. One bad operation among 500: its neighbours are stored; once its cause is mended it takes its place."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest

from domain.entries import Placed, message_id
from domain.operations import Create
from domain.plan import only_creates
from local.stack import Stack
from stores import dead_letters, messages, pages
from stores.dead_letters import DeadLetter, State
from stores.pages import Activity, StoredMessage
from stores.scylla import Rows
from tests.integration.own import Own, empty, new_event, own_place, saying

MESSAGES = 500
BAD = 250
"""The place, among them, of the one that the store refuses."""
CANARY = "카나리아 canary"
READER = 7


@pytest.fixture
def own(stack: Stack) -> Iterator[Own]:
    with own_place(stack.env) as made:
        empty(made)
        yield made


@contextmanager
def the_store_refuses_it(own: Own) -> Iterator[None]:
    """The table of what users said lacks a column. What the system says is not in it."""
    own.cql("ALTER TABLE chat_messages_by_user DROP message")
    try:
        yield
    finally:
        own.cql("ALTER TABLE chat_messages_by_user ADD message TEXT")


@contextmanager
def this_release_cannot_bind_it(_: Own) -> Iterator[None]:
    """A mistake in a release of the worker, which the next one mends."""
    rows_of = messages.create_rows

    def mistaken(placed: Placed[Create]) -> Rows:
        if placed.operation.sender_id is not None:
            raise ValueError("no such column type")
        return rows_of(placed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "create_rows", mistaken)
        yield


def drain_all(own: Own) -> None:
    """Drain until nothing waits."""
    while own.stores.groups[0].has_work():
        own.drain()


def everything(own: Own, event_id: int) -> list[StoredMessage]:
    """The event's messages as they are stored, oldest first."""
    (rows,) = own.stores.scylla.read_many(pages.SELECT_NEWEST, [(event_id, 0, 2 * MESSAGES)])
    return [StoredMessage(*row) for row in reversed(rows)]


def activity(own: Own) -> list[Activity]:
    """What READER said this year."""
    (rows,) = own.stores.scylla.read_many(pages.SELECT_ACTIVITY, [(READER, datetime.now(UTC).year, 10)])
    return [Activity(*row[:4]) for row in rows]


def letters(own: Own, state: State) -> list[DeadLetter]:
    return dead_letters.find(own.stores.postgres, [state])


@pytest.mark.parametrize(
    ("cause", "shown_meanwhile"),
    [
        (the_store_refuses_it, CANARY),  # one of its two tables has it
        (this_release_cannot_bind_it, ""),  # a stub
    ],
)
def test_one_bad_message_of_500_becomes_a_dead_letter_and_a_replay_puts_it_in_its_place(
    own: Own, cause: Callable[[Own], AbstractContextManager[None]], shown_meanwhile: str
) -> None:
    event = new_event()
    own.append(saying(event, "before"))  # the statements are prepared, as a worker's are
    own.drain()
    said = [saying(event, f"{place}", None) for place in range(MESSAGES)]
    said[BAD] = saying(event, CANARY, sender_id=READER)
    with cause(own):
        placed = [each for start in range(0, MESSAGES, 100) for each in own.append(*said[start : start + 100])]
        drain_all(own)
    expected = ["before", *(create.message for create in said)]
    meanwhile = [*expected[: BAD + 1], shown_meanwhile, *expected[BAD + 2 :]]
    assert [row.message for row in everything(own, event)] == meanwhile
    assert own.head(event) == MESSAGES + 1

    (letter,) = letters(own, State.OPEN)
    (create,) = only_creates([placed[BAD]])
    named = (letter.event_id, letter.seq, letter.message_id, letter.actor_id, letter.kind)
    assert named == (event, BAD + 2, message_id(create).uuid, READER, "create")
    for shown in (own.timingle("dead-letters", "list"), own.timingle("dead-letters", "show", str(letter.id))):
        assert shown.returncode == 0, shown.stderr
        assert str(letter.id) in shown.stdout
        assert "canary" not in shown.stdout
        assert "카나리아" not in shown.stdout

    replayed = own.timingle("dead-letters", "replay", str(letter.id))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    rows = everything(own, event)
    assert [row.message for row in rows] == expected
    assert [row.seq for row in rows] == list(range(1, MESSAGES + 2))
    assert not any(row.is_deleted for row in rows)
    assert own.read_seq(event, READER) == BAD + 2
    assert [said.message for said in activity(own)] == [CANARY]
    assert letters(own, State.OPEN) == []
    assert [each.id for each in letters(own, State.REPLAYED)] == [letter.id]
