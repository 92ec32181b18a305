"""P5. An edit or a deletion is never undone and a deleted text never seen again, however late the earlier entries come.

What saves us is that every cell has its operation's version as its CQL timestamp, and that hiding overwrites. The same
deliveries with other ways of writing end wrongly, and are kept here to show it.
"""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Final

import pytest

from domain.entries import Entry, EntryId, Placed
from domain.ids import MessageId, year_of
from domain.operations import Change, Create, Delete, Edit, Operation, React
from domain.plan import Judged, Refusal
from local.stack import Stack
from stores import pages
from stores.pages import StoredMessage
from stores.scylla import P, Rows, Scylla, Write
from stores.scylla_async import AsyncScylla
from tasks.messages import apply, store_changes
from tests.faults.compaction import flush_and_purge
from tests.faults.conftest import Scratch

AUTHOR, FRIEND = 42, 43
FIRST_VERSION: Final = 1_764_000_000_000_000
STEP_US: Final = 1_000_000
PAST_ALL: Final = EntryId(2**62, 0)
TEXT, NEW_TEXT, NEWER_TEXT = "비밀 이야기", "고친 이야기", "다시 고친 이야기"
HIDING: Final = ("chat_messages_by_event", "chat_messages_by_user")
_event_ids: Final = count(random.SystemRandom().randrange(10**6) * 1_000)


