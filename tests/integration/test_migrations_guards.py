"""What PostgreSQL itself refuses, whoever tries, and what it keeps by itself."""

from collections.abc import Iterator
from itertools import product

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain import report_state
from domain.event_status import ALLOWED, EventStatus
from domain.report_state import ReportStatus
from local.stack import Stack
from stores import migrations, migrations_postgres
from stores.migrations_files import read_folder
from tests.integration.databases import ROOT, place

P, C, X, D = EventStatus
WAYS = {P: (), C: (C,), X: (X,), D: (C, D)}
"""How each state is reached."""
PINNED = "event_id, requested_by, language, history_length, history_head"
INSERT_REPORT = f"INSERT INTO audit_reports ({PINNED})"
RUNNING, READY = ReportStatus.RUNNING, ReportStatus.READY
REPORT_WAYS = {
    ReportStatus.QUEUED: (),
    RUNNING: (RUNNING,),
    READY: (RUNNING, READY),
    ReportStatus.FAILED: (RUNNING, ReportStatus.FAILED),
    ReportStatus.CANCELED: (ReportStatus.CANCELED,),
    ReportStatus.EXPIRED: (RUNNING, READY, ReportStatus.EXPIRED),
}


@pytest.fixture(scope="module")
def migrated(stack: Stack) -> Iterator[str]:
    with place(stack.env) as made:
        with migrations_postgres.connect(made.postgres_url) as schema:
            migrations.up(schema, read_folder(ROOT / "migrations"), print)
        yield made.postgres_url


@pytest.fixture
def owner(migrated: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """A superuser with a user, an event of his, a participant and a payment, all taken back afterwards."""
    with psycopg.connect(migrated) as connection:
        connection.execute("INSERT INTO users (id, phone_encrypted, phone_hash, email) VALUES (1, '1', '1', 'a@b.c')")
        connection.execute(
            "INSERT INTO events (id, title, start_time, end_time, creator_id) VALUES (1, 't', now(), now() + '1 h', 1)"
        )
        connection.execute("INSERT INTO event_participants (event_id, user_id) VALUES (1, 1)")
        connection.execute(
            "INSERT INTO payments (event_id, payer_id, receiver_id, amount, status) VALUES (1, 1, 1, 5, 'PENDING')"
        )
        connection.execute(f"{INSERT_REPORT} VALUES (1, 1, 'ko', 0, decode(repeat('00', 32), 'hex'))")
        yield connection
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        *(f"DELETE FROM {table}" for table in ("users", "events", "payments")),
        *(f"TRUNCATE {table} CASCADE" for table in ("users", "events", "payments", "event_participants")),
    ],
)
def test_a_hard_delete_is_refused_even_to_a_superuser(migrated: str, statement: str) -> None:
    with (
        psycopg.connect(migrated) as owner,
        pytest.raises(psycopg.errors.RestrictViolation, match="is refused"),
    ):
        owner.execute(statement)


@pytest.mark.parametrize(("old", "new"), list(product(EventStatus, repeat=2)))
def test_postgres_allows_exactly_what_domain_allows(
    owner: psycopg.Connection[TupleRow], old: EventStatus, new: EventStatus
) -> None:
    """P6. Every pair of states; also where session_replication_role says that triggers do not count."""
    owner.execute("SET LOCAL session_replication_role = replica")
    for step in WAYS[old]:
        owner.execute("UPDATE events SET status = %s", [step])
    if new is old or new in ALLOWED[old]:
        owner.execute("UPDATE events SET status = %s", [new])
    else:
        with pytest.raises(psycopg.errors.CheckViolation, match=f"does not go from {old} to {new}"):
            owner.execute("UPDATE events SET status = %s", [new])


