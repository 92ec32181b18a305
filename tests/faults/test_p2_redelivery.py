"""P2. Every entry two to five times, in any order, by several workers: the tables are those of one clean delivery.

The same entries go to two keyspaces, once in order to the one and again and again to the other. All cells are compared,
with their write times, and all dead letters.
"""

import random
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import count, groupby
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import Phase, given, note
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import settings
from domain.entries import Entry, EntryId, Placed
from domain.ids import RANDOM_MAX, MessageId, year_of
from domain.message import INT8_MAX
from domain.operations import Create, Delete, Edit, Operation, React, Read
from local.stack import Stack
from stores.connections import Stores
from stores.consumer_group import Batch, ConsumerGroup, open_sync
from stores.journal import NOTES
from tasks.messages import store
from tests.addresses import addresses_of
from tests.faults.conftest import Scratch
from tests.journals import in_database

CLEAN_JOURNAL, AGAIN_JOURNAL = 71, 72
WORKERS: Final = 3
EVENTS: Final = 2
USERS: Final = 3
BATCH_ENTRIES_MAX: Final = 4
UNSTORABLE: Final = INT8_MAX + 1
"""A sender whom no column holds: the message becomes a dead letter and leaves a stub."""
FIRST_VERSION: Final = 1_764_000_000_000_000
PAST_ALL: Final = EntryId(2**62, 0)
NO_SHRINKING: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""On real servers it takes minutes; what failed is small enough to read."""
_examples: Final = count(random.SystemRandom().randrange(1_000_000))


class Act(NamedTuple):
    """What somebody does, told without the ids that only the journal gives."""

    kind: str
    event: int
    user: int
    target: int
    """Of the event's messages so far, counted from the last."""
    text: str


KINDS: Final = ("say", "say", "say", "say as system", "say unstorable", "edit", "delete", "react", "read", "forge")
acts: Final = st.builds(
    Act,
    st.sampled_from(KINDS),
    st.integers(0, EVENTS - 1),
    st.integers(0, USERS - 1),
    st.integers(0, 3),
    st.sampled_from(["안녕", "새 글", "👍", ""]),
)
conversations: Final = st.lists(st.lists(acts, min_size=1, max_size=3), min_size=4, max_size=12)