class ClockStamped(Scylla):
    """Writes every cell with the time of its delivery, as CQL does by itself."""

    def bind(self, operations: Iterable[P], rows_of: Callable[[P], Rows]) -> tuple[list[Write[P]], list[Refusal]]:
        def stamped(placed: P) -> Rows:
            for cql, values in rows_of(placed):
                place = cql[: cql.index("USING TIMESTAMP ?")].count("?")
                yield cql, (*values[:place], time.time_ns() // 1_000, *values[place + 1 :])

        return super().bind(operations, stamped)


@dataclass(frozen=True)
class Seen:
    """What readers see of a message: text, deleted or not, reactions, and the author's activity."""

    text: str | None
    is_deleted: bool
    reactions: tuple[str, ...]
    activity: tuple[str, ...]


@dataclass(frozen=True)
class Chat:
    """An event of a test's own with one message and what happens to it, each an entry of its own."""

    scratch: Scratch
    reader: AsyncScylla
    event_id: int
    author_id: int

    @property
    def message(self) -> MessageId:
        return MessageId(FIRST_VERSION, 1, 99)

    @property
    def create(self) -> Entry:
        said = Create(
            self.event_id, 99, self.author_id, "민지", "", TEXT, "text", ("https://a.b/c",), None, {"secret": TEXT}
        )
        return self._entry(0, said, seq=1)

    @property
    def edit(self) -> Entry:
        return self._entry(1, Edit(self.event_id, self.message.uuid, self.author_id, NEW_TEXT))

    @property
    def second_edit(self) -> Entry:
        return self._entry(2, Edit(self.event_id, self.message.uuid, self.author_id, NEWER_TEXT))

    @property
    def delete(self) -> Entry:
        return self._entry(3, Delete(self.event_id, self.message.uuid, self.author_id))

    @property
    def react(self) -> Entry:
        return self._entry(4, React(self.event_id, self.message.uuid, FRIEND, "👍"))

    @property
    def take_back(self) -> Entry:
        return self._entry(5, React(self.event_id, self.message.uuid, FRIEND, ""))

    def _entry(self, place: int, operation: Operation, seq: int = 0) -> Entry:
        entry_id = f"{place + 1}-0"
        return Entry(entry_id, (Placed(operation, FIRST_VERSION + place * STEP_US, seq, entry_id),))

    async def seen(self) -> Seen:
        (shown,) = await pages.newest(self.reader, self.event_id, 10)
        years = [year_of(FIRST_VERSION // 1_000)]
        said = await pages.activity(self.reader, self.author_id, years, 10)
        reactions = tuple(emoji for emoji in (shown.reactions or {}).values() if emoji)
        return Seen(shown.message, shown.is_deleted, reactions, tuple(one.message for one in said))

    def cells(self) -> str:
        """Everything that the rows of the message hold, seen by readers or not."""
        rows = [
            *self.scratch.session.execute(
                f"SELECT * FROM chat_messages_by_event WHERE event_id = {self.event_id} AND bucket = 0"
            ),
            *self.scratch.session.execute(
                f"SELECT * FROM chat_messages_by_user WHERE user_id = {self.author_id} AND year = 2025"
            ),
        ]
        return str(rows)


@pytest.fixture(scope="module")
def scylla(scratch: Scratch) -> Iterator[Scylla]:
    made = Scylla(scratch.contact_points, scratch.keyspace)
    for table in HIDING:
        scratch.session.execute(f"ALTER TABLE {table} WITH gc_grace_seconds = 0")
    yield made
    made.close()


@pytest.fixture(scope="module")
def clock_stamped(scratch: Scratch) -> Iterator[Scylla]:
    made = ClockStamped(scratch.contact_points, scratch.keyspace)
    yield made
    made.close()


@pytest.fixture
async def chat(scratch: Scratch) -> AsyncIterator[Chat]:
    reader = AsyncScylla(scratch.contact_points, scratch.keyspace)
    reader.start()
    await reader.wait_connected(10)
    event_id = next(_event_ids)
    yield Chat(scratch, reader, event_id, event_id)
    await reader.close()


def deliver(scylla: Scylla, *entries: Entry) -> None:
    """One delivery each; all that each names is stored, as far as the journal knows."""
    for entry in entries:
        refused, waiting = apply(scylla, [entry], PAST_ALL)
        assert (refused, waiting) == ([], frozenset())


async def test_a_late_create_does_not_undo_an_edit(scylla: Scylla, chat: Chat) -> None:
    """P5. Create, edit, then the create once more: a reader sees the edit."""
    deliver(scylla, chat.create, chat.edit, chat.create)
    assert await chat.seen() == Seen(NEW_TEXT, False, (), (NEW_TEXT,))


async def test_a_late_edit_does_not_undo_a_later_one(scylla: Scylla, chat: Chat) -> None:
    """P5. Create, second edit, then the first one."""
    deliver(scylla, chat.create, chat.second_edit, chat.edit)
    assert await chat.seen() == Seen(NEWER_TEXT, False, (), (NEWER_TEXT,))


async def test_a_late_edit_does_not_undo_a_deletion(scylla: Scylla, chat: Chat) -> None:
    """P5. Create, edit, delete, then the edit again: nobody sees a text."""
    deliver(scylla, chat.create, chat.edit, chat.delete, chat.edit)
    assert await chat.seen() == Seen("", True, (), ())
    assert TEXT not in chat.cells()
    assert NEW_TEXT not in chat.cells()


async def test_a_late_create_does_not_bring_a_deleted_text_back(scylla: Scylla, chat: Chat) -> None:
    """P5. Create, delete, then the create again, in both tables and in metadata."""
    deliver(scylla, chat.create, chat.delete, chat.create)
    assert await chat.seen() == Seen("", True, (), ())
    assert TEXT not in chat.cells()


async def test_a_late_reaction_does_not_undo_that_it_was_taken_back(scylla: Scylla, chat: Chat) -> None:
    """P5. React, take it back, then the reaction again."""
    deliver(scylla, chat.create, chat.react)
    assert (await chat.seen()).reactions == ("👍",)
    deliver(scylla, chat.take_back, chat.react, chat.create)
    assert (await chat.seen()).reactions == ()


@pytest.mark.parametrize(
    "late",
    [
        lambda c: [c.create, c.edit, c.create],
        lambda c: [c.create, c.second_edit, c.edit],
        lambda c: [c.create, c.edit, c.delete, c.edit],
        lambda c: [c.create, c.delete, c.create],
        lambda c: [c.create, c.react, c.take_back, c.react],
    ],
    ids=["create after edit", "edit after edit", "edit after delete", "create after delete", "react after taking back"],
)
async def test_stamped_by_the_clock_the_late_one_would_win(
    clock_stamped: Scylla, scylla: Scylla, chat: Chat, late: Callable[[Chat], list[Entry]]
) -> None:
    """The mechanism is what saves us: with CQL's own timestamps each of the above ends wrongly."""
    deliver(clock_stamped, *late(chat))
    by_clock = await chat.seen()
    other = Chat(chat.scratch, chat.reader, next(_event_ids), next(_event_ids))
    deliver(scylla, *late(other))
    by_version = await other.seen()
    assert by_clock != by_version
    assert by_clock.text != by_version.text or by_clock.reactions != by_version.reactions


async def test_purged_or_not_a_deleted_text_does_not_come_back(stack: Stack, scylla: Scylla, chat: Chat) -> None:
    """P5. Create, delete, flush and purge what may be purged, then the create again, however late."""
    deliver(scylla, chat.create, chat.react, chat.take_back, chat.delete)
    flush_and_purge(stack, chat.scratch.keyspace, HIDING)
    deliver(scylla, chat.create, chat.react, chat.edit)
    assert await chat.seen() == Seen("", True, (), ())
    assert TEXT not in chat.cells()
    assert NEW_TEXT not in chat.cells()


async def test_hidden_by_a_tombstone_a_deleted_text_would_come_back_once_that_is_purged(
    stack: Stack, scylla: Scylla, chat: Chat
) -> None:
    """The mechanism is what saves us: DELETE, even with the right timestamp, hides only until it is purged."""
    deliver(scylla, chat.create)
    address = f"event_id = {chat.event_id} AND bucket = 0"
    chat.scratch.session.execute(
        f"DELETE FROM chat_messages_by_event USING TIMESTAMP {FIRST_VERSION + 3 * STEP_US} WHERE {address}"
        f" AND created_at = {chat.message.created_at_ms} AND message_id = {chat.message}"
    )
    deliver(scylla, chat.create)
    assert await pages.newest(chat.reader, chat.event_id, 10) == []
    flush_and_purge(stack, chat.scratch.keyspace, HIDING)
    deliver(scylla, chat.create)
    assert (await chat.seen()).text == TEXT


def said_at(seq: int) -> int:
    """The version of the message with this seq."""
    return FIRST_VERSION + 10_000 * seq


def saying(chat: Chat, seq: int) -> Entry:
    version = said_at(seq)
    said = Create(chat.event_id, 99, chat.author_id, "민지", "", str(seq), "text")
    return Entry(f"{seq}-1", (Placed(said, version, seq, f"{seq}-1"),))


@pytest.mark.parametrize("kind", ["edit", "delete", "react"])
async def test_the_ghost_of_a_change_without_its_message_is_never_shown(scylla: Scylla, chat: Chat, kind: str) -> None:
    """A node that was killed may have kept an edit and lost its create: until that comes again, nobody sees the row."""
    deliver(scylla, *[saying(chat, seq) for seq in (2, 3, 5)])
    ghost = MessageId(said_at(4), 4, 99)
    changes: dict[str, Change] = {
        "edit": Edit(chat.event_id, ghost.uuid, chat.author_id, TEXT),
        "delete": Delete(chat.event_id, ghost.uuid, chat.author_id),
        "react": React(chat.event_id, ghost.uuid, FRIEND, "👍"),
    }
    change = Placed(changes[kind], FIRST_VERSION + STEP_US, 0, "9-0")
    assert store_changes(scylla, Judged(apply=(change,))) == []
    assert str(ghost) in chat.cells(), "the row is there"

    first, last = (MessageId(said_at(seq), seq, 99) for seq in (1, 6))
    reader, event = chat.reader, chat.event_id
    since, until = (datetime.fromtimestamp(said_at(seq) / 1_000_000, UTC) for seq in (2, 5))
    assert seqs(await pages.newest(reader, event, 10)) == [5, 3, 2]
    assert seqs(await pages.newest(reader, event, 2)) == [5, 3]
    assert seqs(await pages.before(reader, event, last, 10)) == [5, 3, 2]
    assert seqs(await pages.before(reader, event, last, 2)) == [5, 3]
    assert seqs(await pages.after(reader, event, first, 10)) == [2, 3, 5]
    assert seqs(await pages.after(reader, event, None, 3)) == [2, 3, 5]
    assert seqs(await pages.between(reader, event, since, until, 10)) == [2, 3, 5]
    said = await pages.activity(reader, chat.author_id, [2025], 10)
    assert [one.message for one in said] == ["5", "3", "2"]
    assert await pages.find(reader, event, ghost) is None

    deliver(scylla, saying(chat, 4))
    shown = await pages.newest(reader, event, 10)
    assert seqs(shown) == [5, 4, 3, 2], "its create came after all"
    assert {"edit": TEXT, "delete": "", "react": "4"}[kind] == shown[1].message


def seqs(shown: Sequence[StoredMessage]) -> list[int]:
    return [message.seq for message in shown]
