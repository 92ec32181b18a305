"""Events: who proposes what, and to whom; and how events are shown."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec

from domain.errors import BadInput, NotAllowed
from domain.event import Moment, NewEvent, check_times
from domain.event_state import Event
from ingest.calls import Answer, Call, Reader, answer_json
from ingest.idempotency import once
from ingest.origins import origin_of
from ingest.routes import Route
from ingest.services import Services
from stores import events, users
from stores.row_security import Connection, act_as, as_user

_new_event: Final = msgspec.json.Decoder(NewEvent)


class ParticipantView(msgspec.Struct, frozen=True):
    """Somebody who takes part."""

    user_id: int
    confirmed: bool


class EventView(msgspec.Struct, frozen=True):
    """An event as it is read. History's length and head are the reader's receipt."""

    id: int
    title: str
    description: str | None
    start_time: Moment
    end_time: Moment
    location: str | None
    creator_id: int
    status: str
    canceled_reason: str | None
    participants: list[ParticipantView]
    history_length: int
    history_head: str | None
    created_at: Moment
    updated_at: Moment


class EventList(msgspec.Struct, frozen=True):
    """Events, by their start."""

    events: list[EventView]


async def create(services: Services, call: Call) -> Answer:
    """Propose an event."""
    new = call.body_as(_new_event)

    async def work(connection: Connection) -> Answer:
        check_times(new, datetime.now(UTC))  # here: a repeat is answered as the first time, however late it comes
        await check_participants(connection, new)
        return await propose(services, call, connection, new)

    answer = await once(services, call, work)
    services.history_bell.ring()
    return answer


async def propose(
    services: Services, call: Call, connection: Connection, new: NewEvent, open_slot_id: int | None = None
) -> Answer:
    """Make an event in a transaction that is under way. Its seq register is made with it; ring history's bell after."""
    await act_as(connection, new.actor_id)
    journal = services.stores.journal_for_new_event()
    event = await events.create(connection, new, journal.id, origin_of(call, services.proxies), open_slot_id)
    await journal.seed(event.id, 0, redis_up_s=0)  # no message of an event that is only just made can be lost
    return answer_json(view(event), HTTPStatus.CREATED)


async def get(services: Services, call: Call) -> Answer:
    """An event, as one who takes part sees it."""
    reader, event_id = call.query_as(Reader).as_user, call.path["event_id"]
    await services.standings.one(event_id, reader)
    async with as_user(services.stores.postgres, reader) as connection:
        return answer_json(view(await events.get(connection, event_id)))


async def upcoming(services: Services, call: Call) -> Answer:
    """What a user takes part in and has not begun."""
    found = await events.upcoming(services.stores.postgres, call.path["user_id"])
    return answer_json(EventList([view(event) for event in found]))


async def check_participants(connection: Connection, new: NewEvent) -> None:
    """Everybody must be there and active. Raises NotAllowed, BadInput."""
    active = await users.active(connection, [new.actor_id, *new.participant_ids])
    if new.actor_id not in active:
        raise NotAllowed("There is no such user, or they may not write.")
    for place, user_id in enumerate(new.participant_ids):
        if user_id not in active:
            raise BadInput(f"There is no active user {user_id}.", f"participant_ids[{place}]")


def view(event: Event) -> EventView:
    """An event as it is read."""
    return EventView(
        id=event.id,
        title=event.title,
        description=event.description,
        start_time=event.start_time,
        end_time=event.end_time,
        location=event.location,
        creator_id=event.creator_id,
        status=event.status,
        canceled_reason=event.canceled_reason,
        participants=[ParticipantView(one.user_id, one.confirmed) for one in event.participants],
        history_length=event.history_length,
        history_head=event.history_head,
        created_at=event.created_at,
        updated_at=event.updated_at,
    )


ROUTES: Final = (
    Route("POST", "/v1/events", create, "Propose an event", "events:write", NewEvent, None, EventView,
          HTTPStatus.CREATED),
    Route("GET", "/v1/events/{event_id:int}", get, "An event", "events:read", None, Reader, EventView),
    Route("GET", "/v1/users/{user_id:int}/events/upcoming", upcoming, "A user's next events, 200 at most",
          "events:read", None, None, EventList),
)  # fmt: skip
