"""An event's history, as one who takes part reads it: made from the bytes that were chained."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from domain.errors import BadInput
from domain.event import Moment
from domain.history import Entry, old_and_new, said, seq_of
from domain.message import RowId
from ingest.calls import Answer, Call, answer_json
from ingest.routes import Route
from ingest.services import Services
from stores import history_pages

CHANGE_ID_VERSION: Final = 7
UNREADABLE: Final = "UNREADABLE"
"""Instead of a change_type: the bytes, or what they committed to, were altered. `timingle audit verify` says more."""


class HistoryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who reads, how many entries, before which."""

    as_user: RowId
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    before: UUID | None = None
    """A change_id."""


class EntryView(msgspec.Struct, frozen=True):
    """An entry. What was erased since is null; the hashes are hexadecimal."""

    chain_seq: int
    change_id: UUID
    changed_at: Moment
    actor_id: int | None
    actor_name: str | None
    change_type: str
    field_name: str | None
    old_value: Any
    """Any JSON."""
    new_value: Any
    prev_hash: str
    entry_hash: str


class HistoryPage(msgspec.Struct, frozen=True):
    """Entries, newest first, and the change_id before which the next page begins: null at the end."""

    entries: list[EntryView]
    next: UUID | None


async def page(services: Services, call: Call) -> Answer:
    """A page of an event's history, as far as it has been relayed."""
    event_id, query = call.path["event_id"], call.query_as(HistoryQuery)
    await services.standings.one(event_id, query.as_user)
    scylla = services.stores.scylla
    if query.before is None:
        found = await history_pages.newest(scylla, event_id, query.limit)
    else:
        found = await history_pages.before(scylla, event_id, cursor(query.before), query.limit)
    more = len(found) == query.limit and seq_of(found[-1].change_id) > 1
    return answer_json(HistoryPage([view(entry) for entry in found], found[-1].change_id if more else None))


def cursor(given: UUID) -> UUID:
    """A change_id to begin before. Raises BadInput if no entry was ever given this one."""
    if given.version != CHANGE_ID_VERSION or not seq_of(given):
        raise BadInput("This is no change_id.", "before")
    return given


def view(entry: Entry) -> EntryView:
    """An entry as it is read. One that was altered hides no other on its page."""
    bytes_say = said(entry.hashed_bytes)
    old, new = None, None
    try:
        if bytes_say:
            old, new = old_and_new(entry, bytes_say)
    except msgspec.DecodeError:
        bytes_say = None
    return EntryView(
        chain_seq=entry.chain_seq,
        change_id=entry.change_id,
        changed_at=entry.changed_at,
        actor_id=bytes_say.actor_id if bytes_say else None,
        actor_name=entry.actor_name or None,
        change_type=bytes_say.type if bytes_say else UNREADABLE,
        field_name=bytes_say.field if bytes_say else None,
        old_value=old,
        new_value=new,
        prev_hash=entry.prev_hash.hex(),
        entry_hash=entry.entry_hash.hex(),
    )


ROUTES: Final = (
    Route("GET", "/v1/events/{event_id:int}/history", page, "An event's history", "events:read", None, HistoryQuery,
          HistoryPage),
)  # fmt: skip
