"""Row-level security as ingest meets it: who sees, joins, changes and removes what."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from local.stack import Stack
from stores import migrations, migrations_postgres
from stores.migrations_files import read_folder
from tests.integration.databases import ROOT, Place, place

Connection = psycopg.Connection[TupleRow]
PHONES = itertools.count()
UNCHAINED = {
    "events": "guard_event_history",
    "event_participants": "guard_participant_history",
    "payments": "guard_payment_history",
}
"""Switched off: policies are tried one by one here, and what is changed has no history (test_migrations_history.py)."""


@pytest.fixture(scope="module")
def where(stack: Stack) -> Iterator[Place]:
    with place(stack.env) as made:
        with migrations_postgres.connect(made.postgres_url) as schema:
            migrations.up(schema, read_folder(ROOT / "migrations"), print)
        with psycopg.connect(made.postgres_url, autocommit=True) as connection:
            for table, guard in UNCHAINED.items():
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
        yield made


@pytest.fixture(scope="module")
def owner(where: Place) -> Iterator[Connection]:
    """As workers come: bound by no policy."""
    with psycopg.connect(where.postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def api(where: Place) -> Iterator[Connection]:
    """As ingest comes."""
    with psycopg.connect(where.postgres_api_url, autocommit=True) as connection:
        yield connection


@contextmanager
def acting(api: Connection, user_id: int) -> Iterator[Connection]:
    """A transaction of ingest in which this user acts."""
    with api.transaction():
        api.execute("SELECT set_config('timingle.user_id', %s, true)", [str(user_id)])
        yield api


def value(connection: Connection, query: str, *parameters: object) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def make_user(owner: Connection, **columns: object) -> int:
    phone = next(PHONES).to_bytes(8, "big")
    columns = {"phone_encrypted": phone, "phone_hash": phone, **columns}
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    return int(value(owner, f"INSERT INTO users ({names}) VALUES ({places}) RETURNING id", *columns.values()))


INSERT_EVENT = """
    INSERT INTO events (title, start_time, end_time, creator_id)
    VALUES ('cut', now(), now() + interval '1 hour', %s) RETURNING id"""
INSERT_PARTICIPANT = "INSERT INTO event_participants (event_id, user_id, joined_seq) VALUES (%s, %s, %s)"
INSERT_PAYMENT = """
    INSERT INTO payments (event_id, payer_id, receiver_id, amount, status, order_id)
    VALUES (%s, %s, %s, 10000, 'PENDING', gen_random_uuid()::text) RETURNING id"""


def make_event(api: Connection, creator: int, *others: int) -> int:
    with acting(api, creator):
        event = int(value(api, INSERT_EVENT, creator))
        api.execute("SELECT add_first_participants(%s, %s)", [event, list(others)])
    return event


@pytest.fixture
def creator(owner: Connection) -> int:
    return make_user(owner, name="원장")


@pytest.fixture
def guest(owner: Connection) -> int:
    return make_user(owner)


@pytest.fixture
def outsider(owner: Connection) -> int:
    return make_user(owner)


def test_first_participants_are_the_creator_who_agrees_and_the_others_who_have_not_yet(
    api: Connection, owner: Connection, creator: int, guest: int
) -> None:
    event = make_event(api, creator, guest, creator, guest)
    rows = owner.execute(
        "SELECT user_id, confirmed, confirmed_at IS NOT NULL, joined_seq FROM event_participants WHERE event_id = %s"
        " ORDER BY user_id",
        [event],
    ).fetchall()
    assert rows == [(creator, True, True, 0), (guest, False, False, 0)]


def test_first_participants_come_in_once_and_by_the_creator_only(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator)
    for actor, reason in ((creator, "has participants already"), (outsider, "Only its creator")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=reason), acting(api, actor):
            api.execute("SELECT add_first_participants(%s, %s)", [event, [guest, outsider]])
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Only its creator"):
        api.execute("SELECT add_first_participants(%s, %s)", [event, [guest]])  # nobody acts
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Only its creator"), acting(api, creator):
        api.execute("SELECT add_first_participants(%s, %s)", [2**60, [guest]])


def test_participants_see_event_and_participants_and_an_outsider_sees_nothing(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    seen = {}
    for user in (creator, guest, outsider):
        with acting(api, user):
            seen[user] = (
                value(api, "SELECT count(*) FROM events WHERE id = %s", event),
                value(api, "SELECT count(*) FROM event_participants WHERE event_id = %s", event),
            )
    assert seen == {creator: (1, 2), guest: (1, 2), outsider: (0, 0)}


def test_the_view_that_policies_ask_shows_the_events_of_whoever_acts(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    seen = "SELECT event_id FROM my_events"
    for user, events in ((guest, [(event,)]), (outsider, [])):
        with acting(api, user):
            assert api.execute(seen).fetchall() == events
    assert api.execute(seen).fetchall() == [], "nobody acts"


def test_a_connection_remembers_nobody(api: Connection, creator: int) -> None:
    event = make_event(api, creator)
    with acting(api, creator):
        assert value(api, "SELECT current_user_id()") == creator
    assert value(api, "SELECT current_user_id()") is None
    assert value(api, "SELECT count(*) FROM events WHERE id = %s", event) == 0


def test_reading_both_tables_at_once_does_not_recurse(api: Connection, creator: int, guest: int) -> None:
    event = make_event(api, creator, guest)
    with acting(api, guest):
        joined = """
            SELECT count(*) FROM events AS e JOIN event_participants AS p ON p.event_id = e.id WHERE e.id = %s"""
        assert value(api, joined, event) == 2


def test_an_outsider_cannot_join_by_himself_or_make_an_event_for_another(
    api: Connection, creator: int, outsider: int
) -> None:
    event = make_event(api, creator)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, outsider):
        api.execute(INSERT_PARTICIPANT, [event, outsider, 0])
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, outsider):
        api.execute(INSERT_EVENT, [creator])


def test_the_creator_lets_others_in_and_a_participant_does_not(
    api: Connection, owner: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, guest):
        api.execute(INSERT_PARTICIPANT, [event, outsider, 7])
    with acting(api, creator):
        assert value(api, INSERT_PARTICIPANT + " RETURNING joined_seq", event, outsider, 7) == 7
    with acting(api, outsider):
        assert value(api, "SELECT count(*) FROM events WHERE id = %s", event) == 1


def remove(api: Connection, actor: int, event: int, user: int) -> int:
    """How many rows went."""
    with acting(api, actor):
        statement = "DELETE FROM event_participants WHERE event_id = %s AND user_id = %s"
        return api.execute(statement, [event, user]).rowcount


def test_a_removal_counts_for_the_creator_and_for_oneself_only(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest, outsider)
    assert remove(api, guest, event, outsider) == 0
    assert remove(api, creator, event, outsider) == 1
    assert remove(api, outsider, event, guest) == 0
    assert remove(api, guest, event, guest) == 1


def test_a_creator_who_has_left_lets_nobody_in_and_removes_nobody(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    assert remove(api, creator, event, creator) == 1
    assert remove(api, creator, event, guest) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, creator):
        api.execute(INSERT_PARTICIPANT, [event, outsider, 0])


def confirm(api: Connection, actor: int, event: int, user: int, *, confirmed: bool) -> int:
    """How many rows changed."""
    with acting(api, actor):
        statement = "UPDATE event_participants SET confirmed = %s WHERE event_id = %s AND user_id = %s"
        return api.execute(statement, [confirmed, event, user]).rowcount


def test_one_agrees_for_oneself_only_but_may_take_back_what_others_agreed_to(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    assert confirm(api, guest, event, guest, confirmed=True) == 1
    assert confirm(api, guest, event, creator, confirmed=False) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        confirm(api, guest, event, creator, confirmed=True)
    assert confirm(api, outsider, event, guest, confirmed=False) == 0


def test_any_participant_changes_an_event_and_an_outsider_does_not(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    changed = {}
    for user in (creator, guest, outsider):
        with acting(api, user):
            changed[user] = api.execute("UPDATE events SET title = 'dye' WHERE id = %s", [event]).rowcount
    assert changed == {creator: 1, guest: 1, outsider: 0}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET creator_id = creator_id",
        "UPDATE events SET journal = 0",
        "INSERT INTO events (title, start_time, end_time, creator_id, status) VALUES ('x', now(), now(), 1, 'DONE')",
        "UPDATE event_participants SET joined_seq = 0",
        "UPDATE payments SET status = 'COMPLETED'",
        "UPDATE payments SET applied_ticket = 1",
        "SELECT payload_encrypted FROM payment_webhooks",
        "UPDATE payment_webhooks SET state = 'done'",
        "INSERT INTO payment_refunds (payment_id, actor_id, amount, state) VALUES (1, 1, 1, 'done')",
        "UPDATE payment_confirms SET state = 'done'",
        "SELECT payload FROM dead_letters",
        "SELECT access_token FROM oauth_tokens",
        "INSERT INTO api_clients (name, key_hash, scopes) VALUES ('x', 'x', '{}')",
        "UPDATE journals SET clock = 0",
        "DELETE FROM idempotency_keys",
    ],
)
def test_ingest_may_not(api: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        api.execute(statement)


def test_a_payment_is_seen_by_payer_and_receiver_and_made_by_one_who_takes_part(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    with acting(api, guest):
        payment = value(api, INSERT_PAYMENT, event, guest, creator)
    seen = {}
    for user in (creator, guest, outsider):
        with acting(api, user):
            seen[user] = (
                value(api, "SELECT count(*) FROM payments WHERE id = %s", payment),
                api.execute("UPDATE payments SET transaction_id = 'pi_1' WHERE id = %s", [payment]).rowcount,
            )
    assert seen == {creator: (1, 1), guest: (1, 1), outsider: (0, 0)}
    for actor, payer, receiver in ((outsider, outsider, creator), (guest, creator, outsider)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, actor):
            api.execute(INSERT_PAYMENT, [event, payer, receiver])


def test_a_refund_is_asked_for_by_its_receiver_and_payer_and_receiver_see_what_was_asked_for(
    api: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    confirm, refund = (
        "INSERT INTO payment_confirms (payment_id, payment_key) VALUES (%s, 'key')",
        "INSERT INTO payment_refunds (payment_id, key, actor_id, amount) VALUES (%s, gen_random_uuid(), %s, 1)",
    )
    with acting(api, guest):
        payment = value(api, INSERT_PAYMENT, event, guest, creator)
        api.execute(confirm, [payment])
    with acting(api, creator):
        api.execute(refund, [payment, creator])
    for actor, statement, row in (
        (guest, refund, [payment, guest]),  # the payer
        (creator, refund, [payment, guest]),  # in somebody else's name
        (outsider, refund, [payment, outsider]),
        (outsider, confirm, [payment]),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, actor):
            api.execute(statement, row)
    seen = {}
    for user in (creator, guest, outsider):
        with acting(api, user):
            seen[user] = tuple(
                value(api, f"SELECT count(*) FROM {jobs} WHERE payment_id = %s", payment)
                for jobs in ("payment_confirms", "payment_refunds")
            )
    assert seen == {creator: (1, 1), guest: (1, 1), outsider: (0, 0)}


def test_taking_part_answers_each_pair_in_order(
    api: Connection, owner: Connection, creator: int, guest: int, outsider: int
) -> None:
    event = make_event(api, creator, guest)
    idle = make_user(owner, name="김", display_name="민지", profile_image_url="https://x/p.png", is_active=False)
    gone = make_user(owner, deleted_at="2026-01-01")
    with acting(api, creator):
        api.execute(INSERT_PARTICIPANT, [event, idle, 5])
    asked = [(event, idle), (2**60, creator), (event, outsider), (event, 2**60), (event, creator), (event, gone)]
    answers = api.execute(
        "SELECT * FROM taking_part(%s, %s)", [[e for e, _ in asked], [u for _, u in asked]]
    ).fetchall()
    assert answers == [
        (event, idle, True, True, False, "민지", "https://x/p.png", 0, 5),
        (2**60, creator, False, False, True, "원장", None, None, None),
        (event, outsider, True, False, True, "", None, 0, None),
        (event, 2**60, True, False, False, "", None, 0, None),
        (event, creator, True, True, True, "원장", None, 0, 0),
        (event, gone, True, False, False, "", None, 0, None),
    ]


def test_functions_that_read_past_the_policies_trust_no_search_path_and_not_everybody(owner: Connection) -> None:
    functions = owner.execute(
        "SELECT proname, proconfig[1], has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc"
        " WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY proname"
    ).fetchall()
    fixed = "search_path=pg_catalog, pg_temp"
    names = [
        "add_first_participants",
        "append_history",
        "audit_report_exists",
        "complete_if_due",
        "copy_start_time",
        "events_lag",
        "guard_event_history",
        "guard_participant_history",
        "guard_payment_history",
        "guard_refund_sum",
        "keep_start_time",
        "open_slot_is_booked",
        "payment_of_order",
        "payment_parties",
        "payments_lag",
        "reports_lag",
        "takes_part",
        "taking_part",
    ]
    assert functions == [(name, fixed, False) for name in names]


INSERT_REPORT = """
    INSERT INTO audit_reports (event_id, requested_by, language, history_length, history_head)
    VALUES (%s, %s, 'ko', 0, decode(repeat('00', 32), 'hex')) RETURNING id"""


@pytest.fixture
def pro(owner: Connection) -> int:
    return make_user(owner, plan="PRO")


def test_a_report_is_asked_for_by_oneself_taking_part_with_the_plan_pro(
    api: Connection, creator: int, pro: int, outsider: int
) -> None:
    """P9."""
    event = make_event(api, creator, pro)
    for actor, requested_by in ((creator, creator), (outsider, outsider), (creator, pro)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, actor):
            api.execute(INSERT_REPORT, [event, requested_by])
    with acting(api, pro):
        assert value(api, INSERT_REPORT, event, pro)


def test_a_report_is_seen_and_canceled_by_whoever_asked_for_it_while_they_take_part(
    api: Connection, owner: Connection, creator: int, pro: int
) -> None:
    """P9. Ingest may cancel it, and write nothing else."""
    event = make_event(api, creator, pro)
    with acting(api, pro):
        report = value(api, INSERT_REPORT, event, pro)
    for actor, seen in ((pro, 1), (creator, 0)):
        with acting(api, actor):
            assert value(api, "SELECT count(*) FROM audit_reports WHERE id = %s", report) == seen
            assert value(api, "SELECT audit_report_exists(%s)", report)
            assert api.execute("UPDATE audit_reports SET status = status WHERE FALSE").rowcount == 0
    for sets in ("status = 'running'", "sha256 = 'x'", "requested_by = 1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, pro):
            api.execute(f"UPDATE audit_reports SET {sets} WHERE id = %s", [report])
    owner.execute("DELETE FROM event_participants WHERE event_id = %s AND user_id = %s", [event, pro])
    with acting(api, pro):
        assert api.execute("UPDATE audit_reports SET status = 'canceled' WHERE id = %s", [report]).rowcount == 0
