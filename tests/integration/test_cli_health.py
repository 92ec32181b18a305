"""`timingle health`: what is well, what waits, and what is away."""

import json
from collections.abc import Iterator

import pytest

from cli.exit_codes import ExitCode
from domain.event_changes import creation
from local.stack import Stack
from stores import dead_letters
from stores.migrations_files import read_folder
from tests.integration.chained import chain_as_owner, read_event, value
from tests.integration.databases import ROOT
from tests.integration.own import BEYOND_INT8, CANARY, Own, new_event, own_place, saying

NOWHERE = "127.0.0.1:1"


@pytest.fixture(scope="module")
def own_stores(stack: Stack) -> Iterator[Own]:
    """A place of this module's own: the first event is to be one of its."""
    with own_place(stack.env) as made:
        yield made


def test_a_well_system_is_ready_and_shows_what_waits(own: Own) -> None:
    event = new_event()
    own.append(saying(event, CANARY, sender_id=BEYOND_INT8))
    own.drain()
    own.append(saying(event, CANARY))
    seen = json.loads(own.output_of("health", "--json"))
    assert (seen["ready"], {check["name"]: check["ok"] for check in seen["checks"]}) == (
        True, {"postgres": True, "scylla": True, "journal 0": True, "broker": True}
    )  # fmt: skip
    journal = seen["journals"]["0"]
    assert (journal["entries"], journal["lag"], journal["pending"], journal["vanished"]) == (2, 1, 0, 0)
    assert 0 < journal["bytes_used"] < journal["bytes_allowed"]
    assert seen["queues"].keys() == {"messages", "events", "payments", "reports", "upkeep"}
    assert seen["dead_letters"] == {"open": 1, "replayed": 0, "discarded": 0}
    assert seen["reports"] == {"waiting": 0, "oldest_s": 0, "failed": 0}
    table = own.output_of("health")
    assert "dead letters, open" in table
    assert "canary" not in table + json.dumps(seen, ensure_ascii=False)


def test_time_windows_are_counted_from_the_first_event(own: Own) -> None:
    """Without a TTL each stays a file: an operator must see them grow."""
    own.sql("INSERT INTO users (id, phone_encrypted, phone_hash) VALUES (900, '', '900') ON CONFLICT DO NOTHING")
    with own.stores.postgres.connection() as connection:
        event_id = value(
            connection,
            "INSERT INTO events (title, start_time, end_time, creator_id, journal, created_at)"
            " VALUES ('x', now(), now() + interval '1 hour', 900, 0, now() - interval '20 days') RETURNING id",
        )
        chain_as_owner(connection, event_id, *creation(read_event(connection, event_id)))
    windows = json.loads(own.output_of("health", "--json"))["windows"]
    assert [(w["table"], w["window_days"]) for w in windows] == [
        ("chat_messages_by_event", 1.0), ("chat_messages_by_user", 7.0)
    ]  # fmt: skip
    assert windows[0]["windows"] in (21, 22)  # midnight may be just now
    assert windows[1]["windows"] in (3, 4)


@pytest.mark.parametrize(
    ("variable", "url", "check", "unknown"),
    [
        ("TIMINGLE_POSTGRES_URL", f"postgresql://timingle:secret@{NOWHERE}/x", "postgres", "dead_letters"),
        ("TIMINGLE_SCYLLA_CONTACT_POINTS", NOWHERE, "scylla", "windows"),
        ("TIMINGLE_JOURNAL_URLS", f"redis://:secret@{NOWHERE}/0", "journal 0", "journals"),
        ("TIMINGLE_BROKER_URL", f"redis://:secret@{NOWHERE}/0", "broker", "queues"),
    ],
)
def test_a_store_that_is_away_is_named_and_does_not_hide_the_others(
    own: Own, variable: str, url: str, check: str, unknown: str
) -> None:
    ended = Own({**own.env, variable: url}, own.stores).timingle("health", "--json")
    assert ended.returncode == ExitCode.NOT_READY
    seen = json.loads(ended.stdout)
    assert (seen["ready"], [c["name"] for c in seen["checks"] if not c["ok"]]) == (False, [check])
    assert seen[unknown] in (None, {"0": None})
    assert "secret" not in ended.stdout + ended.stderr
    assert ended.stderr == ""


def test_work_that_does_not_move_is_not_ready(own: Own) -> None:
    own.stores.groups[0].prepare()
    with own.redis() as client:
        client.xadd("journal", {"f": "1"}, id="1764000000000-0")  # of 2025
    ended = own.timingle("health", "--json")
    assert ended.returncode == ExitCode.NOT_READY
    (stuck,) = [check for check in json.loads(ended.stdout)["checks"] if not check["ok"]]
    assert (stuck["name"], "has waited for" in stuck["detail"]) == ("work of journal 0", True)


def test_a_schema_older_than_the_command_is_one_sentence(own: Own) -> None:
    own.sql("UPDATE schema_migrations SET version = version - 1")
    try:
        says = f"of {read_folder(ROOT / 'migrations')[-1].version}; run `timingle migrate up`"
        code, line = own.failure_of("clients", "list")
        assert (code, says in line) == (ExitCode.FAILED, True)
        ended = own.timingle("health")
        assert (ended.returncode, says in ended.stdout) == (ExitCode.NOT_READY, True)
    finally:
        own.sql("UPDATE schema_migrations SET version = version + 1")


def test_a_store_that_is_away_ends_a_command_with_its_own_code(own: Own) -> None:
    nowhere = Own({**own.env, "TIMINGLE_SCYLLA_CONTACT_POINTS": NOWHERE}, own.stores)
    dead_letters.add(own.stores.postgres, own.stores.keys, 0, [])
    code, line = nowhere.failure_of("dead-letters", "replay", "--all")
    assert (code, "ScyllaDB" in line) == (ExitCode.STORE_AWAY, True)
