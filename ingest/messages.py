"""The way of a message: say, edit, delete, react, type, mark as read; and read, follow, look back."""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec

from domain.errors import Away, BadInput, TimingleError
from domain.ids import NIL
from domain.message import EditMessage, NewMessage, NewMessageIn, Reaction, ReadMark, Typing
from domain.paging import gapless
from domain.submissions import Receipt
from ingest.calls import BULK_BYTES_MAX, Actor, Answer, Call, Reader, answer_json, decode_json
from ingest.message_views import (
    Bulk,
    BulkSent,
    BulkShape,
    Page,
    PageQuery,
    Sent,
    TypingView,
    sent,
    view,
)
from ingest.problems import problem_of
from ingest.routes import Route
from ingest.services import Services
from stores import pages, typing_indicators
from stores.participants import Standing

ACCEPTED: Final = Answer(HTTPStatus.ACCEPTED, b"{}")
_new_message: Final = msgspec.json.Decoder(NewMessage)
_new_message_in: Final = msgspec.json.Decoder(NewMessageIn)
_bulk: Final = msgspec.json.Decoder(Bulk)
_edit: Final = msgspec.json.Decoder(EditMessage)
_reaction: Final = msgspec.json.Decoder(Reaction)
_typing: Final = msgspec.json.Decoder(Typing)
_read_mark: Final = msgspec.json.Decoder(ReadMark)


async def send(services: Services, call: Call) -> Answer:
    """Say a message."""
    new = call.body_as(_new_message)
    (taken,) = await services.intake.send(call.client.id, [in_event(new, call.path["event_id"])])
    if isinstance(taken, TimingleError):
        raise taken
    return answer_json(sent(taken), HTTPStatus.ACCEPTED)


async def send_bulk(services: Services, call: Call) -> Answer:
    """Say many messages. A bad one does not sink the others: what became of each comes by position."""
    raw = call.body_as(_bulk).messages
    services.clients.spend(call.client, len(raw))
    results: list[Receipt | TimingleError | None] = [None] * len(raw)
    good: list[NewMessageIn] = []
    places: list[int] = []
    for place, one in enumerate(raw):
        try:
            good.append(decode_json(bytes(one), _new_message_in))
            places.append(place)
        except BadInput as error:
            results[place] = BadInput(str(error), error.field)
    if good:
        for place, taken in zip(places, await services.intake.send(call.client.id, good), strict=True):
            results[place] = taken
    away = [result for result in results if isinstance(result, Away)]
    if len(away) == len(results):
        raise away[0]
    return answer_json(
        BulkSent([problem_of(r) if isinstance(r, TimingleError) else sent(r) for r in results if r is not None]),
        HTTPStatus.ACCEPTED,
    )


async def edit(services: Services, call: Call) -> Answer:
    """Say a message anew."""
    change = call.body_as(_edit)
    await services.intake.edit(call.path["event_id"], message_named(call), change.actor_id, change.message)
    return ACCEPTED


async def delete(services: Services, call: Call) -> Answer:
    """Take a message back."""
    await services.intake.delete(call.path["event_id"], message_named(call), call.query_as(Actor).actor_id)
    return ACCEPTED


async def react(services: Services, call: Call) -> Answer:
    """React to a message, one reaction a user."""
    reaction = call.body_as(_reaction)
    await services.intake.react(call.path["event_id"], message_named(call), reaction.actor_id, reaction.emoji)
    return ACCEPTED


async def take_reaction_back(services: Services, call: Call) -> Answer:
    """Take one's reaction back."""
    await services.intake.react(call.path["event_id"], message_named(call), call.query_as(Actor).actor_id, "")
    return ACCEPTED


async def mark_read(services: Services, call: Call) -> Answer:
    """Note how far a user has read."""
    mark = call.body_as(_read_mark)
    await services.intake.mark_read(call.path["event_id"], mark.actor_id, mark.up_to)
    return ACCEPTED


async def note_typing(services: Services, call: Call) -> Answer:
    """Note that a user is typing; forgotten after 10 s."""
    actor_id, event_id = call.body_as(_typing).actor_id, call.path["event_id"]
    await services.intake.check_typist(event_id, actor_id)
    await typing_indicators.note(services.stores.scylla, event_id, actor_id)
    return Answer(HTTPStatus.NO_CONTENT)


async def who_types(services: Services, call: Call) -> Answer:
    """Who is typing."""
    event_id = call.path["event_id"]
    await services.standings.one(event_id, call.query_as(Reader).as_user)
    return answer_json(TypingView(await typing_indicators.who(services.stores.scylla, event_id)))


