"""The stores as ingest has them, on the tests' own place: PostgreSQL as the API's role, ScyllaDB for asyncio."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec

from domain.entries import Placed
from domain.event import NewEvent
from domain.event_changes import Changed, invite
from domain.event_state import Event
from domain.history import Origin
from domain.ids import MessageId
from domain.operations import Create
from domain.user import NewUser
from stores import events, messages, users
from stores.connections import AsyncStores
from stores.registers import head_rows
from stores.row_security import as_user
from stores.users import User
from tests.addresses import addresses_of
from tests.integration.own import Own

CONNECTED_S_MAX: Final = 30.0
FIRST_ID: Final = 1_000_000
"""Past the ids that other tests make up for users and events that PostgreSQL does not know."""
ORIGIN: Final = Origin("203.0.113.9", "test/1")
TIMES: Final = {"start_time": "2099-01-01T10:00:00+09:00", "end_time": "2099-01-01T11:00:00+09:00"}


@asynccontextmanager
async def stores_of_ingest(own: Own, connections: int = 8) -> AsyncIterator[AsyncStores]:
    """Opened, and closed at the end."""
    for sequence in ("users_id_seq", "events_id_seq"):
        own.sql(f"SELECT setval('{sequence}', greatest(nextval('{sequence}'), {FIRST_ID}))")
    addresses = replace(addresses_of(own.env), postgres_url=own.env["TIMINGLE_POSTGRES_API_URL"], consumer="ingest")
    stores = AsyncStores(addresses, connections_idle=1, connections_max=connections)
    await stores.open()
    await stores.scylla.wait_connected(CONNECTED_S_MAX)
    try:
        yield stores
    finally:
        await stores.close()


def new_phone() -> str:
    """In E.164."""
    return f"+8210{secrets.choice('2346789')}{secrets.randbelow(10_000_000):07}"


async def new_user(stores: AsyncStores, phone: str = "", **more: Any) -> User:
    async with stores.postgres.connection() as connection:
        new = NewUser(phone="", **more)
        return await users.create(connection, stores.keys, stores.index_keys, new, phone or new_phone())


async def new_users(stores: AsyncStores, count: int) -> list[int]:
    return [(await new_user(stores)).id for _ in range(count)]


async def new_event(stores: AsyncStores, creator: int, *others: int, **more: Any) -> Event:
    """As its creator sees it."""
    new = msgspec.convert({"actor_id": creator, "title": "컷", "participant_ids": others, **TIMES} | more, NewEvent)
    async with as_user(stores.postgres, creator) as connection:
        return await events.create(connection, new, 0, ORIGIN)


async def change(stores: AsyncStores, event_id: int, actor: int, rule: Callable[[Event], Changed]) -> Event:
    """What becomes of an event by a rule, for whoever acts."""
    async with as_user(stores.postgres, actor) as connection:
        event = await events.lock(connection, event_id)
        return await events.store(connection, event, rule(event), ORIGIN)


async def let_in(stores: AsyncStores, event: Event, user_id: int, joined_seq: int = 0) -> Event:
    """By the event's creator."""
    creator = event.creator_id
    return await change(stores, event.id, creator, lambda now: invite(now, creator, user_id, joined_seq))


def unused_event() -> int:
    """The id of an event that no other test writes to."""
    return secrets.randbelow(2**62)


def placed(event_id: int, seq: int, at_ms: int, sender_id: int | None = 7, text: str = "") -> Placed[Create]:
    """A message in a place of one's choice."""
    create = Create(event_id, seq, sender_id, "민지", "", text or f"{seq}", "text")
    return Placed(create, at_ms * 1_000 + seq % 1_000, seq, "")


def store(own: Own, said: Iterable[Placed[Create]]) -> list[MessageId]:
    """Store messages, and the head of their event, as a worker does; their ids."""
    kept: Sequence[Placed[Create]] = list(said)
    rows, unbindable = own.stores.scylla.bind(kept, messages.create_rows)
    heads, _ = own.stores.scylla.bind(kept, head_rows)
    assert [*unbindable, *own.stores.scylla.write([*rows, *heads])] == []
    return [MessageId(one.version, one.seq, one.operation.random) for one in kept]
