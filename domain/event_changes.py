"""What people do to events: the rules, and what each change puts into history. Pure; a store applies what comes out.

Who may do what: its creator lets people in and takes them out, and anybody takes himself out; whoever takes part
changes, moves and cancels; only the creator says that it is done. When: `event_status.ACTIONS`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET

from domain.errors import BadInput, Conflict, NotAllowed, NotThere
from domain.event import PARTICIPANTS_MAX, EventChange, check_span
from domain.event_state import Event, Participant, moment
from domain.event_status import Action, EventStatus, check_allowed
from domain.history import Change, ChangeType

TEXTS: Final = ("title", "description", "location")
TIMES: Final = ("start_time", "end_time")


@dataclass(frozen=True, slots=True)
class Changed:
    """An event as it is to be, and what its history is to say of it: nothing where nothing changes."""

    event: Event
    changes: tuple[Change, ...] = ()


def creation(event: Event) -> tuple[Change, ...]:
    """What the history of a new event begins with."""
    texts = {name: text for name in TEXTS if (text := getattr(event, name)) is not None}
    values = {
        "creator_id": event.creator_id,
        "start_time": moment(event.start_time),
        "end_time": moment(event.end_time),
        "status": event.status,
        "open_slot_id": event.open_slot_id,
    }
    first = Change(change_type=ChangeType.CREATED, new_value=values, texts=texts)
    return first, *(about(ChangeType.PARTICIPANT_ADDED, None, one) for one in event.participants)


def edit(event: Event, asked: EventChange, now: datetime) -> Changed:
    """Change title, place, description, start or end. A moved time takes back all confirmations but the mover's: the
    others agreed to another time. A booked slot's time stays. Raises NotAllowed, Conflict, BadInput."""
    participant_of(event, asked.actor_id)
    wanted = {name: value for name in (*TEXTS, *TIMES) if (value := getattr(asked, name)) is not UNSET}
    if not wanted:
        raise BadInput("Say what is to change.")
    differing = {name: value for name, value in wanted.items() if value != getattr(event, name)}
    is_moved = not differing.keys().isdisjoint(TIMES)
    for action in (Action.MOVE,) * is_moved + (Action.DESCRIBE,) * (not differing.keys() <= set(TIMES)):
        check_allowed(event.status, action)
    after = replace(event, **differing)
    if is_moved and event.open_slot_id is not None:
        raise Conflict("The event has booked an open slot, whose time it has: cancel it, and book another slot.")
    if is_moved:
        check_span(after.start_time, after.end_time)
        if "start_time" in differing and after.start_time < now:
            raise BadInput("This start is over.", "start_time")
        after = _moved(after, asked.actor_id)
    return Changed(after, (*_fields(event, after), *_taken_back(event, after)))


def invite(event: Event, actor_id: int, user_id: int, joined_seq: int) -> Changed:
    """Let somebody in, who sees what was said from `joined_seq` on as unread. Raises NotAllowed, Conflict."""
    participant_of(event, actor_id)
    if actor_id != event.creator_id:
        raise NotAllowed("Only its creator lets people into an event.")
    check_allowed(event.status, Action.INVITE)
    if any(one.user_id == user_id for one in event.participants):
        raise Conflict(f"The event is {event.status}, and this user takes part in it already.")
    if len(event.participants) > PARTICIPANTS_MAX:
        raise Conflict(f"An event may have {PARTICIPANTS_MAX} participants beside its creator.")
    new = Participant(user_id, False, joined_seq)
    people = tuple(sorted((*event.participants, new)))
    return Changed(replace(event, participants=people), (about(ChangeType.PARTICIPANT_ADDED, None, new),))


def remove(event: Event, actor_id: int, user_id: int, business_id: int | None) -> Changed:
    """Take somebody out, or oneself; the event is confirmed if all the others have. The business whose slot the event
    has booked stays, or the slot would be taken without it. Raises NotAllowed, NotThere, Conflict."""
    participant_of(event, actor_id)
    if actor_id not in (event.creator_id, user_id):
        raise NotAllowed("Only its creator takes others out of an event.")
    going = next((one for one in event.participants if one.user_id == user_id), None)
    if going is None:
        raise NotThere("This user takes no part in the event.", "user_id")
    check_allowed(event.status, Action.INVITE)
    if user_id == business_id:
        raise Conflict(f"The event is {event.status} and has booked this user's slot: cancel it, and the slot is free.")
    people = tuple(one for one in event.participants if one is not going)
    if not people:
        raise Conflict(f"The event is {event.status}; the last one to take part does not leave, but may cancel it.")
    return _settled(replace(event, participants=people), about(ChangeType.PARTICIPANT_REMOVED, going, None))


