"""What the API answers, to the letter of the contract: a field more or less fails to be read."""

from datetime import datetime
from uuid import UUID

import msgspec


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all."""


class Nothing(Answer, frozen=True):
    """What is taken and has no more to say."""


class Problem(Answer, frozen=True):
    type: str
    title: str
    status: int
    detail: str
    field: str = ""
    retry_after: int = 0


class Sent(Answer, frozen=True):
    message_id: UUID
    seq: int
    created_at: datetime


class BulkSent(Answer, frozen=True):
    results: list[dict[str, object]]

    @property
    def outcomes(self) -> list[Sent | Problem]:
        return [
            msgspec.convert(one, Problem) if "status" in one else msgspec.convert(one, Sent) for one in self.results
        ]


class Reaction(Answer, frozen=True):
    user_id: int
    emoji: str


class Message(Answer, frozen=True):
    message_id: UUID
    seq: int
    created_at: datetime
    sender_id: int | None
    sender_name: str
    sender_profile_url: str
    message: str
    message_type: str
    attachments: list[str]
    reply_to: UUID | None
    edited_at: datetime | None
    is_deleted: bool
    metadata: dict[str, str]
    reactions: list[Reaction]


class Page(Answer, frozen=True):
    messages: list[Message]
    next: UUID | None

    @property
    def seqs(self) -> list[int]:
        return [message.seq for message in self.messages]


class Typing(Answer, frozen=True):
    user_ids: list[int]


class Activity(Answer, frozen=True):
    event_id: int
    message_id: UUID
    message: str
    created_at: datetime


class ActivityPage(Answer, frozen=True):
    messages: list[Activity]


class Unread(Answer, frozen=True):
    event_id: int
    unread_count: int
    last_read_at: datetime | None


class UnreadPage(Answer, frozen=True):
    events: list[Unread]
    next: int | None


class User(Answer, frozen=True):
    id: int
    phone: str
    email: str | None
    name: str | None
    display_name: str | None
    profile_image_url: str | None
    region: str | None
    interests: list[str]
    role: str
    plan: str
    is_active: bool
    created_at: datetime


class Slot(Answer, frozen=True):
    id: int
    business_user_id: int
    service_type: str
    title: str | None
    description: str | None
    start_time: datetime
    duration_minutes: int
    price: str | None
    region: str | None
    is_available: bool
    created_at: datetime
    updated_at: datetime


class Slots(Answer, frozen=True):
    slots: list[Slot]


class Participant(Answer, frozen=True):
    user_id: int
    confirmed: bool


class Event(Answer, frozen=True):
    id: int
    title: str
    description: str | None
    start_time: datetime
    end_time: datetime
    location: str | None
    creator_id: int
    status: str
    canceled_reason: str | None
    participants: list[Participant]
    history_length: int
    history_head: str | None
    created_at: datetime
    updated_at: datetime


class Payment(Answer, frozen=True):
    id: int
    order_id: str
    event_id: int
    payer_id: int
    receiver_id: int
    amount: str
    currency: str
    refunded_amount: str
    status: str
    payment_method: str
    transaction_id: str | None
    created_at: datetime
    updated_at: datetime


class PaymentDetails(Payment, frozen=True):
    metadata: dict[str, object]


class Events(Answer, frozen=True):
    events: list[Event]


class HistoryEntry(Answer, frozen=True):
    chain_seq: int
    change_id: UUID
    changed_at: datetime
    actor_id: int | None
    actor_name: str | None
    change_type: str
    field_name: str | None
    old_value: object
    new_value: object
    prev_hash: str
    entry_hash: str


class History(Answer, frozen=True):
    entries: list[HistoryEntry]
    next: UUID | None


class Report(Answer, frozen=True):
    id: int
    status: str
    progress: float
    step: str


class Check(Answer, frozen=True):
    name: str
    ok: bool
    detail: str


class Readiness(Answer, frozen=True):
    ready: bool
    checks: list[Check]
