"""A row of payments, as both ingest and the workers read it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import psycopg

from domain.payment import PaymentStatus
from domain.payment_history import PaymentState

Connection = psycopg.Connection[tuple[Any, ...]]
"""A connection in a transaction."""
COLUMNS: Final = """id, event_id, payer_id, receiver_id, order_id, amount, currency, refunded_amount, status,
    payment_method, transaction_id, created_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """A payment as it stands."""

    id: int
    payer_id: int
    receiver_id: int
    order_id: str
    """What the provider knows it by."""
    amount: Decimal
    currency: str
    refunded_amount: Decimal
    status: PaymentStatus
    payment_method: str
    transaction_id: str | None
    created_at: datetime

    @property
    def state(self) -> PaymentState:
        """As far as history tells of it."""
        return PaymentState(
            payment_id=self.id,
            payer_id=self.payer_id,
            receiver_id=self.receiver_id,
            amount=self.amount,
            currency=self.currency,
            refunded_amount=self.refunded_amount,
            status=self.status,
        )
