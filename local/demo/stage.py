"""What one run of the demo knows: whom it made, and what must be stored by now. It takes nothing of it from reading."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from cryptography.x509 import Certificate

from local.demo.api import Api
from local.demo.script import NewMessage, Payment
from local.demo.show import Show
from local.demo.window import Window


@dataclass(slots=True)
class Said:
    """A message that was taken, and all that was done to it since. People and events are named as in the script."""

    event: str
    who: str
    message: NewMessage
    message_id: UUID
    seq: int
    text: str
    """As it was last said."""
    is_edited: bool = False
    is_deleted: bool = False
    reactions: dict[str, str] = field(default_factory=dict)
    """By person."""


@dataclass(slots=True)
class Appointment:
    """An event as it must stand by now, and what its history must say. Types of change are the API's."""

    people: tuple[str, ...]
    agreed: set[str]
    status: str = "PROPOSED"
    history: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """The changes that the system tells in its chat."""
    receipt: str = ""
    """Length and head of its history, as the last answer gave them."""

    def note(self, *changes: str, told: bool = False) -> None:
        """These are in its history, and told in its chat."""
        self.history += changes
        if told:
            self.told += changes


class Judged(NamedTuple):
    """What a verifier was to say of a file, and what it said."""

    what: str
    asked: str
    said: str


@dataclass(slots=True)
class Paid:
    """A payment as it must stand by now."""

    planned: Payment
    id: int
    order_id: str
    amount: str
    status: str = "PENDING"
    refunded: str = "0"


@dataclass(slots=True)
class Stage:
    """The acts change it, the checks compare it with what is read."""

    api: Api
    show: Show
    window: Window
    """Toss's, where people pay."""
    folder: Path
    """Where a file may be left to look at."""
    certificates: tuple[Certificate, ...]
    """Whose signature is vouched for."""
    user_ids: dict[str, int] = field(default_factory=dict)
    event_ids: dict[str, int] = field(default_factory=dict)
    appointments: dict[str, Appointment] = field(default_factory=dict)
    payments: dict[str, Paid] = field(default_factory=dict)
    """By event."""
    said: dict[str, Said] = field(default_factory=dict)
    read_seqs: dict[tuple[str, str], int] = field(default_factory=dict)
    """How far each (person, event) has read; who says something has read up to it."""
    refusals: list[tuple[str, str]] = field(default_factory=list)
    """(asked for, given)."""
    repeats: list[tuple[UUID | None, UUID | None]] = field(default_factory=list)
    """(first answer, answer to the repeat)."""
    judged: list[Judged] = field(default_factory=list)

    def said_in(self, event: str) -> list[Said]:
        """What was said in an event, in its order."""
        return [said for said in self.said.values() if said.event == event]

    def unread(self, who: str, event: str) -> int:
        """What a person who was there from the start has not read."""
        return self.last_seq(event) - self.read_seqs.get((who, event), 0)

    def last_seq(self, event: str) -> int:
        """How much was said in an event, by people and by the system."""
        return len(self.said_in(event)) + len(self.appointments[event].told)
