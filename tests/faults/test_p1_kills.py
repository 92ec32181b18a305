"""P1. What was answered 202 is stored exactly once, and counted, whoever is killed in the middle of it (SIGKILL).

Senders write, edit, delete and read all the while; a call that got no answer, or 503, is made again with the same
client_id. Afterwards nobody lends a hand: all must come back by itself. `python -m tests.faults.chaos` does the same at
random, for as long as one likes; TIMINGLE_CHAOS_RUNS=10 repeats each test of this file.
"""

import os
from collections.abc import Iterator
from typing import Final

import pytest

from local.stack import SERVERS, Stack
from tests.faults.kills import (
    APPS,
    SETTLED_S_MAX,
    WORKER_CHILD,
    CommitLog,
    JournalView,
    kill,
    kill_everything,
    passed,
    settle,
)
from tests.faults.kills_senders import Api, Conversation, Traffic, calling_app
from tests.stacks import fresh_stack
from tests.waiting import wait_until

KEEP_S: Final = 4.0
"""Over twice the local engine's sync period (1 s), and short enough that entries are trimmed while a test runs."""
RUNS: Final = range(int(os.environ.get("TIMINGLE_CHAOS_RUNS", "1")))
VICTIMS: Final = (
    WORKER_CHILD,
    "worker-messages",
    "worker-upkeep",
    "ingest",
    "beat",
    "broker",
    "journal",
    "postgres",
    "cassandra",
)
BEFORE: Final = 200
AFTER: Final = 100


@pytest.fixture(scope="module")
def victims() -> Iterator[Stack]:
    """A whole stack to be killed: the one that all tests share would lose what others do with it."""
    with fresh_stack("kills", {"TIMINGLE_JOURNAL_KEEP": str(KEEP_S)}, *APPS) as stack:
        yield stack


@pytest.fixture(scope="module")
def api(victims: Stack) -> Iterator[Api]:
    with calling_app(victims) as made:
        yield made


@pytest.fixture(scope="module")
def journal(victims: Stack) -> Iterator[JournalView]:
    view = JournalView(victims)
    yield view
    view.close()


@pytest.fixture
def talk(victims: Stack, api: Api) -> Conversation:
    """People and events of this test, once everything that the test before has killed is back."""
    victims.wait_ready(*SERVERS, *APPS)
    return Conversation(api)


@pytest.fixture
def commit_log(victims: Stack) -> CommitLog:
    return CommitLog(victims.state / "data" / "cassandra" / "commitlog")


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("victim", VICTIMS)
def test_what_was_accepted_is_stored_once_whoever_is_killed_in_the_middle(
    victims: Stack, talk: Conversation, journal: JournalView, victim: str, run: int
) -> None:
    with Traffic(talk, run) as traffic:
        traffic.wait_accepted(BEFORE)
        wait_until("a worker holds entries", lambda: traffic.failures or journal.holds())
        kill(victims, victim)
        traffic.wait_accepted(AFTER)
    verdict = settle(talk)
    assert verdict.is_whole, verdict
    assert verdict.accepted >= BEFORE + AFTER


@pytest.mark.parametrize("run", RUNS)
def test_a_message_is_stored_though_ingest_dies_right_after_the_202(
    victims: Stack, talk: Conversation, run: int
) -> None:
    """Nobody may have rung for it: the sweep does."""
    with Traffic(talk, run) as traffic:
        traffic.wait_accepted(1)
        kill(victims, "ingest")
        traffic.wait_accepted(1)
    kill(victims, "ingest")
    verdict = settle(talk)
    assert verdict.is_whole, verdict


@pytest.mark.parametrize("run", RUNS)
def test_rows_that_the_cql_node_acknowledged_and_lost_are_stored_again_though_nobody_sends(
    victims: Stack, talk: Conversation, journal: JournalView, commit_log: CommitLog, run: int
) -> None:
    """The node dies without traffic and without its last unsynced bytes. Until the sweep runs again, rows are missing:
    the cut does take what was acknowledged, and only the entries that were kept bring it back.
    """
    with Traffic(talk, run) as traffic:
        traffic.wait_accepted(BEFORE)
        mark = commit_log.mark()
        traffic.wait_accepted(AFTER)
    wait_until("everything acknowledged", journal.is_idle)
    assert talk.compare().is_whole
    victims.kill("beat", stay_down=True)
    victims.kill("cassandra", stay_down=True)
    lost_bytes = commit_log.cut(mark)
    victims.start("cassandra")
    missing = talk.compare()
    assert missing.lost > 0, f"the cut of {lost_bytes} bytes took nothing that was acknowledged"
    victims.start("beat")
    verdict = settle(talk)
    assert verdict.is_whole, verdict


@pytest.mark.parametrize("run", RUNS)
def test_rows_that_the_cql_node_lost_in_the_middle_are_stored_again_after_it_had_been_away(
    victims: Stack, talk: Conversation, journal: JournalView, commit_log: CommitLog, run: int
) -> None:
    """Away for longer than entries are kept, back, caught up for as long that entries are trimmed, and then killed with
    its last unsynced bytes cut off.
    """
    with Traffic(talk, run) as traffic:
        traffic.wait_accepted(AFTER)
        victims.kill("cassandra", stay_down=True)
        wait_until("longer away than kept", passed(KEEP_S * 2), KEEP_S * 4)
        traffic.wait_accepted(AFTER)
        victims.start("cassandra")
        trimmed = journal.trimmed()
        wait_until("entries trimmed again", lambda: journal.trimmed() > trimmed, SETTLED_S_MAX)
        mark = commit_log.mark()
        traffic.wait_accepted(AFTER)
        victims.kill("cassandra", stay_down=True)
        assert commit_log.cut(mark) > 0
        victims.start("cassandra")
        traffic.wait_accepted(AFTER)
    verdict = settle(talk)
    assert verdict.is_whole, verdict


@pytest.mark.parametrize("run", RUNS)
def test_nothing_is_lost_when_everything_dies_at_once(
    victims: Stack, talk: Conversation, commit_log: CommitLog, run: int
) -> None:
    """As in a power cut: the CQL node loses its last unsynced bytes too."""
    with Traffic(talk, run) as traffic:
        traffic.wait_accepted(BEFORE)
        mark = commit_log.mark()
        traffic.wait_accepted(AFTER)
        kill_everything(victims)
        assert commit_log.cut(mark) > 0
        victims.start("cassandra")
        traffic.wait_accepted(AFTER)
    verdict = settle(talk)
    assert verdict.is_whole, verdict