async def page(services: Services, call: Call) -> Answer:
    """Messages of an event, a page at a time."""
    found = await find(services, call.path["event_id"], call.query_as(PageQuery))
    return answer_json(Page(await services.gone.unnamed(found.messages), found.next))


async def find(services: Services, event_id: int, query: PageQuery) -> Page:
    """The page that is asked for, as it is stored."""
    given = sum(x is not None for x in (query.before, query.after, query.since or query.until))
    if given > 1:
        raise BadInput("Only from and to may be combined; before and after stand alone.", "before")
    standing = await services.standings.one(event_id, query.as_user)
    if query.after is not None:
        return await follow(services, standing, query.after, query.limit)
    if query.since or query.until:
        return await look_back(services, event_id, query)
    scylla = services.stores.scylla
    if query.before is None:
        found = await pages.newest(scylla, event_id, query.limit)
    else:
        cursor = await services.intake.place(standing, query.before, "before")
        found = await pages.before(scylla, event_id, cursor, query.limit)
    more = len(found) == query.limit and found[-1].seq > 1
    return Page([view(message) for message in found], found[-1].message_id if more else None)


async def follow(services: Services, standing: Standing, after: UUID, limit: int) -> Page:
    """What was said after a message, up to the first seq that is still on its way (P3)."""
    cursor = None if after == NIL else await services.intake.place(standing, after, "after")
    found = await pages.after(services.stores.scylla, standing.event_id, cursor, limit)
    shown = gapless(found, cursor.seq if cursor else 0)
    return Page([view(message) for message in shown], shown[-1].message_id if shown else after)


async def look_back(services: Services, event_id: int, query: PageQuery) -> Page:
    """What was said from one time to another."""
    since = query.since or datetime.fromtimestamp(0, UTC)
    until = query.until or datetime.fromtimestamp(time.time(), UTC)
    found = await pages.between(services.stores.scylla, event_id, since, until, query.limit + 1)
    shown = found[: query.limit]
    return Page([view(message) for message in shown], shown[-1].message_id if len(found) > query.limit else None)


def message_named(call: Call) -> UUID:
    """The message that a path names. Raises BadInput."""
    try:
        return UUID(call.path["message_id"])
    except ValueError:
        raise BadInput("This is no UUID.", "message_id") from None


def in_event(new: NewMessage, event_id: int) -> NewMessageIn:
    """A message with its event."""
    return NewMessageIn(
        event_id=event_id,
        actor_id=new.actor_id,
        message=new.message,
        message_type=new.message_type,
        attachments=new.attachments,
        reply_to=new.reply_to,
        metadata=new.metadata,
        client_id=new.client_id,
    )


EVENT: Final = "/v1/events/{event_id:int}"
MESSAGE: Final = EVENT + "/messages/{message_id}"

SEND: Final = Route(
    "POST", EVENT + "/messages", send, "Say a message", "messages:write", NewMessage, None, Sent, ACCEPTED.status
)
SEND_BULK: Final = Route(
    "POST",
    "/v1/messages:batch",
    send_bulk,
    "Say up to 1,000 messages; answers come by position",
    "messages:write",
    BulkShape,
    None,
    BulkSent,
    ACCEPTED.status,
    BULK_BYTES_MAX,
    is_bulk=True,
)
ROUTES: Final = (
    SEND,
    SEND_BULK,
    Route("PATCH", MESSAGE, edit, "Say a message anew", "messages:write", EditMessage, status=ACCEPTED.status),
    Route("DELETE", MESSAGE, delete, "Take a message back", "messages:write", None, Actor, status=ACCEPTED.status),
    Route(
        "PUT", MESSAGE + "/reactions", react, "React to a message", "messages:write", Reaction, status=ACCEPTED.status
    ),
    Route(
        "DELETE",
        MESSAGE + "/reactions",
        take_reaction_back,
        "Take a reaction back",
        "messages:write",
        None,
        Actor,
        status=ACCEPTED.status,
    ),
    Route(
        "PUT",
        EVENT + "/typing",
        note_typing,
        "Say that a user is typing",
        "messages:write",
        Typing,
        status=HTTPStatus.NO_CONTENT,
    ),
    Route("GET", EVENT + "/typing", who_types, "Who is typing", "messages:read", None, Reader, TypingView),
    Route(
        "POST",
        EVENT + "/read",
        mark_read,
        "Mark an event as read up to a message",
        "messages:write",
        ReadMark,
        status=ACCEPTED.status,
    ),
    Route(
        "GET", EVENT + "/messages", page, "Read or follow an event's messages", "messages:read", None, PageQuery, Page
    ),
)
