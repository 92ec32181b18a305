"""Reads back through the API what is stored, and compares it with what was asked for: one row of the table a fact."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from uuid import UUID

from local.demo.api import Activity, Entry, Event, Message, Messages, Query, Recent, UnreadEvents
from local.demo.events import read_history
from local.demo.payments import seen
from local.demo.script import script
from local.demo.show import Row, quoted
from local.demo.stage import Said, Stage

BEFORE_THE_FIRST: Final = UUID(int=0)
SYSTEM: Final = "system"
RECEIPT_CHARACTERS: Final = 12
PAGE_MAX: Final = 100
"""What the API gives at most."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the API shows; ids of people and events are the script's."""

    messages: dict[str, list[Message]]
    """Of each event, oldest first."""
    unread: dict[tuple[str, str], int]
    """Of each (person, event)."""
    activity: dict[str, list[Recent]]
    """Of each person, newest first."""
    events: dict[str, Event]
    histories: dict[str, list[Entry]]
    """Of each event, oldest first."""
    payments: dict[str, tuple[str, str]]
    """Of each event: state, and what has been given back."""

    def of(self, said: Said) -> Message | None:
        """How a message is stored."""
        return next((m for m in self.messages[said.event] if m.message_id == said.message_id), None)


def read_back(stage: Stage) -> Stored:
    """Read all that the conversation left. Raises DemoError."""
    names = {event_id: event for event, event_id in stage.event_ids.items()}
    unread = {
        (who, names[one.event_id]): one.unread_count
        for who, user_id in stage.user_ids.items()
        for one in stage.api.get(UnreadEvents, f"/users/{user_id}/unread").events
    }
    creators = {event.id: event.creator for event in script().appointments}
    return Stored(
        {event: read_event(stage, event, creators[event]) for event in stage.event_ids},
        unread,
        {who: stage.api.get(Activity, f"/users/{i}/activity").messages for who, i in stage.user_ids.items()},
        {
            event: stage.api.get(Event, f"/events/{event_id}", {"as_user": stage.user_ids[creators[event]]})
            for event, event_id in stage.event_ids.items()
        },
        {event: read_history(stage, event, creators[event]).entries[::-1] for event in stage.event_ids},
        {event: seen(stage, paid) for event, paid in stage.payments.items()},
    )


def read_event(stage: Stage, event: str, reader: str) -> list[Message]:
    """Follow an event from its first message, as an app does that catches up."""
    path, user_id = f"/events/{stage.event_ids[event]}/messages", stage.user_ids[reader]
    found: list[Message] = []
    while True:
        after = found[-1].message_id if found else BEFORE_THE_FIRST
        query: Query = {"as_user": user_id, "after": str(after), "limit": PAGE_MAX}
        page = stage.api.get(Messages, path, query).messages
        found += page
        if len(page) < PAGE_MAX:
            return found


def messages(stage: Stage, stored: Stored) -> Iterable[Row]:
    """Nothing lost, nothing twice, in the order in which it was said; what the system told is numbered with it."""
    for event, found in stored.messages.items():
        asked = [said.seq for said in stage.said_in(event)]
        seqs = [message.seq for message in found]
        yield Row(
            f"Messages in {event}",
            f"{len(asked)} in order, with the system's 1 to {stage.last_seq(event)}",
            f"{ordered(asked, [m.seq for m in found if m.message_type != SYSTEM])}, with the system's {numbered(seqs)}",
        )


def ordered(asked: Sequence[int], seqs: Sequence[int]) -> str:
    """How many there are, and whether their places are those that were given."""
    return f"{len(seqs)} {'in order' if list(asked) == list(seqs) else 'in another order'}"


def numbered(seqs: Sequence[int]) -> str:
    """The places in an event: 1 to the last if none is missing."""
    whole = list(seqs) == list(range(1, len(seqs) + 1))
    return f"1 to {len(seqs)}" if whole else ", ".join(map(str, seqs))


def told(stage: Stage, stored: Stored) -> Iterable[Row]:
    """What the system said of changes, each once and in their order."""
    for event, found in stored.messages.items():
        changes = [m.metadata.get("change_type", "") for m in found if m.message_type == SYSTEM and m.sender_id is None]
        yield Row(f"The system's in {event}", ", ".join(stage.appointments[event].told), ", ".join(changes))


def appointments(stage: Stage, stored: Stored) -> Iterable[Row]:
    """How each event stands."""
    asked = (f"{event} {made.status}" for event, made in stage.appointments.items())
    yield Row("Appointments", ", ".join(asked), ", ".join(f"{name} {e.status}" for name, e in stored.events.items()))


def histories(stage: Stage, stored: Stored) -> Iterable[Row]:
    """Every change once and in its order; each entry names the hash of the one before, the last one is the receipt."""
    for event, made in stage.appointments.items():
        found = stored.histories[event]
        changes = [entry.change_type for entry in found]
        last = found[-1] if found else None
        chained = all(entry.prev_hash == before.entry_hash for before, entry in pairwise(found))
        in_order = "in order" if changes == made.history else f"({', '.join(changes)})"
        receipt = f"{last.chain_seq}:{last.entry_hash}" if last else ""
        yield Row(
            f"History of {event}",
            f"{len(made.history)} in order, chained to {made.receipt[:RECEIPT_CHARACTERS]}",
            f"{len(found)} {in_order}, {'chained' if chained else 'broken'} to {receipt[:RECEIPT_CHARACTERS]}",
        )


