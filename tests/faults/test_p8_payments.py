"""P8. A payment is what its provider says, whatever order, number or forgery of webhooks arrives, and whoever dies."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Final
from uuid import uuid4

import psycopg
import pytest

from domain.money import Money
from domain.payment import NOTHING, PaymentStatus, Provider
from domain.payment_ticket import LAG_TRIES_MAX
from providers import toss
from stores import payment_jobs, payments
from stores.payment_inbox import QUARANTINE
from stores.waiting import Jobs
from tasks.payments import apply_refund, apply_webhook
from tasks.settlement import apply, fetch, settle
from tasks.upkeep import trim_inbox
from tests.faults.paying import AMOUNT, INSERT_REFUND, Till, Told
from tests.waiting import wait_until

PENDING, COMPLETED, REFUNDED, FAILED = PaymentStatus
COUNT_WAITING_FOR_LOCK: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%payment_refunds%%'"""
CREATED: Final = Told("PAYMENT_CREATED", PENDING, NOTHING)
PAID: Final = Told("PAYMENT_CHANGED", COMPLETED, NOTHING)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "the later one first"])
def test_done_and_aborted_within_milliseconds_end_as_aborted_in_whatever_order_they_are_heard(
    till: Till, order: tuple[int, int]
) -> None:
    """As Toss was seen to send them, 46 ms apart."""
    asked = till.ask()
    key = till.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE").payment_key
    till.fakes.toss.become(key, "ABORTED")
    events = till.events(asked)
    for number in order:
        till.hear(asked, events[number])
    till.heal()
    assert till.state(asked.id) == (FAILED, NOTHING)
    assert till.told(asked.id) == [CREATED, Told("PAYMENT_CHANGED", FAILED, NOTHING)]
    assert till.faults() == []


def test_what_a_provider_takes_back_between_two_webhooks_is_told_as_a_correction(till: Till) -> None:
    paid, key = till.paid()
    for status in ("ABORTED", "DONE", "WAITING_FOR_DEPOSIT"):
        till.fakes.toss.become(key, status)
        till.hear_all(paid)
    till.heal()
    assert till.told(paid.id) == [
        CREATED, PAID,
        Told("PAYMENT_CORRECTED", FAILED, NOTHING),
        Told("PAYMENT_CORRECTED", COMPLETED, NOTHING),
        Told("PAYMENT_CORRECTED", PENDING, NOTHING),
    ]  # fmt: skip
    assert till.faults() == []


def test_a_refund_that_is_heard_of_before_the_payment_was_done_is_not_lost(till: Till) -> None:
    asked = till.ask()
    key = till.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE").payment_key
    till.fakes.toss.give_back(key, 2_000)
    done, refunded = till.events(asked)
    till.hear(asked, refunded)
    assert till.state(asked.id) == (COMPLETED, Decimal(2_000))
    till.hear(asked, done)
    assert till.state(asked.id) == (COMPLETED, Decimal(2_000))
    assert till.waiting() == 0


def test_a_refund_that_fails_days_later_takes_the_payment_back_to_completed(till: Till) -> None:
    paid, intent = till.paid(Provider.STRIPE)
    refund_id = till.ask_refund(paid, AMOUNT)
    apply_refund(refund_id)
    assert till.state(paid.id) == (REFUNDED, AMOUNT)
    assert till.job(Jobs.REFUNDS, refund_id) == ("done", None)
    (given_back,) = till.fakes.stripe.refunds(intent)
    till.fakes.stripe.refund_becomes(given_back.id, "failed")
    till.hear_all(paid)
    assert till.state(paid.id) == (COMPLETED, NOTHING)
    assert till.told(paid.id)[-1] == Told("PAYMENT_CORRECTED", COMPLETED, NOTHING)
    assert till.job(Jobs.REFUNDS, refund_id) == ("failed", "provider/failed")
    assert till.faults() == []


@pytest.mark.parametrize("provider", Provider)
def test_a_late_success_after_a_failure_counts(till: Till, provider: Provider) -> None:
    asked = till.ask(provider)
    fake = till.fakes.toss if provider is Provider.TOSS else till.fakes.stripe
    failed, succeeded = ("EXPIRED", "DONE") if provider is Provider.TOSS else ("canceled", "succeeded")
    begun = (
        till.fakes.toss.begin(asked.order_id, AMOUNT).payment_key
        if provider is Provider.TOSS
        else till.fakes.stripe.begin(asked.order_id, int(AMOUNT), "KRW").id
    )
    for status in (failed, succeeded):
        fake.become(begun, status)
        till.hear_all(asked)
    assert till.told(asked.id)[1:] == [
        Told("PAYMENT_CHANGED", FAILED, NOTHING), Told("PAYMENT_CORRECTED", COMPLETED, NOTHING)
    ]  # fmt: skip


def test_a_webhook_during_our_own_refund_call_counts_it_once(till: Till) -> None:
    paid, key = till.paid()
    refund_id = till.ask_refund(paid, 5_000)
    taken = payment_jobs.hold_refund(till.stores.postgres, refund_id)
    assert taken is not None
    answered = toss.refund(key, Money(taken.amount, "KRW"), taken.key, "")
    till.hear_all(paid)  # before anybody has noted the answer
    assert till.job(Jobs.REFUNDS, refund_id) == ("done", None)
    payment_jobs.note_answered(till.stores.postgres, refund_id, answered.provider_refund_id)
    settle(till.stores, paid.id)
    assert till.state(paid.id) == (COMPLETED, Decimal(5_000))
    assert len(till.told(paid.id)) == 3
    assert till.faults() == []


