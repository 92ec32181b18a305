"""Where a chain leads: the event's row, its participants and its payments, made again from their history alone (P6)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from domain.event_state import Event, moment
from domain.history import Entry, Said
from domain.payment_history import PAYMENTS, PaymentState

PARTICIPANTS: Final = "participants"
"""The field of entries about one participant."""
OPTIONAL: Final = ("description", "location", "canceled_reason", "open_slot_id")
"""What a creation may leave out."""


@dataclass(slots=True)
class Replay:
    """What a chain tells of an event, as far as it has been read."""

    row: dict[str, object] = field(default_factory=lambda: dict.fromkeys(OPTIONAL))
    people: dict[object, object] = field(default_factory=dict)
    payments: dict[int, dict[str, object]] = field(default_factory=dict)
    """By payment_id, the last that was told of each."""
    erased: set[str] = field(default_factory=set)
    """Fields whose last value nobody knows any more."""

    def read(self, entry: Entry, bytes_say: Said, old: object, new: object) -> None:
        """Go on to the next entry, which must be intact: what its bytes say, and its values (domain.history)."""
        match bytes_say.field, new, old:
            case ("participants", {"user_id": user_id, "confirmed": confirmed, "joined_seq": joined_seq}, _):
                self.people[user_id] = {"user_id": user_id, "confirmed": confirmed, "joined_seq": joined_seq}
            case ("participants", None, {"user_id": user_id}):
                self.people.pop(user_id, None)
            case (name, {"payment_id": int() as payment_id}, _) if name == PAYMENTS and isinstance(new, dict):
                self.payments[payment_id] = new
            case (None, dict(), _):
                gone = {name for name in bytes_say.commitments if name in new and name not in entry.salts}
                self._set(new, gone)
            case (str() as name, value, _) if name != PAYMENTS:
                is_gone = "new_value" in bytes_say.commitments and "new_value" not in entry.salts
                self._set({name: value}, {name} if is_gone else set())

    def _set(self, values: dict[str, object], gone: set[str]) -> None:
        self.row |= values
        self.erased = self.erased - values.keys() | gone


def differences(told: Replay, event: Event, payments: Iterable[PaymentState]) -> list[str]:
    """The names of what an event or one of its payments has otherwise than their history, a whole chain, leads to.

    What was erased is not compared.
    """
    present = present_row(event)
    found = [name for name in present if name not in told.erased and told.row.get(name) != present[name]]
    if told.people != {one.user_id: one._asdict() for one in event.participants}:
        found.append(PARTICIPANTS)
    now = {payment.payment_id: payment.told() for payment in payments}
    paid = {**told.payments, **now}
    found += [f"payment {payment_id}" for payment_id in paid if told.payments.get(payment_id) != now.get(payment_id)]
    return found


def present_row(event: Event) -> dict[str, object]:
    """An event's row as history tells of it."""
    return {
        "title": event.title,
        "description": event.description,
        "location": event.location,
        "start_time": moment(event.start_time),
        "end_time": moment(event.end_time),
        "creator_id": event.creator_id,
        "status": str(event.status),
        "canceled_reason": event.canceled_reason,
        "open_slot_id": event.open_slot_id,
    }
