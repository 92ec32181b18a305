"""What senders were promised, and how it compares with what is stored: the truth of the tests that kill."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

UserEvent = tuple[int, int]
"""A user's id and an event's."""


@dataclass(slots=True)
class Said:
    """A message that was answered 202, as it was last said."""

    event_id: int
    message_id: UUID
    seq: int
    sender_id: int
    text: str
    is_deleted: bool = False


class Stored(msgspec.Struct, frozen=True):
    """A message as the API shows it."""

    message_id: UUID
    seq: int
    message: str
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of a comparison; all but the first two must be 0."""

    accepted: int
    stored: int
    lost: int
    """Accepted and not stored under the seq that the answer gave; or a seq that nothing is stored under."""
    doubled: int
    """Stored, and not what any answer named; or a second message under one seq."""
    stale: int
    """Stored without its last edit, or without its deletion."""
    drift: int
    """Sum of how far each user's unread count of each event is off."""

    @property
    def is_whole(self) -> bool:
        """Is everything as it was promised?"""
        return not (self.lost or self.doubled or self.stale or self.drift)

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(
            self.accepted + other.accepted,
            self.stored + other.stored,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.stale + other.stale,
            self.drift + other.drift,
        )


NOTHING = Verdict(0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class Ledger:
    """Everything that was answered 202, by all senders of one run."""

    _said: dict[UUID, Said] = field(default_factory=dict)
    _read: dict[UserEvent, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def accepted(self) -> int:
        """How many messages were answered 202."""
        return len(self._said)

    def say(self, said: Said) -> None:
        """A message was taken; whoever says something has read up to it."""
        with self._lock:
            assert said.message_id not in self._said, "two messages were answered with one id"
            self._said[said.message_id] = said
        self.read(said.sender_id, said.event_id, said.seq)

    def read(self, user_id: int, event_id: int, seq: int) -> None:
        """A read mark was taken."""
        with self._lock:
            self._read[user_id, event_id] = max(seq, self._read.get((user_id, event_id), 0))

    def of_event(self, event_id: int) -> list[Said]:
        """What was said in an event."""
        with self._lock:
            return [said for said in self._said.values() if said.event_id == event_id]

    def compare(
        self, events: Mapping[int, Sequence[Stored]], unread: Mapping[UserEvent, int], user_ids: Iterable[int]
    ) -> Verdict:
        """Compare with what each event stores and what each of these users is told to be unread."""
        verdict = NOTHING
        for event_id, stored in events.items():
            verdict += self._compare_event(event_id, stored, unread, user_ids)
        return verdict

    def _compare_event(
        self, event_id: int, stored: Sequence[Stored], unread: Mapping[UserEvent, int], user_ids: Iterable[int]
    ) -> Verdict:
        said = {one.message_id: one for one in self.of_event(event_id)}
        found = {one.message_id: one for one in stored}
        places = Counter(one.seq for one in stored)
        as_promised = [one for one in said.values() if (at := found.get(one.message_id)) and at.seq == one.seq]
        last = max((one.seq for one in said.values()), default=0)
        gaps = set(range(1, last + 1)) - places.keys()
        return Verdict(
            accepted=len(said),
            stored=len(stored),
            lost=max(len(said) - len(as_promised), len(gaps)),
            doubled=len(found.keys() - said.keys()) + sum(count - 1 for count in places.values()),
            stale=sum(not _is_up_to_date(one, found[one.message_id]) for one in as_promised),
            drift=sum(
                abs(unread.get((user, event_id), 0) - (last - self._read.get((user, event_id), 0))) for user in user_ids
            ),
        )


def _is_up_to_date(said: Said, stored: Stored) -> bool:
    return (stored.is_deleted, stored.message) == (said.is_deleted, "" if said.is_deleted else said.text)
