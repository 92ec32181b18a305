"""P6, P7. Whoever is killed between a change and its relay, or while events become DONE (SIGKILL): afterwards every
history is complete, every due event DONE once, and every chat was told once. Nobody lends a hand.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import groupby
from typing import Final

import psycopg
import pytest

import settings
from bench.confirmed_events import make_confirmed, make_users
from domain.ids import bucket_of
from local.stack import SERVERS, Stack
from stores import history_copy, history_outbox, pages
from stores.connections import open_pool
from stores.history_pages import entry_of
from stores.scylla import Scylla
from tests.faults.kills import CommitLog
from tests.integration.chained import Connection
from tests.stacks import fresh_stack
from tests.waiting import wait_until

KEEP_S: Final = 4.0
"""Over twice the local engine's sync period (1 s)."""
APPS: Final = ("worker-messages", "worker-upkeep", "worker-events", "beat")
EVENTS: Final = 800
ENTRIES: Final = 6 * EVENTS
COMPLETE_S_MAX: Final = 90.0
COUNT_RELAYED: Final = """
    SELECT count(*) FILTER (WHERE relayed_at IS NOT NULL), count(*) FROM event_history_outbox
    WHERE event_id = ANY(%s)"""
COUNT_DONE: Final = "SELECT count(*) FROM events WHERE id = ANY(%s) AND status = 'DONE' AND history_length = 6"
COUNT_COMPLETING: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE '%%complete_events%%' AND pid <> pg_backend_pid()"""


class Scene:
    """Due events, and what becomes of them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.env["TIMINGLE_POSTGRES_URL"]
        with self.connected() as connection:
            people = make_users(connection, 3)
            self.event_ids = make_confirmed(connection, people, EVENTS, ends_s=1.0)

    def connected(self) -> Connection:
        """A connection of its own: PostgreSQL may have been killed meanwhile."""
        return psycopg.connect(self.url, autocommit=True)

    def count(self, query: str, *parameters: object) -> tuple[int, ...]:
        """Figures that PostgreSQL tells; none while it is away."""
        with suppress(psycopg.OperationalError), self.connected() as connection:
            return connection.execute(query, parameters).fetchone() or ()
        return ()

    def is_half_relayed(self) -> bool:
        """Is the relay in the middle of it?"""
        relayed, *_ = self.count(COUNT_RELAYED, self.event_ids) or (0,)
        return 0 < relayed < ENTRIES

    def is_completing(self) -> bool:
        """Is a batch of them becoming DONE now?"""
        return any(self.count(COUNT_COMPLETING))

    def is_relayed(self) -> bool:
        """Are all of them DONE, and all of that relayed?"""
        done = self.count(COUNT_DONE, self.event_ids) == (EVENTS,)
        return done and self.count(COUNT_RELAYED, self.event_ids) == (ENTRIES, ENTRIES)

    def incomplete(self, scylla: Scylla) -> list[int]:
        """The events whose copy is not what was chained, or whose chat was not told of both changes, once."""
        chats = scylla.read_many(pages.SELECT_NEWEST, [(event_id, bucket_of(1), 100) for event_id in self.event_ids])
        copies = scylla.read_many(history_copy.SELECT_CHAIN, [(event_id,) for event_id in self.event_ids])
        with open_pool(self.url) as pool:
            kept = [entry for page in history_outbox.pages(pool) for entry in page]
        chains = {event_id: list(chain) for event_id, chain in groupby(kept, lambda entry: entry.event_id)}
        return [
            event_id
            for event_id, chat, copy in zip(self.event_ids, chats, copies, strict=True)
            if sorted(row[12]["change_type"] for row in chat) != ["CONFIRMED", "DONE"]
            or [entry_of(row) for row in copy] != chains[event_id]
        ]


@pytest.fixture(scope="module")
def victims() -> Iterator[Stack]:
    with fresh_stack("relays", {"TIMINGLE_JOURNAL_KEEP": str(KEEP_S)}, *APPS) as stack:
        yield stack


@pytest.fixture
def scene(victims: Stack) -> Scene:
    """Once everything that the test before has killed is back."""
    victims.wait_ready(*SERVERS, *APPS)
    return Scene(victims)


def settle(scene: Scene) -> None:
    """Wait until all is as promised."""
    wait_until("all are done and relayed", scene.is_relayed, COMPLETE_S_MAX)
    given = settings.parse(scene.stack.env)
    with closing(Scylla(given.contact_points, given.scylla_keyspace)) as scylla:
        wait_until("every copy is whole, every chat told", lambda: not scene.incomplete(scylla), COMPLETE_S_MAX)


def kill_children(stack: Stack) -> None:
    """SIGKILL for whatever works on events; the parent starts others."""
    for pid in stack.children("worker-events"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


KILLS: Final[dict[str, Callable[[Stack], None]]] = {
    "worker children": kill_children,
    "postgres": lambda stack: stack.kill("postgres"),
}


@pytest.mark.parametrize("victim", KILLS)
def test_histories_are_complete_whoever_is_killed_in_the_middle_of_their_relay(
    victims: Stack, scene: Scene, victim: str
) -> None:
    wait_until("the relay is in the middle", scene.is_half_relayed)
    KILLS[victim](victims)
    settle(scene)


def test_every_due_event_is_done_once_though_its_worker_is_killed_in_the_middle_of_a_batch(
    victims: Stack, scene: Scene
) -> None:
    """P7. A batch takes some 30 ms: it is held where it writes its entries, with its events locked."""
    with scene.connected() as holder, holder.transaction():
        holder.execute("LOCK TABLE event_history_outbox IN SHARE MODE")
        wait_until("a batch is under way", scene.is_completing)
        kill_children(victims)
    settle(scene)


def test_entries_that_the_cql_node_acknowledged_and_lost_are_relayed_again(victims: Stack, scene: Scene) -> None:
    """P6. The commit log is cut as a power cut would: what was acknowledged and not synced yet is gone."""
    commit_log = CommitLog(victims.state / "data" / "cassandra" / "commitlog")
    mark = commit_log.mark()
    wait_until("the relay is in the middle", scene.is_half_relayed)
    victims.kill("cassandra", stay_down=True)
    assert commit_log.cut(mark) > 0
    victims.start("cassandra")
    settle(scene)
