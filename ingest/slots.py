"""Open slots: what a business offers, where, and who books it."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec

from domain.errors import BadInput, Conflict, NotAllowed
from domain.slot import NewSlot, Slot, SlotChange, booking, changed, check_price, check_time
from domain.texts import check_texts
from domain.user import Region
from ingest.calls import Actor, Answer, Call, answer_json
from ingest.events import EventView, propose
from ingest.idempotency import once
from ingest.routes import Route
from ingest.services import Services
from stores import slots, users
from stores.row_security import Connection

_new_slot: Final = msgspec.json.Decoder(NewSlot)
_slot_change: Final = msgspec.json.Decoder(SlotChange)
_actor: Final = msgspec.json.Decoder(Actor)


class SlotsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where."""

    region: Region


class SlotList(msgspec.Struct, frozen=True):
    """Slots, by their start."""

    slots: list[Slot]


async def create(services: Services, call: Call) -> Answer:
    """Offer a slot."""
    new = call.body_as(_new_slot)
    check_price(new.price)

    async def work(connection: Connection) -> Answer:
        check_time(new, datetime.now(UTC))  # here: a repeat is answered as the first time, however late it comes
        await check_business(connection, new.business_user_id)
        await check_region(connection, new.region)
        return answer_json(await slots.create(connection, new), HTTPStatus.CREATED)

    return await once(services, call, work)


async def change(services: Services, call: Call) -> Answer:
    """Change a slot."""
    asked, slot_id = call.body_as(_slot_change), call.path["slot_id"]
    async with services.stores.postgres.connection() as connection:
        slot = await slots.lock(connection, slot_id)
        is_booked = await slots.is_booked(connection, slot_id)
        fresh = changed(slot, asked, is_booked=is_booked, now=datetime.now(UTC))
        await check_business(connection, slot.business_user_id)
        if fresh.region != slot.region:
            await check_region(connection, fresh.region)
        return answer_json(await slots.update(connection, fresh))


async def find(services: Services, call: Call) -> Answer:
    """The next slots of a region that can be booked."""
    query = call.query_as(SlotsQuery)
    check_texts(query)
    return answer_json(SlotList(await slots.available(services.stores.postgres, query.region)))


async def book(services: Services, call: Call) -> Answer:
    """Take a slot and propose its event to the business, both or neither."""
    actor_id, slot_id = call.body_as(_actor).actor_id, call.path["slot_id"]

    async def work(connection: Connection) -> Answer:
        slot = await slots.take(connection, slot_id)
        await check_parties(connection, slot, actor_id)
        return await propose(services, call, connection, booking(slot, actor_id), slot.id)

    answer = await once(services, call, work)
    services.history_bell.ring()
    return answer


async def check_business(connection: Connection, user_id: int) -> None:
    """Raises NotAllowed if the user may not offer slots, or not any more."""
    if not await slots.is_business(connection, user_id):
        raise NotAllowed("Only an active user whose role is BUSINESS offers slots.")


async def check_region(connection: Connection, region: str | None) -> None:
    """Raises BadInput if nobody lives there: it is misspelt, or nobody would ever look for slots there."""
    if region is not None and not await slots.is_region(connection, region):
        raise BadInput("No user has this region.", "region")


async def check_parties(connection: Connection, slot: Slot, actor_id: int) -> None:
    """Raises NotAllowed, Conflict if one of the two may not write."""
    if actor_id == slot.business_user_id:
        raise NotAllowed("A business does not book its own slot.")
    active = await users.active(connection, [actor_id, slot.business_user_id])
    if actor_id not in active:
        raise NotAllowed("There is no such user, or they may not write.")
    if slot.business_user_id not in active:
        raise Conflict("The business that offered this slot takes no bookings now.")


SLOT: Final = "/v1/open-slots/{slot_id:int}"
ROUTES: Final = (
    Route("POST", "/v1/open-slots", create, "Offer a slot", "events:write", NewSlot, None, Slot, HTTPStatus.CREATED),
    Route("PATCH", SLOT, change, "Change a slot", "events:write", SlotChange, None, Slot),
    Route("GET", "/v1/open-slots", find, "Slots of a region that can be booked", "events:read", None, SlotsQuery,
          SlotList),
    Route("POST", SLOT + "/book", book, "Book a slot", "events:write", Actor, None, EventView, HTTPStatus.CREATED),
)  # fmt: skip