def payments(stage: Stage, stored: Stored) -> Iterable[Row]:
    """Each payment is what its provider says, and all of it that was given back is."""
    for event, paid in stage.payments.items():
        status, refunded = stored.payments[event]
        sums = f"{paid.amount} {paid.planned.currency}"
        yield Row(
            f"Payment of {event}",
            f"{sums}: {paid.status}, {paid.refunded} given back",
            f"{sums}: {status}, {refunded} given back",
        )


def texts(stage: Stage, stored: Stored) -> Iterable[Row]:
    """Every text as it was last said, by whom, with what; an emoji of seven code points too."""
    shown = [said for said in stage.said.values() if not said.is_deleted]
    alike = [said for said in shown if (message := stored.of(said)) and as_stored(stage, message) == as_asked(said)]
    first = next((f", not {quoted(said.text)}" for said in shown if said not in alike), "")
    yield Row("Texts, to the last code point", f"{len(shown)} as sent", f"{len(alike)} as sent{first}")


def as_asked(said: Said) -> tuple[object, ...]:
    """What must be stored of a message that is shown."""
    return said.who, said.text, said.message.message_type, said.message.attachments, said.message.reply_to


def as_stored(stage: Stage, message: Message) -> tuple[object, ...]:
    """The same of a stored one, named as in the script."""
    names = {said.message_id: name for name, said in stage.said.items()}
    who = next((person for person, user_id in stage.user_ids.items() if user_id == message.sender_id), None)
    reply_to = names.get(message.reply_to, "another message") if message.reply_to else None
    return who, message.message, message.message_type, message.attachments, reply_to


def changes(stage: Stage, stored: Stored) -> Iterable[Row]:
    """What was edited says so; what was deleted is gone, and its place is kept."""
    seen = [(said, message) for said in stage.said.values() if (message := stored.of(said))]
    yield Row(
        "Edited",
        listed(said for said in stage.said.values() if said.is_edited),
        listed(said for said, message in seen if message.edited_at),
    )
    yield Row(
        "Deleted, with no text left",
        listed(said for said in stage.said.values() if said.is_deleted),
        listed(said for said, message in seen if message.is_deleted and not message.message),
    )


def listed(messages: Iterable[Said]) -> str:
    """How many messages, and which."""
    texts = [quoted(said.text) for said in messages]
    return " ".join([str(len(texts)), *texts])


def reactions(stage: Stage, stored: Stored) -> Iterable[Row]:
    """One of each person to each message, the last one; what was taken back is gone."""
    people = {user_id: script().person(who).name for who, user_id in stage.user_ids.items()}
    asked = [f"{emoji} {script().person(who).name}" for s in stage.said.values() for who, emoji in s.reactions.items()]
    found = [
        f"{one.emoji} {people.get(one.user_id, 'somebody else')}"
        for said in stage.said.values()
        if (message := stored.of(said))
        for one in message.reactions
    ]
    yield Row("Reactions", ", ".join(sorted(asked)), ", ".join(sorted(found)))


def answers(stage: Stage, _: Stored) -> Iterable[Row]:
    """A repeat gets the first answer; what must not be taken was refused."""
    same = sum(first == again for first, again in stage.repeats)
    yield Row("Repeated, answered as before", str(len(stage.repeats)), str(same))
    asked, given = zip(*stage.refusals, strict=True)
    yield Row("Refused", ", ".join(asked), ", ".join(given))


def unread(stage: Stage, stored: Stored) -> Iterable[Row]:
    """What each person has not read of each of their events."""
    for person in script().people:
        events = [event for event, made in stage.appointments.items() if person.id in made.people]
        asked = ((stage.unread(person.id, event), event) for event in events)
        counted = ((stored.unread.get((person.id, event)), event) for event in events)
        yield Row(
            f"Unread of {person.name}",
            ", ".join(f"{count} in {event}" for count, event in asked),
            ", ".join(f"{count} in {event}" for count, event in counted),
        )


def activity(stage: Stage, stored: Stored) -> Iterable[Row]:
    """What each person said, newest first, without what they deleted."""
    asked, found = [], []
    for person in script().people:
        theirs = [s for s in stage.said.values() if s.who == person.id and not s.is_deleted]
        alike = [(s.message_id, s.text) for s in reversed(theirs)]
        recent = [(one.message_id, one.message) for one in stored.activity[person.id]]
        asked.append(f"{person.name} {len(alike)}")
        found.append(f"{person.name} {len(recent)}{'' if recent == alike else ', not the same'}")
    yield Row("Activity", ", ".join(asked), ", ".join(found))


def reports(stage: Stage, _: Stored) -> Iterable[Row]:
    """What a verifier that does not trust us says of a file, and of one that somebody touched."""
    yield from (Row(*judged) for judged in stage.judged)


Check = Callable[[Stage, Stored], Iterable[Row]]
CHECKS: Final[Sequence[Check]] = (
    appointments, histories, payments, messages, told, texts, changes, reactions, answers, unread, activity,
    reports,
)  # fmt: skip


def check(stage: Stage) -> list[Row]:
    """Everything that was asked for, beside what is stored now. Raises DemoError."""
    stored = read_back(stage)
    return [row for compare in CHECKS for row in compare(stage, stored)]
