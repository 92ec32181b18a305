"""The bundled conversation: who takes part, in which events, and what is said and done, line by line."""

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from domain.korea import KOREA

FILE: Final = Path(__file__).with_name("conversation.toml")
APPOINTMENT: Final = timedelta(minutes=90)
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who registers."""

    id: str
    name: str
    english: str
    role: str = "USER"
    plan: str = "FREE"


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An appointment that people talk about."""

    id: str
    title: str
    english: str
    creator: str
    participants: tuple[str, ...]
    weekday: str
    hour: int

    def times(self, now: datetime, hour: int | None = None) -> tuple[datetime, datetime]:
        """Start and end: on the next such weekday that is not today, at its own hour or another."""
        at = self.hour if hour is None else hour
        today = now.astimezone(KOREA).replace(hour=at, minute=0, second=0, microsecond=0)
        ahead = (WEEKDAYS.index(self.weekday) - today.weekday()) % len(WEEKDAYS) or len(WEEKDAYS)
        start = today + timedelta(days=ahead)
        return start, start + APPOINTMENT


class WalkIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An appointment of right now, which ends while one watches."""

    id: str
    title: str
    english: str
    creator: str
    participants: tuple[str, ...]
    ends_in_s: int


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sum that is paid in an event, and what of it is given back, one part after another."""

    event: str
    payer: str
    receiver: str
    amount: str
    items: tuple[str, ...]
    english: str
    currency: str = "KRW"
    refunds: tuple[str, ...] = ()
    reason: str = ""


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is said."""

    id: str
    text: str
    english: str
    reply_to: str | None = None
    message_type: str = "text"
    attachments: tuple[str, ...] = ()
    refused: str | None = None
    """The answer that is asked for, if it is to be a no: a status, and the field that it is about."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="does"):
    """Something that somebody does in an event."""

    at: str
    event: str
    who: str


class Says(Line, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="says"):
    """One message."""

    message: NewMessage


class Sends(Line, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="sends"):
    """Many messages in one call."""

    messages: tuple[NewMessage, ...]


class About(Line, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that is done to a message said before."""

    of: str


class Repeats(About, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="repeats"):
    """The same call once more."""


class Edits(About, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="edits"):
    """A new text."""

    text: str
    english: str


class Deletes(About, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="deletes"):
    """Taken back."""

    english: str


class Reacts(About, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="reacts"):
    """A reaction, the only one of this person to this message."""

    emoji: str


class TakesBack(About, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="takes back"):
    """The reaction is gone."""


class Reads(About, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="reads"):
    """Read up to here."""


class Confirms(Line, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="confirms"):
    """Agrees to the appointment."""


class Moves(Line, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="moves"):
    """Another hour of the same day."""

    hour: int
    refused: str | None = None
    """The status of the answer, if it is to be a no."""


class Cancels(Line, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="cancels"):
    """Calls the appointment off."""

    reason: str
    english: str


class Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One day's lines, in their order."""

    name: str
    lines: tuple[
        Says | Sends | Repeats | Edits | Deletes | Reacts | TakesBack | Reads | Confirms | Moves | Cancels, ...
    ]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole conversation."""

    people: tuple[Person, ...]
    events: tuple[Event, ...]
    days: tuple[Day, ...]
    walk_in: WalkIn
    payments: tuple[Payment, ...]

    @property
    def appointments(self) -> tuple[Event | WalkIn, ...]:
        """All of them, in the order in which they are proposed."""
        return (*self.events, self.walk_in)

    def event(self, event_id: str) -> Event:
        """One of the appointments that people talk about."""
        return next(event for event in self.events if event.id == event_id)

    def person(self, person_id: str) -> Person:
        """One of the people."""
        return next(person for person in self.people if person.id == person_id)


@cache
def script() -> Script:
    """The bundled conversation. Raises msgspec.ValidationError, naming what does not fit."""
    return msgspec.toml.decode(FILE.read_bytes(), type=Script)
