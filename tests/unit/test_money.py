"""domain.money: exact decimals, each currency with the places that it has, Stripe's smallest units there and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.money import AMOUNT_MAX, MINOR_UNITS, Money, check_amount, minor_units, text

currencies = st.sampled_from(sorted(MINOR_UNITS))
minors = st.integers(1, 9_999_999_999)


@given(minors, currencies)
def test_what_stripe_counts_comes_back_as_it_went(minor: int, currency: str) -> None:
    assert Money.from_minor(minor, currency).to_minor() == minor


@given(minors, currencies)
def test_a_sum_is_read_back_from_what_people_are_shown(minor: int, currency: str) -> None:
    money = Money.from_minor(minor % int(AMOUNT_MAX) + 1, currency)
    shown = text(money.amount, currency)
    assert Money.parse(shown, currency) == money
    assert str(money) == f"{shown} {currency}"


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [(990, "USD", "9.90"), (990, "KRW", "990"), (1, "JPY", "1"), (5, "EUR", "0.05"), (12_000, "KRW", "12000")],
)
def test_the_smallest_unit_is_the_currencys_own(minor: int, currency: str, shown: str) -> None:
    assert text(Money.from_minor(minor, currency).amount, currency) == shown


def test_what_the_column_holds_is_shown_and_sent_without_decimals_that_the_currency_lacks() -> None:
    assert text(Decimal("12000.00"), "KRW") == "12000"
    assert Money(Decimal("12000.00"), "KRW").to_minor() == 12_000
    assert text(Decimal("9.9"), "USD") == "9.90"


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("1", "KRW"),
        ("99999999", "KRW"),
        ("99999999.99", "USD"),
        ("0.01", "USD"),
        ("12000.00", "KRW"),
        ("1E+3", "KRW"),
    ],
)
def test_what_can_be_paid_is_taken(amount: str, currency: str) -> None:
    check_amount(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "field"),
    [
        ("0", "KRW", "amount"),
        ("-1", "KRW", "amount"),
        ("0.5", "KRW", "amount"),
        ("0.001", "USD", "amount"),
        ("100000000", "KRW", "amount"),
        ("100000000.00", "USD", "amount"),
        ("NaN", "USD", "amount"),
        ("Infinity", "USD", "amount"),
        ("1e999999", "USD", "amount"),
        ("canary", "USD", "amount"),
        ("", "USD", "amount"),
        ("1", "usd", "currency"),
        ("1", "KWD", "currency"),  # three places: the column has two
        ("1", "ISK", "currency"),  # Stripe and ISO 4217 disagree
        ("1", "", "currency"),
    ],
)
def test_what_nobody_can_pay_is_refused_by_its_field(amount: str, currency: str, field: str) -> None:
    with pytest.raises(BadInput) as raised:
        Money.parse(amount, currency)
    assert raised.value.field == field
    assert "canary" not in str(raised.value)


def test_no_currency_has_more_places_than_the_column() -> None:
    assert {minor_units(currency) for currency in MINOR_UNITS} == {0, 2}
