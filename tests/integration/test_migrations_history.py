"""What PostgreSQL itself refuses of an event's history, whoever tries, the owner of the tables too (P6)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import count

import psycopg
import pytest

from domain.event_changes import confirm, creation, remove
from domain.event_status import EventStatus
from domain.history import Change, ChangeType
from domain.history_verify import verify
from local.stack import Stack
from stores import migrations, migrations_postgres
from stores.events import ADD_FIRST_PARTICIPANTS
from stores.migrations_files import read_folder
from stores.payments import UPDATE_PAYMENT
from tests.integration.chained import (
    INSERT_EVENT,
    Connection,
    acting,
    chain,
    chain_as_owner,
    make_event,
    read_chain,
    read_event,
    read_payments,
    value,
)
from tests.integration.databases import ROOT, Place, place
from tests.integration.tampering import forget

PHONES = count()
CROWD = 500
REFUSED = psycopg.errors.RestrictViolation
UNCHAINED = psycopg.errors.CheckViolation


@pytest.fixture(scope="module")
def where(stack: Stack) -> Iterator[Place]:
    with place(stack.env) as made:
        with migrations_postgres.connect(made.postgres_url) as schema:
            migrations.up(schema, read_folder(ROOT / "migrations"), print)
        yield made


@pytest.fixture(scope="module")
def owner(where: Place) -> Iterator[Connection]:
    """A superuser, who owns the tables."""
    with psycopg.connect(where.postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def api(where: Place) -> Iterator[Connection]:
    with psycopg.connect(where.postgres_api_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def people(owner: Connection) -> tuple[int, int]:
    """A creator with a name, and a guest without."""
    made = []
    for name in ("원장", None):
        phone = next(PHONES).to_bytes(8, "big")
        insert = "INSERT INTO users (phone_encrypted, phone_hash, name) VALUES (%s, %s, %s) RETURNING id"
        made.append(int(value(owner, insert, phone, phone, name)))
    return made[0], made[1]


@pytest.fixture
def event(api: Connection, people: tuple[int, int]) -> int:
    """An event of both, with a history of three entries."""
    return make_event(api, *people)


def in_one_transaction(connection: Connection) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """What a function does, to be committed at its end."""

    def wrap(work: Callable[[], None]) -> Callable[[], None]:
        @wraps(work)
        def run() -> None:
            with connection.transaction():
                work()

        return run

    return wrap


def faults(owner: Connection, event_id: int) -> list[object]:
    return list(verify(read_chain(owner, event_id), read_event(owner, event_id), None, read_payments(owner, event_id)))


def test_sql_makes_the_bytes_that_python_checks(owner: Connection, api: Connection, people: tuple[int, int]) -> None:
    """P6. Of every kind of entry: hashes, bytes, columns, commitments, order of keys, and where they lead."""
    creator, guest = people
    event_id = make_event(api, creator, guest)
    with acting(api, guest):
        before = read_event(api, event_id)
        api.execute("UPDATE events SET title = 'dye \"1\" ✂️', description = '' WHERE id = %s", [event_id])
        texts = ({"old_value": "cut", "new_value": 'dye "1" ✂️'}, {"new_value": ""})
        updated = [
            Change(change_type=ChangeType.UPDATED, field_name=name, texts=text)
            for name, text in zip(("title", "description"), texts, strict=True)
        ]
        chain(api, event_id, updated)
        api.execute("UPDATE event_participants SET confirmed = TRUE WHERE user_id = %s", [guest])
        api.execute("UPDATE events SET status = 'CONFIRMED' WHERE id = %s", [event_id])
        chain(api, event_id, confirm(before, guest).changes)
    entries = read_chain(owner, event_id)
    assert faults(owner, event_id) == []
    assert [entry.chain_seq for entry in entries] == list(range(1, 8))
    assert [entry.change_id for entry in entries] == sorted(entry.change_id for entry in entries)
    assert [entry.changed_at for entry in entries] == sorted(entry.changed_at for entry in entries)
    assert all(entry.changed_at.microsecond % 1_000 == 0 for entry in entries)
    assert {entry.actor_name for entry in entries[:3]} == {"원장"}
    assert {(entry.actor_id, entry.actor_name) for entry in entries[3:]} == {(guest, None)}
    assert {(entry.ip_address, entry.user_agent) for entry in entries} == {("203.0.113.9", "test/1")}
    assert [dict(entry.metadata) for entry in entries[:3]] == [{"title": "cut"}, {"name": "원장"}, {}]
    salts = [salt for entry in entries for salt in entry.salts.values()]
    assert len(set(salts)) == len(salts)
    assert {len(salt) for salt in salts} == {32}
    assert b"203.0.113.9" not in b"".join(entry.hashed_bytes for entry in entries)


def test_the_next_entry_is_later_than_the_last_whatever_the_clock_says(owner: Connection, event: int) -> None:
    owner.execute("UPDATE events SET history_at = now() + interval '1 hour' WHERE id = %s", [event])
    with owner.transaction():
        owner.execute("UPDATE events SET location = 'x' WHERE id = %s", [event])
        chain_as_owner(
            owner, event, Change(change_type=ChangeType.UPDATED, field_name="location", texts={"new_value": "x"})
        )
    assert read_chain(owner, event)[3].changed_at - datetime.now(UTC) > timedelta(minutes=59)
    assert faults(owner, event) == []


@pytest.mark.parametrize(
    "change",
    [
        "title = 'dye'",
        "description = 'x'",
        "location = 'x'",
        "start_time = start_time - interval '1 s'",
        "end_time = end_time + interval '1 s'",
        "status = 'CONFIRMED'",
        "status = 'CANCELED', canceled_reason = 'x'",
        "canceled_reason = 'x'",
        "creator_id = (SELECT max(id) FROM users)",
        "history_length = history_length + 1",
        "history_length = history_length - 1",
        "history_length = 0, history_head = NULL",
        "history_head = sha256('x')",
        "history_head = NULL",
    ],
)
def test_an_event_is_not_changed_without_its_history(owner: Connection, event: int, change: str) -> None:
    before = read_event(owner, event)
    with pytest.raises(UNCHAINED, match=f"of event {event} changed, and its history does not say so"):
        owner.execute(f"UPDATE events SET {change} WHERE id = %s", [event])
    assert read_event(owner, event) == before


def test_what_history_does_not_know_may_change(owner: Connection, event: int) -> None:
    owner.execute("UPDATE events SET updated_at = now(), journal = journal WHERE id = %s", [event])


@pytest.mark.parametrize(
    "said",
    [
        Change(change_type=ChangeType.UPDATED, field_name="location", texts={"new_value": "dye"}),
        Change(change_type=ChangeType.UPDATED, field_name="title", texts={"old_value": "cut", "new_value": "dye."}),
        Change(change_type=ChangeType.PARTICIPANT_CONFIRMED, field_name="participants", new_value={"user_id": 1}),
    ],
)
def test_an_entry_about_something_else_does_not_do(owner: Connection, event: int, said: Change) -> None:
    @in_one_transaction(owner)
    def change_and_say() -> None:
        owner.execute("UPDATE events SET title = 'dye' WHERE id = %s", [event])
        chain_as_owner(owner, event, said)

    with pytest.raises(UNCHAINED):
        change_and_say()


def test_a_new_event_begins_its_history_as_proposed(owner: Connection, people: tuple[int, int]) -> None:
    insert = """
        INSERT INTO events (title, start_time, end_time, creator_id, status)
        VALUES ('cut', now(), now() + interval '1 h', %s, %s) RETURNING id"""
    with pytest.raises(UNCHAINED):
        owner.execute(insert, [people[0], "PROPOSED"])

    @in_one_transaction(owner)
    def make_confirmed() -> None:
        event_id = value(owner, insert, people[0], "CONFIRMED")
        chain_as_owner(owner, event_id, *creation(read_event(owner, event_id)))

    with pytest.raises(UNCHAINED):
        make_confirmed()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event_participants SET confirmed = TRUE WHERE event_id = %s AND NOT confirmed",
        "UPDATE event_participants SET confirmed = FALSE WHERE event_id = %s AND confirmed",
        "UPDATE event_participants SET joined_seq = 1 WHERE event_id = %s",
        "UPDATE event_participants SET user_id = (SELECT min(id) FROM users) WHERE event_id = %s AND confirmed",
        "DELETE FROM event_participants WHERE event_id = %s AND confirmed",
        "INSERT INTO event_participants (event_id, user_id) SELECT %s, min(id) FROM users",
    ],
)
def test_participants_do_not_change_without_their_events_history(owner: Connection, event: int, statement: str) -> None:
    before = read_event(owner, event)
    with pytest.raises(UNCHAINED, match="participants of event"):
        owner.execute(statement, [event])
    assert read_event(owner, event) == before


def test_when_somebody_confirmed_cannot_be_set(owner: Connection, event: int) -> None:
    before = owner.execute("SELECT * FROM event_participants WHERE event_id = %s ORDER BY 2", [event]).fetchall()
    owner.execute("UPDATE event_participants SET confirmed_at = '2000-01-01' WHERE event_id = %s", [event])
    after = owner.execute("SELECT * FROM event_participants WHERE event_id = %s ORDER BY 2", [event]).fetchall()
    assert after == before
    assert [row[3] is None for row in after] == [False, True]


def test_a_payment_does_not_change_its_state_without_its_events_history(
    owner: Connection, event: int, people: tuple[int, int]
) -> None:
    insert = """
        INSERT INTO payments (event_id, payer_id, receiver_id, amount, status)
        VALUES (%s, %s, %s, 10000, 'PENDING') RETURNING id"""
    with pytest.raises(UNCHAINED, match="payments of event"):
        owner.execute(insert, [event, *people])
    state = {"payer_id": people[0], "receiver_id": people[1], "amount": "10000.00", "currency": "KRW"}
    pending = {**state, "refunded_amount": "0.00", "status": "PENDING"}
    with owner.transaction():
        payment = value(owner, insert, event, *people)
        pending["payment_id"] = payment
        made = Change(change_type=ChangeType.PAYMENT_CREATED, field_name="payments", new_value=pending)
        chain_as_owner(owner, event, made)
    owner.execute("UPDATE payments SET transaction_id = 'pi_1', issued_ticket = 1 WHERE id = %s", [payment])
    fetched = "applied_ticket = 1"
    for change in (
        f"status = 'COMPLETED', {fetched}",
        f"refunded_amount = 1, {fetched}",
        "amount = 1",
        "event_id = NULL",
    ):
        with pytest.raises(UNCHAINED, match="payments of event"):
            owner.execute(f"UPDATE payments SET {change} WHERE id = %s", [payment])
    paid = Change(
        change_type=ChangeType.PAYMENT_CHANGED,
        field_name="payments",
        old_value=pending,
        new_value={**pending, "status": "COMPLETED"},
    )
    with owner.transaction():
        owner.execute(f"UPDATE payments SET status = 'COMPLETED', {fetched} WHERE id = %s", [payment])
        chain_as_owner(owner, event, paid)
    assert faults(owner, event) == []
    forget(owner, event)
    owner.execute("UPDATE payments SET issued_ticket = 3 WHERE id = %s", [payment])
    owner.execute(UPDATE_PAYMENT, ["COMPLETED", 0, "pi_1", 2, None, payment])  # asked about again: nothing has changed
    with pytest.raises(UNCHAINED, match="payments of event"):
        owner.execute(UPDATE_PAYMENT, ["REFUNDED", 10_000, "pi_1", 3, None, payment])
    alone = "INSERT INTO payments (payer_id, receiver_id, amount, status) VALUES (%s, %s, 1, 'PENDING')"
    owner.execute(alone, people)  # of no event: there is no history that could tell of it


COLUMNS = {
    "event_id": "event_id + 1000000",
    "chain_seq": "chain_seq + 1000",
    "change_id": "gen_random_uuid()",
    "changed_at": "changed_at - interval '40 days'",
    "change_type": "'DONE'",
    "field_name": "'x'",
    "actor_id": "NULL",
    "actor_name": "'x'",
    "ip_address": "'x'",
    "user_agent": "'x'",
    "old_value": "'1'",
    "new_value": "NULL",
    "metadata": """metadata || '{"title": "x"}'""",
    "salts": """salts || '{"title": "00"}'""",
    "prev_hash": "sha256('x')",
    "entry_hash": "sha256('x')",
    "hashed_bytes": "'x'",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_no_chained_column_can_be_changed(owner: Connection, event: int, column: str) -> None:
    before = read_chain(owner, event)
    with pytest.raises(REFUSED, match="UPDATE of event_history_outbox is refused"):
        owner.execute(f"UPDATE event_history_outbox SET {column} = {COLUMNS[column]} WHERE event_id = %s", [event])
    assert read_chain(owner, event) == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM event_history_outbox",
        "DELETE FROM event_history_outbox WHERE chain_seq = 3",
        "TRUNCATE event_history_outbox",
        "TRUNCATE events, event_history_outbox CASCADE",
        "SET session_replication_role = replica; DELETE FROM event_history_outbox",
        "SET session_replication_role = replica; UPDATE event_history_outbox SET change_type = 'DONE'",
        "SET session_replication_role = replica; TRUNCATE event_history_outbox",
    ],
)
def test_no_entry_can_be_deleted(owner: Connection, event: int, statement: str) -> None:
    before = read_chain(owner, event)
    with pytest.raises(REFUSED, match="is refused"), owner.transaction():
        owner.execute(statement)
    assert read_chain(owner, event) == before


def test_an_entry_may_go_when_it_is_relayed_and_older_than_35_days(
    owner: Connection, api: Connection, people: tuple[int, int]
) -> None:
    """An old chain is made by an old clock: entries can be later than the clock, never earlier."""
    event_id = make_event(api, *people)
    owner.execute("ALTER TABLE event_history_outbox DISABLE TRIGGER guard_history_rows")
    age = "UPDATE event_history_outbox SET changed_at = now() - make_interval(days => %s) WHERE event_id = %s"
    for days, is_relayed, goes in ((36, False, False), (34, True, False), (36, True, True)):
        owner.execute("ALTER TABLE event_history_outbox DISABLE TRIGGER guard_history_rows")
        owner.execute(age, [days, event_id])
        owner.execute("ALTER TABLE event_history_outbox ENABLE ALWAYS TRIGGER guard_history_rows")
        owner.execute(
            "UPDATE event_history_outbox SET relayed_at = CASE WHEN %s THEN now() END WHERE event_id = %s",
            [is_relayed, event_id],
        )
        delete = "DELETE FROM event_history_outbox WHERE event_id = %s AND chain_seq = 1"
        if goes:
            assert owner.execute(delete, [event_id]).rowcount == 1
        else:
            with pytest.raises(REFUSED):
                owner.execute(delete, [event_id])


def test_what_is_committed_to_can_be_erased_and_nothing_else(owner: Connection, event: int) -> None:
    owner.execute(
        """UPDATE event_history_outbox SET actor_name = NULL, ip_address = NULL, user_agent = NULL,
            metadata = '{}', salts = '{}' WHERE event_id = %s""",
        [event],
    )
    assert faults(owner, event) == []
    for change in ("actor_name = '원장'", "new_value = NULL", """salts = '{"title": "00"}'"""):
        with pytest.raises(REFUSED):
            owner.execute(f"UPDATE event_history_outbox SET {change} WHERE event_id = %s", [event])


def test_no_entry_can_be_slipped_in(owner: Connection, event: int) -> None:
    copy = """
        INSERT INTO event_history_outbox
        SELECT event_id, changed_at, change_id, actor_id, actor_name, change_type, field_name, old_value, new_value,
            ip_address, user_agent, metadata, {seq}, {prev}, {hash}, hashed_bytes, salts
        FROM event_history_outbox WHERE event_id = %s AND chain_seq = 3"""
    chained = {"prev": "entry_hash", "hash": "sha256(entry_hash || hashed_bytes)"}
    with pytest.raises(UNCHAINED, match="beyond the end"):
        owner.execute(copy.format(seq=4, **chained), [event])
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute(copy.format(seq=3, **chained), [event])
    with pytest.raises(UNCHAINED, match="hash_check"):
        owner.execute(copy.format(seq=4, prev="entry_hash", hash="entry_hash"), [event])

    @in_one_transaction(owner)
    def grow_with_another_head() -> None:
        head = read_chain(owner, event)[2].entry_hash
        owner.execute("UPDATE events SET history_length = 4, history_head = %s WHERE id = %s", [head, event])
        owner.execute(copy.format(seq=4, **chained), [event])

    with pytest.raises(UNCHAINED, match="history of event"):
        grow_with_another_head()


def confirmed(api: Connection, creator: int, guest: int, hours: float) -> int:
    """An event that both have agreed to, which ends in so many hours."""
    event_id = make_event(api, creator, guest, hours=hours)
    with acting(api, guest):
        before = read_event(api, event_id)
        api.execute(
            "UPDATE event_participants SET confirmed = TRUE WHERE event_id = %s AND user_id = %s", [event_id, guest]
        )
        api.execute("UPDATE events SET status = 'CONFIRMED' WHERE id = %s", [event_id])
        chain(api, event_id, confirm(before, guest).changes)
    return event_id


def test_a_due_event_is_done_by_the_clock_and_once_whoever_asks(
    owner: Connection, api: Connection, people: tuple[int, int]
) -> None:
    """P7."""
    proposed, later, due = make_event(api, *people, hours=-1), confirmed(api, *people, 1), confirmed(api, *people, -1)
    ask = "SELECT complete_if_due(%s)"
    assert [value(api, ask, event_id) for event_id in (proposed, later, due, due, 2**60)] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert read_event(owner, due).status is EventStatus.DONE
    last = read_chain(owner, due)[-1]
    assert (last.change_type, last.field_name, last.old_value, last.new_value) == (
        "DONE",
        "status",
        '"CONFIRMED"',
        '"DONE"',
    )
    assert (last.actor_id, last.actor_name, last.ip_address, last.salts) == (None, None, None, {})
    assert faults(owner, due) == []


def test_many_events_are_done_in_one_statement_each_with_its_entry(
    owner: Connection, api: Connection, people: tuple[int, int]
) -> None:
    """P6, P7."""
    due = [confirmed(api, *people, -1) for _ in range(5)]
    sweep = """
        SELECT event_id FROM complete_events(ARRAY(
            SELECT done_change(e) FROM events AS e
            WHERE status = 'CONFIRMED' AND end_time <= now() AND id = ANY(%s)
            ORDER BY end_time, id FOR NO KEY UPDATE SKIP LOCKED)) ORDER BY event_id"""
    assert owner.execute(sweep, [due]).fetchall() == [(event_id,) for event_id in due]
    assert [len(read_chain(owner, event_id)) for event_id in due] == [6] * 5
    assert owner.execute(sweep, [due]).fetchall() == []
    assert [faults(owner, event_id) for event_id in due] == [[]] * 5


def test_only_who_takes_part_extends_a_history(owner: Connection, api: Connection, people: tuple[int, int]) -> None:
    creator, outsider = people
    event_id = make_event(api, creator)
    entry = Change(change_type=ChangeType.UPDATED, field_name="location", texts={"new_value": "x"})
    for actor in (outsider, 2**60):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(api, actor):
            chain(api, event_id, [entry])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        chain(api, event_id, [entry])  # nobody acts
    assert len(read_chain(owner, event_id)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM event_history_outbox",
        "INSERT INTO event_history_outbox DEFAULT VALUES",
        "UPDATE event_history_outbox SET relayed_at = now()",
        "DELETE FROM event_history_outbox",
        "SELECT append_changes(1, '[]', 1, '{}')",
        "SELECT complete_events('{}')",
        "SELECT chain_history('{}', 1, '{}')",
        "UPDATE events SET history_length = 9",
        "UPDATE events SET history_head = NULL",
        "UPDATE events SET history_at = NULL",
    ],
)
def test_ingest_reaches_history_by_its_own_function_only(api: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        api.execute(statement)


def test_who_takes_himself_out_tells_of_it_first(
    owner: Connection, api: Connection, people: tuple[int, int], event: int
) -> None:
    creator, guest = people
    with acting(api, guest):
        gone = remove(read_event(api, event), guest, guest, None)
        chain(api, event, gone.changes)
        api.execute("DELETE FROM event_participants WHERE event_id = %s AND user_id = %s", [event, guest])
    assert faults(owner, event) == []
    assert [one.user_id for one in read_event(owner, event).participants] == [creator]


def test_each_participant_is_looked_up_alone_however_long_the_history_is(stack: Stack) -> None:
    """A plan that a connection has kept from a small table must not read the whole history for each of many."""
    make_users = """
        INSERT INTO users (phone_encrypted, phone_hash) SELECT '', sha256(uuid_send(gen_random_uuid()))
        FROM generate_series(1, %s) RETURNING id"""
    read = """
        SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables
        WHERE relname = 'event_history_outbox'"""
    with place(stack.env) as made:
        with migrations_postgres.connect(made.postgres_url) as schema:
            migrations.up(schema, read_folder(ROOT / "migrations"), print)
        with psycopg.connect(made.postgres_url, autocommit=True) as owner:
            creator, *crowd = [int(row[0]) for row in owner.execute(make_users, [CROWD])]
            for _ in range(8):  # as often as it takes to keep a plan
                make_event(owner, creator, crowd[0])
            with acting(owner, creator):
                event_id = int(value(owner, INSERT_EVENT, 1, creator))
                owner.execute(ADD_FIRST_PARTICIPANTS, [event_id, crowd])
                chain(owner, event_id, creation(read_event(owner, event_id)))
                owner.execute("SET CONSTRAINTS ALL IMMEDIATE")
                assert value(owner, read) < 10 * CROWD
