"""What a user said lately, and what they have not read."""

import time
from datetime import UTC
from typing import Annotated, Final
from uuid import UUID

import msgspec

from domain.errors import NotThere
from domain.event import Moment
from domain.ids import year_of
from domain.message import RowId
from ingest.calls import Answer, Call, answer_json
from ingest.routes import Route
from ingest.services import Services
from stores import pages, users
from stores.unread import unread


class ActivityQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many messages."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class UnreadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many events, older than which."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 200
    before: RowId = 2**63 - 1


class ActivityView(msgspec.Struct, frozen=True):
    """A message that a user sent."""

    event_id: int
    message_id: UUID
    message: str
    created_at: Moment


class ActivityPage(msgspec.Struct, frozen=True):
    """A user's last messages, newest first."""

    messages: list[ActivityView]


class UnreadView(msgspec.Struct, frozen=True):
    """What a user has not read of one event."""

    event_id: int
    unread_count: int
    last_read_at: Moment | None


class UnreadPage(msgspec.Struct, frozen=True):
    """A user's events, newest first, and the event_id before which the next page begins."""

    events: list[UnreadView]
    next: int | None


async def activity(services: Services, call: Call) -> Answer:
    """A user's last messages."""
    user_id, query = call.path["user_id"], call.query_as(ActivityQuery)
    since = await users.created_at(services.stores.postgres, user_id)
    if since is None:
        raise NotThere("There is no such user.")
    years = range(year_of(int(time.time() * 1_000)), since.year - 1, -1)
    found = await pages.activity(services.stores.scylla, user_id, years, query.limit)
    return answer_json(
        ActivityPage(
            [ActivityView(a.event_id, a.message_id, a.message, a.created_at.replace(tzinfo=UTC)) for a in found]
        )
    )


async def unread_events(services: Services, call: Call) -> Answer:
    """A user's events with their unread counts."""
    query = call.query_as(UnreadQuery)
    stores = services.stores
    found = await unread(stores.postgres, stores.scylla, call.path["user_id"], query.before, query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    return answer_json(UnreadPage([UnreadView(*one) for one in shown], shown[-1].event_id if more else None))


ROUTES: Final = (
    Route("GET", "/v1/users/{user_id:int}/activity", activity, "A user's last messages", "messages:read", None,
          ActivityQuery, ActivityPage),
    Route("GET", "/v1/users/{user_id:int}/unread", unread_events, "What a user has not read", "messages:read", None,
          UnreadQuery, UnreadPage),
)  # fmt: skip