@pytest.mark.parametrize(("old", "new"), list(product(ReportStatus, repeat=2)))
def test_postgres_lets_a_report_become_exactly_what_domain_does(
    owner: psycopg.Connection[TupleRow], old: ReportStatus, new: ReportStatus
) -> None:
    """P9. Every pair of states."""
    owner.execute("UPDATE audit_reports SET object_key = 'k', sha256 = 's', size_bytes = 1, expires_at = now()")
    for step in REPORT_WAYS[old]:
        owner.execute("UPDATE audit_reports SET status = %s", [step])
    if new is old or new in report_state.ALLOWED[old]:
        owner.execute("UPDATE audit_reports SET status = %s", [new])
    else:
        with pytest.raises(psycopg.errors.CheckViolation, match=f"does not go from {old} to {new}"):
            owner.execute("UPDATE audit_reports SET status = %s", [new])


@pytest.mark.parametrize(
    "change",
    ["history_length = 9", "history_head = decode(repeat('01', 32), 'hex')", "language = 'en'", "event_id = 2"],
)
def test_what_a_report_is_about_stays(owner: psycopg.Connection[TupleRow], change: str) -> None:
    """P9."""
    with pytest.raises(psycopg.errors.CheckViolation, match="is about stays"):
        owner.execute(f"UPDATE audit_reports SET {change}")


@pytest.mark.parametrize("table", ["users", "events", "payments", "audit_reports"])
def test_updated_at_is_kept_whatever_a_statement_says(owner: psycopg.Connection[TupleRow], table: str) -> None:
    owner.execute(f"UPDATE {table} SET updated_at = '2000-01-01'")
    assert owner.execute(f"SELECT updated_at = now() FROM {table}").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE events SET end_time = start_time", psycopg.errors.CheckViolation),
        ("UPDATE events SET status = 'LOST'", psycopg.errors.CheckViolation),
        ("UPDATE events SET journal = 9", psycopg.errors.ForeignKeyViolation),
        ("UPDATE users SET role = 'ADMIN'", psycopg.errors.CheckViolation),
        ("UPDATE users SET plan = NULL", psycopg.errors.NotNullViolation),
        ("UPDATE payments SET amount = 0", psycopg.errors.CheckViolation),
        ("UPDATE payments SET currency = 'won'", psycopg.errors.CheckViolation),
        ("UPDATE payments SET status = 'PAID'", psycopg.errors.CheckViolation),
        ("UPDATE payments SET refunded_amount = 5.01", psycopg.errors.CheckViolation),
        ("UPDATE payments SET order_id = 'short'", psycopg.errors.CheckViolation),
        ("UPDATE payments SET applied_ticket = 1", psycopg.errors.CheckViolation),
        (
            "UPDATE audit_reports SET status = 'running'; UPDATE audit_reports SET status = 'ready'",
            psycopg.errors.CheckViolation,
        ),
        ("UPDATE audit_reports SET progress = 1.1", psycopg.errors.CheckViolation),
        (f"{INSERT_REPORT} SELECT {PINNED} FROM audit_reports", psycopg.errors.UniqueViolation),
        ("INSERT INTO users (phone_encrypted, phone_hash) VALUES ('1', '1')", psycopg.errors.UniqueViolation),
        (
            "INSERT INTO users (phone_encrypted, phone_hash, email) VALUES ('2', '2', 'a@b.c')",
            psycopg.errors.UniqueViolation,
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    owner: psycopg.Connection[TupleRow], statement: str, error: type[psycopg.Error]
) -> None:
    with pytest.raises(error):
        owner.execute(statement)


def test_number_and_address_of_a_deleted_user_can_be_used_again(owner: psycopg.Connection[TupleRow]) -> None:
    owner.execute("UPDATE users SET deleted_at = now()")
    owner.execute("INSERT INTO users (phone_encrypted, phone_hash, email) VALUES ('1', '1', 'a@b.c')")


def test_journal_0_is_there_from_the_start(owner: psycopg.Connection[TupleRow]) -> None:
    assert owner.execute("SELECT id, clock, noted_at FROM journals").fetchall() == [(0, 0, None)]
