"""What an event's chat is told of its changes: by the system, short, in Korean, the data beside it in `metadata`.

No free text of anybody's is repeated: titles, places and reasons are read of the event, where they can be erased.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from domain.history import ChangeType, Entry
from domain.ids import RANDOM_MAX
from domain.korea import KOREA
from domain.money import text as sum_text
from domain.operations import Create, encode
from domain.payment import PaymentStatus
from domain.payment_history import PAYMENTS
from domain.submissions import REPEAT_WINDOW_SYSTEM_MS, Submission, body_hash, idempotency_key

MESSAGE_TYPE: Final = "system"
NO_APP: Final = 0
"""Calling apps are numbered from 1."""
TEXTS: Final[Mapping[tuple[str, str | None], str]] = {
    (ChangeType.CONFIRMED, "status"): "약속이 확정되었어요.",
    (ChangeType.UPDATED, "title"): "약속 이름이 바뀌었어요.",
    (ChangeType.UPDATED, "description"): "약속 설명이 바뀌었어요.",
    (ChangeType.UPDATED, "location"): "약속 장소가 바뀌었어요.",
    (ChangeType.UPDATED, "start_time"): "시작 시간이 바뀌었어요: {}",
    (ChangeType.UPDATED, "end_time"): "끝나는 시간이 바뀌었어요: {}",
    (ChangeType.CANCELED, None): "약속이 취소되었어요.",
    (ChangeType.DONE, "status"): "약속이 완료되었어요.",
}
"""By type of change and field; {} is the new time. Of what is neither here nor of a payment nobody is told."""
ASKED: Final = "결제를 요청했어요: {}"
PARTLY_REFUNDED: Final = "결제 일부가 환불되었어요: {}"
PAYMENT_TEXTS: Final[Mapping[PaymentStatus, str]] = {
    PaymentStatus.PENDING: "결제를 기다리고 있어요: {}",
    PaymentStatus.COMPLETED: "결제가 완료되었어요: {}",
    PaymentStatus.REFUNDED: "결제가 환불되었어요: {}",
    PaymentStatus.FAILED: "결제에 실패했어요: {}",
}
"""By what a payment has become; {} is the sum."""
CORRECTED: Final = "결제 상태가 바로잡혔어요. "
"""Before one of those: the provider has taken back what it said before."""


class _Payment(msgspec.Struct, frozen=True):
    """What an entry tells of a payment, as far as the chat hears of it."""

    payment_id: int
    amount: Decimal
    currency: str
    refunded_amount: Decimal
    status: PaymentStatus


_moment: Final = msgspec.json.Decoder(datetime)
_payment: Final = msgspec.json.Decoder(_Payment)


def is_told(entry: Entry) -> bool:
    """Does the chat hear of this?"""
    return entry.field_name == PAYMENTS or (entry.change_type, entry.field_name) in TEXTS


def submission(entry: Entry) -> Submission:
    """The message of an entry that is told, on its way into the journal.

    It is the same message however often it is asked for: its key is made of event and chain_seq and remembered for a
    week, and the words are no part of it.
    """
    create = Create(
        event_id=entry.event_id,
        random=entry.change_id.int & RANDOM_MAX,
        sender_id=None,
        sender_name="",
        sender_profile_url="",
        message=text(entry),
        message_type=MESSAGE_TYPE,
        metadata=metadata(entry),
    )
    return Submission(
        event_id=entry.event_id,
        operation=encode(create),
        creates=True,
        names_seq=0,
        random=create.random,
        idempotency_key=idempotency_key(NO_APP, entry.event_id, None, f"history-{entry.chain_seq}"),
        body_hash=body_hash(),
        remember_ms=REPEAT_WINDOW_SYSTEM_MS,
    )


def text(entry: Entry) -> str:
    """What is shown to people whose app renders no words of its own. A time is Korea's."""
    if entry.field_name == PAYMENTS:
        return payment_text(entry.change_type, _payment.decode(entry.new_value or ""))
    said = TEXTS[entry.change_type, entry.field_name]
    if "{}" not in said:
        return said
    at = _moment.decode(entry.new_value or "").astimezone(KOREA)
    return said.format(f"{at.year}년 {at.month}월 {at.day}일 {at:%H:%M}")


def payment_text(change_type: str, payment: _Payment) -> str:
    """How far a payment has come, and the sum that this is about."""
    if change_type == ChangeType.PAYMENT_CREATED:
        return ASKED.format(shown(payment.amount, payment.currency))
    corrected = CORRECTED if change_type == ChangeType.PAYMENT_CORRECTED else ""
    if payment.status is PaymentStatus.COMPLETED and payment.refunded_amount:
        return corrected + PARTLY_REFUNDED.format(shown(payment.refunded_amount, payment.currency))
    return corrected + PAYMENT_TEXTS[payment.status].format(shown(payment.amount, payment.currency))


def shown(amount: Decimal, currency: str) -> str:
    """A sum for people: 12,000원; other currencies by their code."""
    grouped = f"{Decimal(sum_text(amount, currency)):,}"
    return f"{grouped}원" if currency == "KRW" else f"{grouped} {currency}"


def metadata(entry: Entry) -> dict[str, str]:
    """The same for programs: what changed, by whom, of a time both values, and of a payment how far it has come."""
    given = {
        "change_type": entry.change_type,
        "field_name": entry.field_name,
        "chain_seq": str(entry.chain_seq),
        "change_id": str(entry.change_id),
        "actor_id": None if entry.actor_id is None else str(entry.actor_id),
    }
    if entry.field_name == PAYMENTS:
        told = msgspec.to_builtins(_payment.decode(entry.new_value or ""))
        given |= {name: str(value) for name, value in told.items()}
    elif "{}" in TEXTS[entry.change_type, entry.field_name]:
        values = {"old_value": entry.old_value, "new_value": entry.new_value}
        given |= {name: msgspec.json.decode(value or "", type=str) for name, value in values.items()}
    return {name: value for name, value in given.items() if value is not None}
