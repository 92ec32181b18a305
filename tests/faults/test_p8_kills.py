"""P8. SIGKILL of a worker's process between any two of its steps: what it held is found by the sweep, and done once."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Final

import psycopg

from domain.payment import NOTHING, PaymentStatus, Provider
from stores.waiting import Jobs
from tests.faults.paying import AMOUNT, Till
from tests.waiting import wait_until

COUNT_BLOCKED: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE %s"""
SENT: Final = "SELECT first_sent_at IS NOT NULL FROM payment_refunds WHERE id = %s"
LATENCY_S: Final = 0.4
"""Of the fake: time to lock a table between a worker's call and its answer."""


@contextmanager
def blocked(till: Till, statement: str, *parameters: object) -> Iterator[psycopg.Connection]:
    """Whoever wants these rows waits meanwhile."""
    with psycopg.connect(till.own.env["TIMINGLE_POSTGRES_URL"]) as connection:
        connection.execute(statement, parameters)
        yield connection
        connection.rollback()


def wait_blocked(till: Till, query: str) -> None:
    """Until the worker wants them."""
    wait_until(f"blocked at {query}", lambda: till.own.sql(COUNT_BLOCKED, query) != [(0,)])


def test_a_worker_killed_between_its_fetch_and_its_commit_leaves_all_to_the_sweep(till: Till) -> None:
    asked = till.ask()
    till.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE")
    inbox_id = till.keep(Provider.TOSS, till.events(asked)[0].body) or 0
    with (
        blocked(till, "SELECT FROM events WHERE id = %s FOR UPDATE", till.event_id),
        till.worker(Jobs.WEBHOOKS, inbox_id) as worker,
    ):
        wait_blocked(till, "SELECT id FROM events%")
        worker.kill()
        worker.wait()
    assert till.fakes.toss.calls == 1, "its fetch was answered"
    assert till.state(asked.id) == (PaymentStatus.PENDING, NOTHING)
    assert till.job(Jobs.WEBHOOKS, inbox_id, "state, held_until > now()") == ("waiting", True)
    till.heal()
    assert till.state(asked.id) == (PaymentStatus.COMPLETED, NOTHING)
    assert len(till.told(asked.id)) == 2
    assert till.faults() == []


def test_a_worker_killed_between_its_refund_call_and_its_note_refunds_once(till: Till) -> None:
    """The provider has given the money back, and nobody here knows."""
    paid, _ = till.paid()
    refund_id = till.ask_refund(paid, 5_000)
    till.fakes.toss.take(LATENCY_S)
    with till.worker(Jobs.REFUNDS, refund_id) as worker:
        wait_until("the call is under way", lambda: till.own.sql(SENT, refund_id) == [(True,)])
        with blocked(till, "LOCK TABLE payment_refunds IN SHARE MODE"):
            wait_blocked(till, "UPDATE payment_refunds%")
            worker.kill()
            worker.wait()
    till.fakes.toss.take(0)
    (at_toss,) = till.fakes.toss.payments(paid.order_id)
    assert at_toss.balance_amount == AMOUNT - 5_000, "the call was answered"
    noted = till.job(Jobs.REFUNDS, refund_id, "state, provider_refund_id, held_until > now()")
    assert noted == ("waiting", None, True)
    till.fakes.toss.forget_keys()
    till.heal()
    (at_toss,) = till.fakes.toss.payments(paid.order_id)
    assert at_toss.balance_amount == AMOUNT - 5_000
    assert till.job(Jobs.REFUNDS, refund_id) == ("done", None)
    assert till.state(paid.id) == (PaymentStatus.COMPLETED, Decimal(5_000))
    assert till.faults() == []
