"""Money: exact decimals, and how many of them each currency has (ISO 4217). Never a float."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Self

from domain.errors import BadInput

AMOUNT_MAX: Final = Decimal("99999999.99")
"""What DECIMAL(10,2) holds, in any currency."""
MINOR_UNITS: Final[Mapping[str, int]] = dict.fromkeys(
    ("CLP", "JPY", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"), 0
) | dict.fromkeys(
    (
        *("AED", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "IDR", "ILS", "INR", "MOP"),
        *("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "ZAR"),
    ),
    2,
)
"""The currencies that are taken, with their decimal places. Those with three are not: the column has two. Nor those of
which Stripe and ISO 4217 disagree (ISK, UGX): https://docs.stripe.com/currencies."""


@dataclass(frozen=True, slots=True)
class Money:
    """A sum in one currency, with no more decimals than it has."""

    amount: Decimal
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str, field: str = "amount") -> Self:
        """What somebody asks for, such as 12000 or 9.90: above 0. Raises BadInput, which names the field."""
        try:
            amount = Decimal(text)
        except InvalidOperation:
            raise BadInput("This is no decimal number.", field) from None
        check_amount(amount, currency, field)
        return cls(amount, currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Self:
        """From the smallest unit, as Stripe counts: 990 is USD 9.90, and KRW 990. Raises BadInput for a currency that
        is not taken."""
        return cls(Decimal(minor).scaleb(-minor_units(currency)), currency)

    def to_minor(self) -> int:
        """In the currency's smallest unit."""
        return int(self.amount.scaleb(minor_units(self.currency)))

    def __str__(self) -> str:
        return f"{text(self.amount, self.currency)} {self.currency}"


def minor_units(currency: str) -> int:
    """Decimal places of a currency. Raises BadInput if it is not taken."""
    try:
        return MINOR_UNITS[currency]
    except KeyError:
        raise BadInput(f"A currency is one of {', '.join(sorted(MINOR_UNITS))}.", "currency") from None


def check_amount(amount: Decimal, currency: str, field: str = "amount") -> None:
    """Raises BadInput if nobody can pay this: not above 0, more than the column holds, or finer than the currency."""
    places = minor_units(currency)
    if not amount.is_finite() or not 0 < amount <= AMOUNT_MAX:
        raise BadInput(f"An amount is above 0 and at most {AMOUNT_MAX}.", field)
    if amount != round(amount, places):
        raise BadInput(f"{currency} has {places or 'no'} decimal places.", field)


def text(amount: Decimal, currency: str) -> str:
    """As people read it: 12000 in KRW, 9.90 in USD."""
    return f"{amount:.{minor_units(currency)}f}"