def test_of_two_workers_the_one_whose_older_reply_comes_last_changes_nothing(till: Till) -> None:
    """P8."""
    asked = till.ask()
    key = till.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE").payment_key
    (done,) = till.events(asked)
    till.keep(Provider.TOSS, done.body)
    older = payments.take_ticket(till.stores.postgres, asked.id)
    old_reply = fetch(older, None)
    till.fakes.toss.give_back(key, AMOUNT)
    till.keep(Provider.TOSS, till.events(asked)[1].body)
    newer = payments.take_ticket(till.stores.postgres, asked.id)
    apply(till.stores, newer, fetch(newer, None))
    apply(till.stores, older, old_reply)
    assert till.state(asked.id) == (REFUNDED, AMOUNT)
    assert till.waiting() == 0
    assert till.told(asked.id) == [CREATED, Told("PAYMENT_CHANGED", REFUNDED, AMOUNT)]


def test_a_flood_of_webhooks_of_one_payment_is_one_fetch_of_those_that_had_come_before_it_began(till: Till) -> None:
    asked = till.ask()
    key = till.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE").payment_key
    (done,) = till.events(asked)
    inbox_ids = [till.keep(Provider.TOSS, done.body + " " * n) for n in range(30)]
    before = till.fakes.toss.calls
    ticket = payments.take_ticket(till.stores.postgres, asked.id)
    till.fakes.toss.give_back(key, 1_000)
    late = till.keep(Provider.TOSS, till.events(asked)[1].body)
    for inbox_id in inbox_ids:
        apply_webhook(inbox_id)  # somebody is at it: nothing to do
    apply(till.stores, ticket, fetch(ticket, None))
    assert till.fakes.toss.calls == before + 1
    assert till.job(Jobs.WEBHOOKS, late or 0, "state") == ("waiting",)
    assert till.waiting() == 1


def test_a_provider_that_lags_behind_its_own_webhook_is_asked_again(till: Till) -> None:
    paid, key = till.paid()
    till.fakes.toss.lag(key, 2)
    till.fakes.toss.give_back(key, AMOUNT)
    till.hear_all(paid)
    assert (till.state(paid.id), till.waiting()) == ((COMPLETED, NOTHING), 1)
    till.sweep()
    till.sweep()
    assert (till.state(paid.id), till.waiting()) == ((REFUNDED, AMOUNT), 0)


def test_a_claim_that_the_provider_never_confirms_changes_nothing_and_is_closed(till: Till) -> None:
    """P8. Toss signs nothing: anybody may claim that a payment was done."""
    asked = till.ask()
    till.fakes.toss.begin(asked.order_id, AMOUNT)
    claim = f'{{"eventType":"PAYMENT_STATUS_CHANGED","data":{{"orderId":"{asked.order_id}","status":"DONE"}}}}'
    inbox_id = till.keep(Provider.TOSS, claim)
    for _ in range(LAG_TRIES_MAX):
        assert till.waiting() == 1
        till.sweep()
    assert till.job(Jobs.WEBHOOKS, inbox_id or 0, "state, outcome, looks") == ("done", "not-confirmed", 5)
    assert till.told(asked.id) == [CREATED]


def test_refunds_asked_for_at_once_never_come_to_more_than_was_paid(till: Till) -> None:
    """P8. The second waits for the first, and is refused by PostgreSQL itself."""
    paid, _ = till.paid()
    with psycopg.connect(till.own.env["TIMINGLE_POSTGRES_API_URL"]) as first, ThreadPoolExecutor(1) as pool:
        first.execute("SELECT set_config('timingle.user_id', %s, true)", [str(till.receiver)])
        first.execute(INSERT_REFUND, [paid.id, uuid4(), till.receiver, 7_000])
        second = pool.submit(till.ask_refund, paid, 7_000)
        wait_until("the second waits", lambda: till.own.sql(COUNT_WAITING_FOR_LOCK) == [(1,)])
        first.commit()
        with pytest.raises(psycopg.errors.CheckViolation, match="more than was paid"):
            second.result()
    till.ask_refund(paid, 5_000)
    with pytest.raises(psycopg.errors.CheckViolation, match="more than was paid"):
        till.ask_refund(paid, 1)
    till.heal()
    assert till.state(paid.id) == (REFUNDED, AMOUNT)


@pytest.mark.parametrize("change", ["status = 'REFUNDED'", "refunded_amount = 1", "applied_ticket = 0"])
def test_nothing_but_a_newer_ticket_changes_a_payments_state(till: Till, change: str) -> None:
    """P8. Whoever writes, the owner of the tables too."""
    paid, _ = till.paid()
    with pytest.raises(psycopg.errors.CheckViolation, match="by a newer ticket only"):
        till.owner.execute(f"UPDATE payments SET {change} WHERE id = %s", [paid.id])


def test_webhooks_are_let_go_when_they_are_old_and_done_with(till: Till) -> None:
    asked = till.ask()
    body = f'{{"eventType":"PAYMENT_STATUS_CHANGED","data":{{"orderId":"{asked.order_id}"}}}}'
    kept = [till.keep(Provider.TOSS, body + " " * n) for n in range(4)]
    till.own.sql("UPDATE payment_webhooks SET received_at = now() - interval '401 days' WHERE id = ANY(%s)", kept[:3])
    done = "UPDATE payment_webhooks SET state = 'done', outcome = 'confirmed', processed_at = now() WHERE id = ANY(%s)"
    till.own.sql(done, [kept[0], kept[3]])
    till.own.sql(QUARANTINE, "amount", [kept[1]])
    trim_inbox()
    left = till.own.sql("SELECT id FROM payment_webhooks WHERE id = ANY(%s) ORDER BY id", kept)
    assert left == [(inbox_id,) for inbox_id in kept[1:]]
