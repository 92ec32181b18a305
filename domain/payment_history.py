"""What an event's history says of its payments: who, how much, how far; nothing of a card or an account (P6)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.history import Change, ChangeType
from domain.payment import PaymentStatus

PAYMENTS: Final = "payments"
"""The field of entries about one payment."""
COLUMN_PLACES: Final = 2
"""Decimal places of the columns, whatever the currency has: PostgreSQL compares its own text of an amount."""


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment as far as history tells of it."""

    payment_id: int
    payer_id: int
    receiver_id: int
    amount: Decimal
    currency: str
    refunded_amount: Decimal
    status: PaymentStatus

    def told(self) -> dict[str, object]:
        """As it stands in an entry; `guard_payment_history` (migration 000022) holds the row against it."""
        return {
            "payment_id": self.payment_id,
            "payer_id": self.payer_id,
            "receiver_id": self.receiver_id,
            "amount": f"{self.amount:.{COLUMN_PLACES}f}",
            "currency": self.currency,
            "refunded_amount": f"{self.refunded_amount:.{COLUMN_PLACES}f}",
            "status": str(self.status),
        }


def creation(state: PaymentState) -> Change:
    """Somebody asks somebody for money."""
    return Change(change_type=ChangeType.PAYMENT_CREATED, field_name=PAYMENTS, new_value=state.told())


def change(before: PaymentState, after: PaymentState, *, is_correction: bool) -> Change:
    """What the provider said has changed; or what it took back."""
    return Change(
        change_type=ChangeType.PAYMENT_CORRECTED if is_correction else ChangeType.PAYMENT_CHANGED,
        field_name=PAYMENTS,
        old_value=before.told(),
        new_value=after.told(),
    )
