"""Users: who registers, what is shown of them, what changes, and who goes."""

from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import UNSET

from domain import phone
from domain.user import NewUser, UserChange
from ingest.calls import Answer, Call, answer_json
from ingest.idempotency import once
from ingest.routes import Route
from ingest.services import Services
from stores import users
from stores.row_security import Connection
from stores.users import User

_new_user: Final = msgspec.json.Decoder(NewUser)
_user_change: Final = msgspec.json.Decoder(UserChange)


async def create(services: Services, call: Call) -> Answer:
    """Register a user."""
    new = call.body_as(_new_user)
    e164 = phone.parse(new.phone)

    async def work(connection: Connection) -> Answer:
        user = await users.create(connection, services.stores.keys, services.stores.index_keys, new, e164)
        return answer_json(user, HTTPStatus.CREATED)

    return await once(services, call, work)


async def get(services: Services, call: Call) -> Answer:
    """A user; one who was deleted is not there any more."""
    return answer_json(await users.get(services.stores.postgres, services.stores.keys, call.path["user_id"]))


async def change(services: Services, call: Call) -> Answer:
    """Change a user."""
    asked = call.body_as(_user_change)
    e164 = None if asked.phone is UNSET else phone.parse(asked.phone)
    stores = services.stores
    return answer_json(
        await users.change(stores.postgres, stores.keys, stores.index_keys, call.path["user_id"], asked, e164)
    )


async def delete(services: Services, call: Call) -> Answer:
    """Delete a user, softly: what they said stays, without their name, and their number may be used again."""
    await users.delete(services.stores.postgres, call.path["user_id"])
    return Answer(HTTPStatus.NO_CONTENT)


USER: Final = "/v1/users/{user_id:int}"
ROUTES: Final = (
    Route("POST", "/v1/users", create, "Register a user", "users:write", NewUser, None, User, HTTPStatus.CREATED),
    Route("GET", USER, get, "A user", "users:read", None, None, User),
    Route("PATCH", USER, change, "Change a user", "users:write", UserChange, None, User),
    Route("DELETE", USER, delete, "Delete a user", "users:write", status=HTTPStatus.NO_CONTENT),
)
