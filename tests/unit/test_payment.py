"""P8. domain.payment: a state for every status of a provider, from its amounts, and what is held against an order."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.payment import (
    FORWARD,
    PHASES,
    PROVIDERS,
    Expected,
    PaymentStatus,
    Provider,
    QuarantineReason,
    Snapshot,
    mismatch_of,
    provider_of,
    settle,
    state_of,
)

PENDING, COMPLETED, REFUNDED, FAILED = PaymentStatus
AMOUNT = Decimal(12_000)
SNAPSHOT = Snapshot(
    provider=Provider.TOSS,
    transaction_id="key-1",
    order_id="order-1",
    provider_status="DONE",
    amount=AMOUNT,
    refunded_amount=Decimal(0),
    currency="KRW",
    approved=True,
    secret="canary",
)
EXPECTED = Expected(
    payment_id=1,
    order_id="order-1",
    amount=Decimal("12000.00"),
    currency="KRW",
    receiver_id=7,
    transaction_id=None,
    status=PENDING,
    refunded_amount=Decimal("0.00"),
)
TABLE = [
    (Provider.TOSS, "READY", False, 0, PENDING, 0),
    (Provider.TOSS, "IN_PROGRESS", False, 0, PENDING, 0),
    (Provider.TOSS, "WAITING_FOR_DEPOSIT", False, 0, PENDING, 0),
    (Provider.TOSS, "WAITING_FOR_DEPOSIT", True, 0, PENDING, 0),  # was DONE: the bank took the deposit back
    (Provider.TOSS, "DONE", True, 0, COMPLETED, 0),
    (Provider.TOSS, "DONE", True, 12_000, REFUNDED, 12_000),
    (Provider.TOSS, "PARTIAL_CANCELED", True, 5_000, COMPLETED, 5_000),
    (Provider.TOSS, "CANCELED", True, 12_000, REFUNDED, 12_000),
    (Provider.TOSS, "CANCELED", False, 0, FAILED, 0),
    (Provider.TOSS, "ABORTED", False, 0, FAILED, 0),
    (Provider.TOSS, "ABORTED", True, 0, FAILED, 0),  # was DONE 46 ms before
    (Provider.TOSS, "EXPIRED", False, 0, FAILED, 0),
    (Provider.STRIPE, "requires_payment_method", False, 0, PENDING, 0),  # also after a try that failed
    (Provider.STRIPE, "requires_confirmation", False, 0, PENDING, 0),
    (Provider.STRIPE, "requires_action", False, 0, PENDING, 0),
    (Provider.STRIPE, "requires_capture", False, 0, PENDING, 0),
    (Provider.STRIPE, "processing", False, 0, PENDING, 0),
    (Provider.STRIPE, "succeeded", True, 0, COMPLETED, 0),
    (Provider.STRIPE, "succeeded", True, 5_000, COMPLETED, 5_000),
    (Provider.STRIPE, "succeeded", True, 12_000, REFUNDED, 12_000),
    (Provider.STRIPE, "canceled", False, 0, FAILED, 0),
]
normal = {(PENDING, COMPLETED), (PENDING, REFUNDED), (PENDING, FAILED), (COMPLETED, REFUNDED)}


@pytest.mark.parametrize(("provider", "says", "approved", "refunded", "status", "given_back"), TABLE)
def test_each_status_is_a_state_of_ours(
    provider: Provider, says: str, approved: bool, refunded: int, status: PaymentStatus, given_back: int
) -> None:
    snapshot = replace(
        SNAPSHOT, provider=provider, provider_status=says, approved=approved, refunded_amount=Decimal(refunded)
    )
    assert state_of(snapshot) == (status, Decimal(given_back))


def test_the_table_has_every_status_that_we_know() -> None:
    assert {(provider, says) for provider, says, *_ in TABLE} == PHASES.keys()


@given(st.sampled_from(sorted(PHASES)), st.booleans(), st.integers(0, 12_000))
def test_no_state_breaks_what_a_reader_relies_on(says: tuple[Provider, str], approved: bool, refunded: int) -> None:
    """REFUNDED is all of it, COMPLETED less than all, and of what has not come nothing is given back."""
    provider, status_said = says
    snapshot = replace(
        SNAPSHOT,
        provider=provider,
        provider_status=status_said,
        approved=approved,
        refunded_amount=Decimal(refunded),
    )
    status, given_back = state_of(snapshot)
    assert (given_back == AMOUNT) == (status is REFUNDED)
    assert not given_back or status in (COMPLETED, REFUNDED)


@pytest.mark.parametrize("before", PaymentStatus)
@pytest.mark.parametrize("says", ["READY", "DONE", "CANCELED", "ABORTED"])
def test_whatever_the_provider_proves_is_followed_and_what_is_not_forward_is_a_correction(
    before: PaymentStatus, says: str
) -> None:
    refunded = AMOUNT if says == "CANCELED" else Decimal(0)
    present = replace(EXPECTED, status=before, refunded_amount=AMOUNT if before is REFUNDED else Decimal(0))
    settlement = settle(present, replace(SNAPSHOT, provider_status=says, refunded_amount=refunded))
    after = {"READY": PENDING, "DONE": COMPLETED, "CANCELED": REFUNDED, "ABORTED": FAILED}[says]
    assert (settlement.status, settlement.refunded_amount) == (after, refunded)
    assert settlement.is_change == (after is not before)
    assert settlement.is_correction == (after is not before and (before, after) not in normal)


def test_less_given_back_than_before_is_a_correction_and_more_is_none() -> None:
    """A refund that failed; a second one."""
    present = replace(EXPECTED, status=COMPLETED, refunded_amount=Decimal("5000.00"))
    part = replace(SNAPSHOT, provider_status="PARTIAL_CANCELED", refunded_amount=Decimal(3_000))
    less, more = settle(present, part), settle(present, replace(part, refunded_amount=Decimal(9_000)))
    assert (less.is_change, less.is_correction, more.is_change, more.is_correction) == (True, True, True, False)
    same = settle(present, replace(part, refunded_amount=Decimal(5_000)))
    assert (same.is_change, same.is_correction) == (False, False)


def test_every_state_may_stay_as_it_is() -> None:
    assert all(status in FORWARD[status] for status in PaymentStatus)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({}, None),
        ({"amount": Decimal("12000.00")}, None),
        ({"receiver_id": "7"}, None),
        ({"amount": Decimal(11_999)}, QuarantineReason.AMOUNT),
        ({"refunded_amount": Decimal(12_001)}, QuarantineReason.AMOUNT),
        ({"refunded_amount": Decimal(-1)}, QuarantineReason.AMOUNT),
        ({"currency": "USD"}, QuarantineReason.CURRENCY),
        ({"currency": "USD", "amount": Decimal(120)}, QuarantineReason.CURRENCY),
        ({"order_id": "order-2"}, QuarantineReason.ORDER),
        ({"order_id": None}, QuarantineReason.ORDER),
        ({"receiver_id": "8"}, QuarantineReason.RECEIVER),
        ({"receiver_id": "07"}, QuarantineReason.RECEIVER),
        ({"receiver_id": ""}, QuarantineReason.RECEIVER),
        ({"provider_status": "SOMETHING_NEW"}, QuarantineReason.STATUS),
        ({"provider": Provider.STRIPE}, QuarantineReason.STATUS),
    ],
)
def test_what_was_not_asked_for_is_named(spoilt: dict[str, object], reason: QuarantineReason | None) -> None:
    assert mismatch_of(EXPECTED, replace(SNAPSHOT, **spoilt)) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "transaction_id", "reason"),
    [
        (PENDING, None, None),
        (PENDING, "key-0", None),  # the first try was given up
        (FAILED, "key-0", None),  # or failed
        (COMPLETED, "key-1", None),
        (COMPLETED, "key-0", QuarantineReason.ORDER),
        (REFUNDED, "key-0", QuarantineReason.ORDER),
    ],
)
def test_an_order_is_paid_by_a_later_try_but_not_twice(
    status: PaymentStatus, transaction_id: str | None, reason: QuarantineReason | None
) -> None:
    assert mismatch_of(replace(EXPECTED, status=status, transaction_id=transaction_id), SNAPSHOT) is reason


def test_a_method_has_one_provider_and_an_unknown_one_is_refused_by_its_field() -> None:
    assert {provider_of(method) for method in PROVIDERS} == set(Provider)
    assert provider_of("STRIPE") is Provider.STRIPE
    assert provider_of("VIRTUAL_ACCOUNT") is Provider.TOSS
    with pytest.raises(BadInput) as raised:
        provider_of("canary")
    assert raised.value.field == "payment_method"
    assert "canary" not in str(raised.value)


def test_a_secret_is_not_shown_where_a_snapshot_is() -> None:
    """P11."""
    assert "canary" not in repr(SNAPSHOT)
