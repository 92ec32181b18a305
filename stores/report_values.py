"""PostgreSQL: users, event_participants and payments, as an audit report tells of them beside its chain (P9)."""

from collections.abc import Iterable
from typing import Final

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from domain.audit_report import ReportedParticipant, ReportedPayment
from domain.keyring import KeyRing
from domain.phone import masked
from stores.errors import postgres_errors
from stores.users import place_of_phone

SELECT_PEOPLE: Final = """
    SELECT u.id, nullif(coalesce(u.display_name, u.name), ''), u.phone_encrypted, p.confirmed_at
    FROM users AS u LEFT JOIN event_participants AS p ON p.user_id = u.id AND p.event_id = %s AND p.confirmed
    WHERE u.id = ANY(%s) ORDER BY u.id"""
SELECT_PAYMENTS: Final = """
    SELECT id, amount, currency, refunded_amount AS refunded, status, payment_method AS method, created_at
    FROM payments WHERE event_id = %s ORDER BY id"""


def people(
    pool: ConnectionPool, keys: KeyRing, event_id: int, user_ids: Iterable[int]
) -> tuple[ReportedParticipant, ...]:
    """These users as they are called now, phone numbers masked, by id. Raises NotDecryptable, Away."""
    with postgres_errors(), pool.connection() as connection:
        rows = connection.execute(SELECT_PEOPLE, (event_id, list(user_ids))).fetchall()
    return tuple(
        ReportedParticipant(
            user_id=user_id,
            name=name,
            phone=masked(keys.decrypt(encrypted, place_of_phone(user_id)).decode()),
            confirmed_at=confirmed_at,
        )
        for user_id, name, encrypted, confirmed_at in rows
    )


def payments(pool: ConnectionPool, event_id: int) -> tuple[ReportedPayment, ...]:
    """The payments of an event as they stand, by id. Raises Away."""
    with (
        postgres_errors(),
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(ReportedPayment)) as cursor,
    ):
        return tuple(cursor.execute(SELECT_PAYMENTS, (event_id,)))
