"""PostgreSQL: open_slots. Times that businesses offer; each is had by one at a time."""

from collections.abc import Sequence
from typing import Final

import msgspec
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from domain.errors import Conflict, NotThere
from domain.slot import NewSlot, Slot
from stores.errors import postgres_errors
from stores.row_security import Connection

LISTED_MAX: Final = 50
COLUMNS: Final = """id, business_user_id, service_type, title, description, start_time, duration_minutes, price, region,
    is_available, created_at, updated_at"""
INSERT_SLOT: Final = f"""
    INSERT INTO open_slots (business_user_id, service_type, title, description, start_time, duration_minutes, price,
        region)
    SELECT %(business_user_id)s, %(service_type)s, %(title)s, %(description)s, %(start_time)s, %(duration_minutes)s,
        %(price)s, coalesce(%(region)s, (SELECT region FROM users WHERE id = %(business_user_id)s))
    RETURNING {COLUMNS}"""  # noqa: S608
SELECT_SLOT: Final = f"SELECT {COLUMNS} FROM open_slots WHERE id = %s"  # noqa: S608
LOCK_SLOT: Final = f"{SELECT_SLOT} FOR NO KEY UPDATE"
UPDATE_SLOT: Final = f"""
    UPDATE open_slots SET service_type = %(service_type)s, title = %(title)s, description = %(description)s,
        start_time = %(start_time)s, duration_minutes = %(duration_minutes)s, price = %(price)s, region = %(region)s,
        is_available = %(is_available)s
    WHERE id = %(id)s RETURNING {COLUMNS}"""  # noqa: S608
# Of those that come at once the first one's row lock holds the others up, and then they find it taken.
TAKE_SLOT: Final = f"""
    UPDATE open_slots SET is_available = FALSE WHERE id = %s AND is_available AND start_time > now()
    RETURNING {COLUMNS}"""  # noqa: S608
FREE_SLOT: Final = "UPDATE open_slots SET is_available = TRUE WHERE id = %s AND start_time > now()"
SELECT_AVAILABLE: Final = f"""
    SELECT {COLUMNS} FROM open_slots AS s
    WHERE region = %s AND is_available AND start_time >= now() AND EXISTS (
        SELECT FROM users AS u WHERE u.id = s.business_user_id AND u.is_active AND u.deleted_at IS NULL)
    ORDER BY start_time, id LIMIT %s"""  # noqa: S608
IS_BOOKED: Final = "SELECT open_slot_is_booked(%s)"
IS_BUSINESS: Final = """
    SELECT EXISTS (SELECT FROM users WHERE id = %s AND role = 'BUSINESS' AND is_active AND deleted_at IS NULL)"""
IS_REGION: Final = "SELECT EXISTS (SELECT FROM users WHERE region = %s AND deleted_at IS NULL)"


async def create(connection: Connection, new: NewSlot) -> Slot:
    """Add a slot; without a region it is in that of its business. Raises Away."""
    return await _one(connection, INSERT_SLOT, msgspec.structs.asdict(new))


async def lock(connection: Connection, slot_id: int) -> Slot:
    """A slot that nobody else changes or takes until the transaction ends. Raises NotThere, Away."""
    return await _one(connection, LOCK_SLOT, (slot_id,))


async def update(connection: Connection, slot: Slot) -> Slot:
    """Store a slot as it is to be; as it is then. Raises Away."""
    return await _one(connection, UPDATE_SLOT, msgspec.structs.asdict(slot))


async def take(connection: Connection, slot_id: int) -> Slot:
    """Take a slot; of any number that try at once, one does. Raises NotThere, Conflict, Away."""
    try:
        return await _one(connection, TAKE_SLOT, (slot_id,))
    except NotThere:
        await _one(connection, SELECT_SLOT, (slot_id,))
        raise Conflict("This slot is taken, withdrawn or over.") from None


async def free(connection: Connection, slot_id: int) -> None:
    """Offer a slot again whose event is canceled, if it is still to come. Raises Away."""
    with postgres_errors():
        await connection.execute(FREE_SLOT, (slot_id,))


async def available(pool: AsyncConnectionPool, region: str) -> list[Slot]:
    """The next slots of a region that can be booked, by their start. Raises Away."""
    with postgres_errors():
        async with pool.connection() as connection, connection.cursor(row_factory=class_row(Slot)) as cursor:
            return await (await cursor.execute(SELECT_AVAILABLE, (region, LISTED_MAX))).fetchall()


async def is_booked(connection: Connection, slot_id: int) -> bool:
    """Whether an event that is neither canceled nor over has it, whoever takes part in that. Raises Away."""
    return await _says(connection, IS_BOOKED, slot_id)


async def business_of(connection: Connection, slot_id: int) -> int:
    """Who offers a slot. Raises NotThere, Away."""
    return (await _one(connection, SELECT_SLOT, (slot_id,))).business_user_id


async def is_business(connection: Connection, user_id: int) -> bool:
    """Whether a user may offer slots. Raises Away."""
    return await _says(connection, IS_BUSINESS, user_id)


async def is_region(connection: Connection, region: str) -> bool:
    """Whether anybody lives there: what nobody's profile says is no region. Raises Away."""
    return await _says(connection, IS_REGION, region)


async def _one(connection: Connection, statement: str, parameters: dict[str, object] | Sequence[object]) -> Slot:
    with postgres_errors():
        async with connection.cursor(row_factory=class_row(Slot)) as cursor:
            slot = await (await cursor.execute(statement, parameters)).fetchone()
    if slot is None:
        raise NotThere("There is no such slot.")
    return slot


async def _says(connection: Connection, statement: str, value: object) -> bool:
    with postgres_errors():
        row = await (await connection.execute(statement, (value,))).fetchone()
        return row is not None and bool(row[0])
