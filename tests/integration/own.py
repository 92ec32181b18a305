"""A database, a keyspace and a journal of a test's own, migrated, with the functions of a worker at hand."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import redis

from domain.entries import Placed, UnreadableEntry, message_id
from domain.operations import Create, Operation, encode
from domain.plan import Refusal, only_creates
from domain.submissions import Receipt, Submission, body_hash
from ingest.message_views import MessageView, view
from stores import dead_letters, pages
from stores.connections import Stores
from stores.dead_letters import DeadLetter, State
from stores.journal import Journal, open_async
from stores.pages import StoredMessage
from tasks.messages import drain
from tests.addresses import addresses_of
from tests.integration.databases import COMMAND_S_MAX, ROOT, Place, place

JOURNAL_DATABASE = 1
"""Beside the database that the stack's own workers drain."""
KEEP_S = 0.2
REMEMBER_MS = 60_000
CANARY = "카나리아 canary"
"""A text that must be found nowhere but where it belongs."""
BEYOND_INT8 = 2**63
"""An id that no BIGINT holds: the store refuses what names it, now and for ever."""
_event_ids = count(1)
_randoms = count(1)


@dataclass(frozen=True)
class Own:
    """The stores of a place, and what a worker or an operator does with them."""

    env: Mapping[str, str]
    stores: Stores

    def timingle(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`timingle` with these arguments, ended."""
        return subprocess.run(
            [sys.executable, "-c", "import cli; cli.main()", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )

    def output_of(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        ended = self.timingle(*arguments)
        assert ended.returncode == 0, ended
        return ended.stdout

    def failure_of(self, *arguments: str) -> tuple[int, str]:
        """The code of a command that must fail and the one line that it says, with nothing on standard output."""
        ended = self.timingle(*arguments)
        (line,) = ended.stderr.splitlines()
        assert ended.stdout == "", ended
        return ended.returncode, line

    def append(self, *operations: Operation) -> list[Placed[Operation]]:
        """Take operations into the journal, in one entry; each in the place that it was given."""
        return asyncio.run(self._append(operations))

    def add_entry(self, fields: Mapping[bytes, bytes]) -> None:
        """Put an entry into the journal as it is."""
        with self.redis() as client:
            client.xadd("journal", dict[Any, Any](fields))

    def drain(self) -> None:
        """What a worker does when it hears the bell."""
        drain(self.stores, self.stores.groups[0])

    def deliver_all_again(self) -> None:
        """What the sweep does when a node has restarted."""
        with self.redis() as client:
            client.xgroup_setid("journal", "persist", "0")

    def rows(self, event_id: int) -> list[StoredMessage]:
        """The event's messages as they are stored, newest first."""
        (rows,) = self.stores.scylla.read_many(pages.SELECT_NEWEST, [(event_id, 0, 100)])
        return [StoredMessage(*row) for row in rows]

    def page(self, event_id: int) -> list[MessageView]:
        """The event's messages as readers see them, oldest first."""
        return [view(row) for row in reversed(self.rows(event_id))]

    def head(self, event_id: int) -> int:
        """The seq of the event's last message."""
        (rows,) = self.stores.scylla.read_many(pages.SELECT_HEAD, [(event_id,)])
        return int(rows[0][0]) if rows else 0

    def read_seq(self, event_id: int, user_id: int) -> int:
        """How far a user has read the event."""
        cql = "SELECT read_seq FROM unread_message_counts WHERE user_id = ? AND event_id = ?"
        (rows,) = self.stores.scylla.read_many(cql, [(user_id, event_id)])
        return int(rows[0][0]) if rows else 0

    def dead_letters(self, *states: State) -> list[DeadLetter]:
        """Those of these states, or all, newest first."""
        return dead_letters.find(self.stores.postgres, states or list(State))

    def keep(self, *refusals: Refusal, journal_id: int = 0, unreadable: Sequence[UnreadableEntry] = ()) -> int:
        """Add dead letters as the drain does; how many are new."""
        return dead_letters.add(self.stores.postgres, self.stores.keys, journal_id, refusals, unreadable)

    @contextmanager
    def redis(self) -> "Iterator[redis.Redis]":
        """The journal's Redis, to look or to meddle."""
        with redis.Redis.from_url(self.env["TIMINGLE_JOURNAL_URLS"]) as client:
            yield client

    def sql(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """What PostgreSQL answers to a statement."""
        with self.stores.postgres.connection() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def cql(self, statement: str) -> None:
        """Run a statement on ScyllaDB that a worker never would."""
        self.stores.scylla._session.execute(statement)

    async def _append(self, operations: Sequence[Operation]) -> list[Placed[Operation]]:
        journal = Journal(0, open_async(self.env["TIMINGLE_JOURNAL_URLS"]))
        await journal.seed_clock(time.time_ns() // 1_000)
        for event_id in {operation.event_id for operation in operations}:
            await journal.seed(event_id, 0, redis_up_s=0)
        appended = await journal.append([submission(operation) for operation in operations])
        await journal.close()
        answers = [answer for answer in appended.answers if isinstance(answer, Receipt)]
        return [Placed(op, answer.version, answer.seq, "") for op, answer in zip(operations, answers, strict=True)]


def submission(operation: Operation) -> Submission:
    """An operation as ingest would hand it over, had it not been checked."""
    creates = isinstance(operation, Create)
    random = operation.random if isinstance(operation, Create) else 0
    key = f"once:test:{uuid4().hex}"
    return Submission(operation.event_id, encode(operation), creates, 0, random, key, body_hash(), REMEMBER_MS)


def rows_of(table: str) -> list[list[str]]:
    """The cells of a printed table's rows, without its head."""
    lines = [line for line in table.splitlines() if line.strip()]
    return [re.split(r"\s{2,}", line.strip()) for line in lines[2:]]


def new_event() -> int:
    """The id of an event that nobody has spoken in."""
    return next(_event_ids)


def saying(event_id: int, text: str, sender_id: int | None = 1) -> Create:
    """A message."""
    return Create(event_id, next(_randoms), sender_id, "Minji", "https://example.org/m.png", text, "text")


def refusal(operation: Operation, version: int, seq: int = 0) -> Refusal:
    """An operation that the store refused, in a place that nobody gave it."""
    return Refusal(Placed(operation, version, seq, f"{version // 1_000}-0"), "wrong", "InvalidRequest")


def id_of(placed: Placed[Operation]) -> UUID:
    """The id of a new message."""
    (create,) = only_creates([placed])
    return message_id(create).uuid


@contextmanager
def a_column_is_missing(own: Own) -> Iterator[None]:
    """A cause that can be mended: rows that name the column are refused, all others are stored."""
    own.cql("ALTER TABLE chat_messages_by_event DROP sender_profile_url")
    try:
        yield
    finally:
        own.cql("ALTER TABLE chat_messages_by_event ADD sender_profile_url TEXT")


@contextmanager
def own_place(stack_env: Mapping[str, str]) -> Iterator[Own]:
    """A place of one's own on the stack's servers; it is gone afterwards."""
    with place(stack_env) as made:
        journal = urlsplit(made.env["TIMINGLE_JOURNAL_URLS"])._replace(path=f"/{JOURNAL_DATABASE}").geturl()
        env = {**made.env, "TIMINGLE_JOURNAL_URLS": journal, "TIMINGLE_JOURNAL_KEEP": str(KEEP_S)}
        code, output = Place(env).run("migrate", "up")
        assert code == 0, output
        with closing(Stores(addresses_of(env))) as stores:
            yield Own(env, stores)


def empty(own: Own) -> None:
    """Forget what earlier tests left."""
    own.sql("TRUNCATE dead_letters, api_clients CASCADE")
    with own.redis() as client:
        client.flushdb()
