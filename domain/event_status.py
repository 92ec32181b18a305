"""The state machine of events, as one table. PostgreSQL guards the same one by trigger (migration 000009)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.errors import Conflict


class EventStatus(StrEnum):
    """How far an event has come."""

    PROPOSED = "PROPOSED"
    CONFIRMED = "CONFIRMED"
    CANCELED = "CANCELED"
    DONE = "DONE"


class Action(StrEnum):
    """What somebody may do to an event, as a refusal names it."""

    DESCRIBE = "change title, place and description"
    MOVE = "move start and end"
    INVITE = "add and remove participants"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    COMPLETE = "be done"


ALLOWED: Final[Mapping[EventStatus, frozenset[EventStatus]]] = {
    EventStatus.PROPOSED: frozenset({EventStatus.CONFIRMED, EventStatus.CANCELED}),
    EventStatus.CONFIRMED: frozenset({EventStatus.DONE, EventStatus.CANCELED}),
    EventStatus.CANCELED: frozenset(),
    EventStatus.DONE: frozenset(),
}
"""The states that each state may become."""

ACTIONS: Final[Mapping[EventStatus, tuple[Action, ...]]] = {
    EventStatus.PROPOSED: (Action.DESCRIBE, Action.MOVE, Action.INVITE, Action.CONFIRM, Action.CANCEL),
    EventStatus.CONFIRMED: (Action.DESCRIBE, Action.CANCEL, Action.COMPLETE),
    EventStatus.CANCELED: (),
    EventStatus.DONE: (),
}
"""What each state allows to be done."""


def check_allowed(status: EventStatus, action: Action) -> None:
    """May this be done now? Raises Conflict, which names the state and what it allows."""
    if action not in ACTIONS[status]:
        allowed = "; ".join(ACTIONS[status]) or "nothing any more"
        raise Conflict(f"The event is {status}, which does not allow to {action}. It allows: {allowed}.")
