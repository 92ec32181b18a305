"""What an event's history says of its payments: told in the chat, and held against the rows when it is verified."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.event_state import Event
from domain.event_status import EventStatus
from domain.history_verify import Fault, FaultKind, verify
from domain.payment import PaymentStatus
from domain.payment_history import PaymentState, change, creation
from domain.system_messages import is_told, metadata, text
from tests.histories import ENDS, EVENT_ID, STARTS, created, entries_of

PENDING = PaymentState(5, 12, 11, Decimal(12_000), "KRW", Decimal(0), PaymentStatus.PENDING)
PAID = replace(PENDING, status=PaymentStatus.COMPLETED)
PARTLY = replace(PAID, refunded_amount=Decimal(2_000))
BACK = replace(PAID, status=PaymentStatus.REFUNDED, refunded_amount=Decimal(12_000))
FAILED = replace(PENDING, status=PaymentStatus.FAILED)
CHANGES = [
    created(),
    creation(PENDING),
    change(PENDING, PAID, is_correction=False),
    change(PAID, PARTLY, is_correction=False),
    change(PARTLY, BACK, is_correction=False),
    change(BACK, PAID, is_correction=True),
    change(PAID, FAILED, is_correction=True),
    creation(replace(PENDING, payment_id=6, amount=Decimal("9.9"), currency="USD")),
]
ENTRIES = entries_of(CHANGES)
OTHER = replace(PENDING, payment_id=6, amount=Decimal("9.90"), currency="USD")
EVENT = Event(
    id=EVENT_ID,
    title="컷",
    description=None,
    start_time=STARTS,
    end_time=ENDS,
    location="마포점",
    creator_id=11,
    status=EventStatus.PROPOSED,
    journal=0,
    history_length=len(ENTRIES),
    history_head=ENTRIES[-1].entry_hash.hex(),
    canceled_reason=None,
    open_slot_id=None,
    created_at=STARTS,
    updated_at=STARTS,
    participants=(),
)


def test_the_chat_hears_of_each_step_of_a_payment_with_its_sum() -> None:
    assert [text(entry) for entry in ENTRIES if is_told(entry)] == [
        "결제를 요청했어요: 12,000원",
        "결제가 완료되었어요: 12,000원",
        "결제 일부가 환불되었어요: 2,000원",
        "결제가 환불되었어요: 12,000원",
        "결제 상태가 바로잡혔어요. 결제가 완료되었어요: 12,000원",
        "결제 상태가 바로잡혔어요. 결제에 실패했어요: 12,000원",
        "결제를 요청했어요: 9.90 USD",
    ]
    assert metadata(ENTRIES[3]).items() >= {
        "payment_id": "5", "amount": "12000.00", "currency": "KRW", "refunded_amount": "2000.00", "status": "COMPLETED"
    }.items()  # fmt: skip


def test_payments_as_their_history_leads_to_them_are_whole() -> None:
    assert verify(ENTRIES, EVENT, None, [FAILED, OTHER]) == []


@pytest.mark.parametrize(
    "payments",
    [
        [PAID, OTHER],
        [replace(FAILED, refunded_amount=Decimal(1)), OTHER],
        [replace(FAILED, amount=Decimal(1_200)), OTHER],
        [replace(FAILED, receiver_id=99), OTHER],
        [replace(FAILED, currency="JPY"), OTHER],
        [OTHER],
    ],
    ids=["state", "refunded", "amount", "receiver", "currency", "gone"],
)
def test_a_payment_that_somebody_altered_is_named(payments: list[PaymentState]) -> None:
    """P6, P8. Also one that is gone, or that no history tells of."""
    fault = Fault(len(ENTRIES), FaultKind.PRESENT_ROW, "payment 5")
    assert verify(ENTRIES, EVENT, None, payments) == [fault]
    beside = replace(OTHER, payment_id=7)
    assert verify(ENTRIES, EVENT, None, [FAILED, OTHER, beside]) == [fault._replace(detail="payment 7")]
