"""Users: who registers."""

from http import HTTPStatus
from typing import Final

import msgspec

from domain import phone
from domain.user import NewUser
from ingest.calls import Answer, Call, answer_json
from ingest.idempotency import once
from ingest.routes import Route
from ingest.services import Services
from stores import users
from stores.row_security import Connection
from stores.users import User

_new_user: Final = msgspec.json.Decoder(NewUser)


async def create(services: Services, call: Call) -> Answer:
    """Register a user."""
    new = call.body_as(_new_user)
    e164 = phone.parse(new.phone)

    async def work(connection: Connection) -> Answer:
        user = await users.create(connection, services.stores.keys, services.stores.index_key, new, e164)
        return answer_json(user, HTTPStatus.CREATED)

    return await once(services, call, work)


ROUTES: Final = (
    Route("POST", "/v1/users", create, "Register a user", "users:write", NewUser, None, User, HTTPStatus.CREATED),
)
