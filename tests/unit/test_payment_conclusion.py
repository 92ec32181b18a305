"""What a reply does, whom to ask, for how long; and what differs from a provider's list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.payment import Expected, PaymentStatus, Provider, QuarantineReason, Snapshot
from domain.payment_asking import ASK_AFTER_MAX, ASK_UNTIL, next_ask_at
from domain.payment_conclusion import conclude, conclude_absence, transaction_to_ask
from domain.payment_ticket import LAG_TRIES_MAX, Hint, InboxOutcome, Waiting
from domain.reconciliation import DifferenceKind, compare, unknown_to_provider, unknown_to_us

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PENDING = Expected(5, "order-5", Decimal(12_000), "KRW", 11, None, PaymentStatus.PENDING, Decimal(0))
PAID = replace(PENDING, status=PaymentStatus.COMPLETED, transaction_id="pk")
DONE = Snapshot(Provider.TOSS, "pk", "order-5", "DONE", Decimal(12_000), Decimal(0), "KRW", approved=True)
HINT = Hint(Provider.TOSS, "PAYMENT_STATUS_CHANGED", None, "order-5", "pk")


def waiting(inbox_id: int = 1, hint: Hint = HINT, attempts: int = 0) -> Waiting:
    return Waiting(inbox_id, hint, attempts)


def test_a_reply_after_a_newer_one_changes_nothing_and_quarantines_nothing() -> None:
    """P8."""
    for late in (DONE, replace(DONE, amount=Decimal(1))):
        concluded = conclude(PENDING, 2, 1, late, [waiting()])
        assert (concluded.settlement, concluded.mismatch) == (None, None)
        assert concluded.verdict.closed == ((1, InboxOutcome.CONFIRMED),)


def test_a_mismatch_leaves_the_payment_as_it_is() -> None:
    """P8."""
    concluded = conclude(PENDING, 0, 1, replace(DONE, amount=Decimal(1)), [waiting()])
    assert (concluded.settlement, concluded.mismatch) == (None, QuarantineReason.AMOUNT)


def test_what_is_claimed_of_a_payment_that_the_provider_does_not_know_is_asked_about_again_and_then_closed() -> None:
    verdict = conclude_absence([waiting(1), waiting(2, attempts=LAG_TRIES_MAX - 1)])
    assert (verdict.lagging, verdict.closed) == ((1,), ((2, InboxOutcome.NOT_CONFIRMED),))
    assert not verdict.applies


@pytest.mark.parametrize(
    ("present", "hints", "named", "asked"),
    [
        (PENDING, [], None, None),
        (replace(PENDING, transaction_id="old"), [], None, "old"),
        (replace(PENDING, transaction_id="old"), ["second", None, "third"], None, "third"),
        (PENDING, ["second"], "named", "named"),
        (replace(PAID, transaction_id="paid"), ["second"], "named", "paid"),
    ],
    ids=[
        "nobody knows",
        "the one we know",
        "the last one told",
        "the one somebody names",
        "the one that brought money",
    ],
)
def test_stripe_is_asked_about_the_transaction_that_brought_the_money_or_else_the_last_one(
    present: Expected, hints: list[str | None], named: str | None, asked: str | None
) -> None:
    told = [waiting(n, replace(HINT, provider=Provider.STRIPE, transaction_id=one)) for n, one in enumerate(hints)]
    unsigned = waiting(99, replace(HINT, transaction_id="anybody's"))
    assert transaction_to_ask(present, [*told, unsigned], named) == asked


def test_what_stays_pending_is_asked_about_less_and_less_often_and_then_no_more() -> None:
    at, pauses = NOW, []
    asks = 0
    while (again := next_ask_at(NOW, asks, at)) is not None:
        pauses.append(again - at)
        at, asks = again, asks + 1
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(minutes=10), ASK_AFTER_MAX)
    assert ASK_UNTIL < at - NOW <= ASK_UNTIL + ASK_AFTER_MAX


def test_what_differs_from_the_providers_list_is_named_by_its_kind() -> None:
    partly = replace(DONE, provider_status="PARTIAL_CANCELED", refunded_amount=Decimal(2_000))
    found = [
        [one.kind for one in compare(ours, theirs)]
        for ours, theirs in (
            (PAID, DONE), (PENDING, DONE), (PAID, partly), (PAID, replace(DONE, amount=Decimal(1)))
        )
    ]  # fmt: skip
    assert found == [[], [DifferenceKind.STATE], [DifferenceKind.REFUNDED_AMOUNT], [DifferenceKind.MISMATCH]]
    assert unknown_to_us(DONE).theirs == "DONE 12000 KRW"
    assert unknown_to_provider(PAID).ours == "COMPLETED"