@dataclass
class Conversation:
    """Acts as a journal takes them in, under ids that no other example uses."""

    number: int = field(default_factory=lambda: next(_examples))
    said: dict[int, list[MessageId]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    @property
    def version(self) -> int:
        """The next one."""
        return FIRST_VERSION + self.number * 1_000_000 + sum(len(entry.operations) for entry in self.entries)

    @property
    def event_ids(self) -> list[int]:
        return [self.number * 10 + place for place in range(EVENTS)]

    @property
    def user_ids(self) -> list[int]:
        return [self.number * 10 + place for place in range(USERS)]

    def take_in(self, group: Sequence[Act]) -> None:
        """One entry more."""
        entry_id = f"{self.number}-{len(self.entries) + 1}"
        placed: list[Placed[Operation]] = []
        for version, act in enumerate(group, self.version):
            operation = self._operation(act)
            said = self.said.setdefault(operation.event_id, [])
            if isinstance(operation, Create):
                said.append(MessageId(version, len(said) + 1, operation.random))
            placed.append(Placed(operation, version, len(said) if isinstance(operation, Create) else 0, entry_id))
        self.entries.append(Entry(entry_id, tuple(placed)))

    def _operation(self, act: Act) -> Operation:
        event_id, user_id = self.event_ids[act.event], self.user_ids[act.user]
        said = self.said.get(event_id, [])
        if act.kind.startswith("say") or not said:
            sender = {"say as system": None, "say unstorable": UNSTORABLE}.get(act.kind, user_id)
            return Create(event_id, 1 + len(said), sender, "민지", "", act.text, "text", metadata={"a": act.text})
        target = said[-1 - act.target % len(said)]
        uuid = target.uuid
        if act.kind == "forge":
            uuid = replace(target, random=RANDOM_MAX).uuid
        changes: dict[str, Operation] = {
            "edit": Edit(event_id, uuid, user_id, act.text),
            "forge": Edit(event_id, uuid, user_id, act.text),
            "delete": Delete(event_id, uuid, user_id),
            "react": React(event_id, uuid, user_id, act.text),
            "read": Read(event_id, user_id, target.seq),
        }
        return changes[act.kind]


@dataclass(frozen=True)
class Worker:
    """One process's stores."""

    stores: Stores
    group: ConsumerGroup

    def deliver(self, entries: Iterable[Entry], settled: EntryId) -> None:
        """Entries in one batch; all creates before `settled` have been stored, as the last sweep knew."""
        self.group._client.set(NOTES, msgspec.json.encode({"settled": str(settled)}))
        store(self.stores, self.stores.scylla, self.group, Batch(list(entries), []))


@dataclass(frozen=True)
class Workers:
    """One who delivers cleanly to the stack's keyspace, and some who deliver again and again to another."""

    clean: Worker
    again: Sequence[Worker]


@pytest.fixture(scope="module")
def workers(stack: Stack, scratch: Scratch) -> Iterator[Workers]:
    configured = settings.parse(stack.env)
    url = in_database(stack.env["TIMINGLE_JOURNAL_URLS"], 3)
    with ExitStack() as opened:

        def hire(keyspace: str, journal_id: int) -> Worker:
            addresses = replace(addresses_of(stack.env), scylla_keyspace=keyspace, journal_urls=())
            made = Worker(Stores(addresses), ConsumerGroup(journal_id, open_sync(url), "a"))
            opened.enter_context(closing(made.stores))
            opened.enter_context(closing(made.group))
            made.group.prepare()
            return made

        clean = hire(configured.scylla_keyspace, CLEAN_JOURNAL)
        with clean.stores.postgres.connection() as connection:
            connection.execute("INSERT INTO journals (id, clock, noted_at) VALUES (71, 0, now()), (72, 0, now())")
        yield Workers(clean, [hire(scratch.keyspace, AGAIN_JOURNAL) for _ in range(WORKERS)])
        with clean.stores.postgres.connection() as connection:
            connection.execute("DELETE FROM dead_letters WHERE journal IN (71, 72)")
            connection.execute("DELETE FROM journals WHERE id IN (71, 72)")


class Delivered:
    """Which entries have been stored at least once: what the sweep knows of several workers."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._missing = [EntryId.parse(entry.id) for entry in entries]
        self._lock = threading.Lock()

    def settled(self) -> EntryId:
        with self._lock:
            return self._missing[0] if self._missing else PAST_ALL

    def add(self, entries: Iterable[Entry]) -> None:
        with self._lock:
            stored = {EntryId.parse(entry.id) for entry in entries}
            self._missing = [entry_id for entry_id in self._missing if entry_id not in stored]


def deliver_again_and_again(workers: Sequence[Worker], entries: Sequence[Entry], chance: random.Random) -> None:
    """Each entry two to five times, in batches of a few, in any order; then whoever waits is looked at again."""
    copies = [entry for entry in entries for _ in range(chance.randint(2, 5))]
    chance.shuffle(copies)
    batches = [list(batch) for _, batch in groupby(copies, key=lambda _: chance.randrange(BATCH_ENTRIES_MAX) == 0)]
    delivered = Delivered(entries)

    def work(worker: Worker, mine: Sequence[Sequence[Entry]]) -> None:
        for batch in mine:
            worker.deliver(batch, delivered.settled())
            delivered.add(batch)

    with ThreadPoolExecutor(len(workers)) as pool:
        for done in [pool.submit(work, worker, batches[n :: len(workers)]) for n, worker in enumerate(workers)]:
            done.result()
    workers[0].deliver(chance.sample(entries, len(entries)), PAST_ALL)


def cells(worker: Worker, keyspace: str, told: Conversation) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """Every column of every row of a conversation, with the times at which its cells were written."""
    messages = [message for said in told.said.values() for message in said]
    years = {year_of(message.created_at_ms) for message in messages}
    partitions: dict[str, list[tuple[object, ...]]] = {
        "chat_messages_by_event": [(event_id, 0) for event_id in told.event_ids],
        "chat_messages_by_user": [(user_id, year) for user_id in told.user_ids for year in years],
        "message_reactions": [(message.uuid,) for message in messages],
        "unread_message_counts": [(user_id,) for user_id in told.user_ids],
        "event_heads": [(event_id,) for event_id in told.event_ids],
    }
    found = {}
    for table, keys in partitions.items():
        columns = "SELECT column_name, kind FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?"
        (described,) = worker.stores.scylla.read_many(columns, [(keyspace, table)])
        key = " AND ".join(f"{name} = ?" for name in partition_key(described))
        wanted = [name if kind != "regular" else f"{name}, WRITETIME({name})" for name, kind in described]
        cql = f"SELECT {', '.join(wanted)} FROM {table} WHERE {key}"
        for one, rows in zip(keys, worker.stores.scylla.read_many(cql, keys), strict=True):
            found[table, str(one)] = [tuple(map(plain, row)) for row in rows]
    return found


def partition_key(described: Sequence[tuple[str, str]]) -> list[str]:
    """In the order of `cells`: event or user first."""
    names = [name for name, kind in described if kind == "partition_key"]
    return sorted(names, key=lambda name: not name.endswith("_id"))


def plain(value: Any) -> Any:
    """A map as a dict: the driver's own are compared by identity."""
    return dict(value) if hasattr(value, "items") else value


def refused(worker: Worker, told: Conversation) -> list[tuple[Any, ...]]:
    """The dead letters of a conversation."""
    with worker.stores.postgres.connection() as connection:
        return connection.execute(
            """SELECT version, entry_id, kind, event_id, message_id, seq, actor_id, cause_class, cause_code
            FROM dead_letters WHERE journal = %s AND event_id = ANY(%s) ORDER BY version""",
            (worker.group.journal_id, told.event_ids),
        ).fetchall()


@given(conversations, st.integers(0, 2**32))
@hypothesis_settings(max_examples=25, phases=NO_SHRINKING)
def test_delivered_again_and_again_in_any_order_the_tables_are_those_of_one_clean_delivery(
    workers: Workers, stack: Stack, scratch: Scratch, groups: list[list[Act]], seed: int
) -> None:
    told = Conversation()
    for group in groups:
        told.take_in(group)
    for entry in told.entries:
        workers.clean.deliver([entry], EntryId.parse(entry.id))
    deliver_again_and_again(workers.again, told.entries, random.Random(seed))  # noqa: S311

    once = cells(workers.clean, settings.parse(stack.env).scylla_keyspace, told)
    note(f"clean: {once}")
    assert cells(workers.again[0], scratch.keyspace, told) == once
    assert refused(workers.again[0], told) == refused(workers.clean, told)
    assert any(once.values()), "something was stored"