def confirm(event: Event, actor_id: int) -> Changed:
    """Agree. The last one to agree confirms the event; a second time changes nothing. Raises NotAllowed, Conflict."""
    me = participant_of(event, actor_id)
    if me.confirmed and event.status is EventStatus.CONFIRMED:
        return Changed(event)
    check_allowed(event.status, Action.CONFIRM)
    if me.confirmed:
        return Changed(event)
    agreed = me._replace(confirmed=True)
    people = tuple(agreed if one is me else one for one in event.participants)
    return _settled(replace(event, participants=people), about(ChangeType.PARTICIPANT_CONFIRMED, me, agreed))


def cancel(event: Event, actor_id: int, reason: str) -> Changed:
    """Call the event off. Raises NotAllowed, Conflict."""
    participant_of(event, actor_id)
    check_allowed(event.status, Action.CANCEL)
    change = Change(
        change_type=ChangeType.CANCELED,
        old_value={"status": event.status},
        new_value={"status": EventStatus.CANCELED},
        texts={"canceled_reason": reason},
    )
    return Changed(replace(event, status=EventStatus.CANCELED, canceled_reason=reason), (change,))


def complete(event: Event, actor_id: int) -> Changed:
    """Say that it has taken place. Raises NotAllowed, Conflict."""
    participant_of(event, actor_id)
    if actor_id != event.creator_id:
        raise NotAllowed("Only its creator says that an event is done.")
    check_allowed(event.status, Action.COMPLETE)
    return Changed(replace(event, status=EventStatus.DONE), (_status(ChangeType.DONE, event, EventStatus.DONE),))


def participant_of(event: Event, user_id: int) -> Participant:
    """Who acts. Raises NotAllowed if he takes no part."""
    for one in event.participants:
        if one.user_id == user_id:
            return one
    raise NotAllowed("This user takes no part in the event.")


def about(change_type: ChangeType, old: Participant | None, new: Participant | None) -> Change:
    """A change of one participant."""
    return Change(
        change_type=change_type,
        field_name="participants",
        old_value=old and old._asdict(),
        new_value=new and new._asdict(),
    )


def _settled(event: Event, change: Change) -> Changed:
    """The event is confirmed once somebody beside its creator takes part and nobody is left who has not agreed."""
    is_agreed = all(one.confirmed for one in event.participants) and any(
        one.user_id != event.creator_id for one in event.participants
    )
    if not is_agreed:
        return Changed(event, (change,))
    status = EventStatus.CONFIRMED
    return Changed(replace(event, status=status), (change, _status(ChangeType.CONFIRMED, event, status)))


def _status(change_type: ChangeType, event: Event, status: EventStatus) -> Change:
    return Change(change_type=change_type, field_name="status", old_value=event.status, new_value=status)


def _fields(before: Event, after: Event) -> tuple[Change, ...]:
    """Each field that differs, on its own."""
    changes = []
    for name in TEXTS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            texts = {key: text for key, text in (("old_value", old), ("new_value", new)) if text is not None}
            changes.append(Change(change_type=ChangeType.UPDATED, field_name=name, texts=texts))
    for name in TIMES:
        old, new = moment(getattr(before, name)), moment(getattr(after, name))
        if old != new:
            changes.append(Change(change_type=ChangeType.UPDATED, field_name=name, old_value=old, new_value=new))
    return tuple(changes)


def _moved(event: Event, mover_id: int) -> Event:
    """The event at another time, to which nobody but the mover has agreed."""
    people = tuple(one._replace(confirmed=one.confirmed and one.user_id == mover_id) for one in event.participants)
    times = {name: getattr(event, name).astimezone(UTC) for name in TIMES}
    return replace(event, participants=people, **times)


def _taken_back(before: Event, after: Event) -> tuple[Change, ...]:
    """Those who have to agree anew."""
    return tuple(
        about(ChangeType.PARTICIPANT_UNCONFIRMED, old, new)
        for old, new in zip(before.participants, after.participants, strict=True)
        if old.confirmed and not new.confirmed
    )
