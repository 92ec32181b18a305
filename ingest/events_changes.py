"""Changes of events: each checks who asks, locks the event, applies a rule, stores what comes out with its history."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from domain import event_changes as rules
from domain.errors import BadInput, EventIsDue
from domain.event import Cancellation, EventChange, Invitation
from domain.event_changes import Changed
from domain.event_state import Event
from ingest.calls import Actor, Answer, Call, answer_json
from ingest.events import EventView, view
from ingest.idempotency import once
from ingest.intake import check_writer
from ingest.origins import origin_of
from ingest.routes import Route
from ingest.services import Services
from stores import events, participants, slots, users
from stores.row_security import Connection, act_as

_actor: Final = msgspec.json.Decoder(Actor)
_change: Final = msgspec.json.Decoder(EventChange)
_invitation: Final = msgspec.json.Decoder(Invitation)
_cancellation: Final = msgspec.json.Decoder(Cancellation)

Rule = Callable[[Connection, Event], Awaitable[Changed]]
"""What becomes of a locked event."""


async def edit(services: Services, call: Call) -> Answer:
    """Change an event's title, place, description or time."""
    asked = call.body_as(_change)

    async def rule(_: Connection, event: Event) -> Changed:
        return rules.edit(event, asked, datetime.now(UTC))

    return await change(services, call, asked.actor_id, rule)


async def invite(services: Services, call: Call) -> Answer:
    """Let somebody in: what was said before is not unread to them."""
    asked = call.body_as(_invitation)

    async def rule(connection: Connection, event: Event) -> Changed:
        joined_seq = await services.intake.last_seq(event.journal, event.id)
        invited = rules.invite(event, asked.actor_id, asked.user_id, joined_seq)
        if asked.user_id not in await users.active(connection, [asked.user_id]):
            raise BadInput(f"There is no active user {asked.user_id}.", "user_id")
        return invited

    return await change(services, call, asked.actor_id, rule)


async def remove(services: Services, call: Call) -> Answer:
    """Take somebody out, or oneself."""
    actor_id, user_id = call.query_as(Actor).actor_id, call.path["user_id"]

    async def rule(connection: Connection, event: Event) -> Changed:
        slot_id = event.open_slot_id
        return rules.remove(event, actor_id, user_id, slot_id and await slots.business_of(connection, slot_id))

    return await change(services, call, actor_id, rule)


async def confirm(services: Services, call: Call) -> Answer:
    """Agree to an event; the last one to do so confirms it."""
    actor_id = call.body_as(_actor).actor_id

    async def rule(_: Connection, event: Event) -> Changed:
        return rules.confirm(event, actor_id)

    return await change(services, call, actor_id, rule)


async def cancel(services: Services, call: Call) -> Answer:
    """Call an event off; the slot that it booked is free again, if that is still to come."""
    asked = call.body_as(_cancellation)

    async def rule(connection: Connection, event: Event) -> Changed:
        canceled = rules.cancel(event, asked.actor_id, asked.reason)
        if event.open_slot_id is not None:
            await slots.free(connection, event.open_slot_id)
        return canceled

    return await change(services, call, asked.actor_id, rule)


async def complete(services: Services, call: Call) -> Answer:
    """Say that an event has taken place."""
    actor_id = call.body_as(_actor).actor_id

    async def rule(_: Connection, event: Event) -> Changed:
        return rules.complete(event, actor_id)

    return await change(services, call, actor_id, rule)


async def change(services: Services, call: Call, actor_id: int, rule: Rule) -> Answer:
    """Apply a rule to the event that a call names, in one transaction. An event whose time is over is DONE first, and
    stays so whatever the rule says to that."""
    event_id = call.path["event_id"]

    async def work(connection: Connection) -> Answer:
        check_writer(await participants.standing(connection, event_id, actor_id))
        await act_as(connection, actor_id)
        event = await events.lock(connection, event_id)
        after = await events.store(connection, event, await rule(connection, event), origin_of(call, services.proxies))
        return answer_json(view(after))

    try:
        answer = await once(services, call, work)
    except EventIsDue:
        await events.complete_if_due(services.stores.postgres, event_id)
        services.history_bell.ring()
        answer = await once(services, call, work)
    services.history_bell.ring()
    return answer


EVENT: Final = "/v1/events/{event_id:int}"
ROUTES: Final = (
    Route("PATCH", EVENT, edit, "Change an event", "events:write", EventChange, None, EventView),
    Route("POST", EVENT + "/participants", invite, "Let somebody in", "events:write", Invitation, None, EventView),
    Route("DELETE", EVENT + "/participants/{user_id:int}", remove, "Take somebody out, or oneself", "events:write",
          None, Actor, EventView),
    Route("POST", EVENT + "/confirm", confirm, "Agree to an event", "events:write", Actor, None, EventView),
    Route("POST", EVENT + "/cancel", cancel, "Call an event off", "events:write", Cancellation, None, EventView),
    Route("POST", EVENT + "/done", complete, "Say that an event has taken place", "events:write", Actor, None,
          EventView),
)  # fmt: skip
