"""ScyllaDB: typing_indicators. Who is typing; each row lives 10 s and may be lost."""

from typing import Final

from stores.scylla_async import AsyncScylla

NOTE_TYPING: Final = "INSERT INTO typing_indicators (event_id, user_id, started_at) VALUES (?, ?, toTimestamp(now()))"
SELECT_TYPING: Final = "SELECT user_id FROM typing_indicators WHERE event_id = ?"
TYPISTS_MAX: Final = 1_000


async def note(scylla: AsyncScylla, event_id: int, user_id: int) -> None:
    """This user is typing. Raises Away."""
    await scylla.execute(NOTE_TYPING, (event_id, user_id))


async def who(scylla: AsyncScylla, event_id: int) -> list[int]:
    """Who was typing within the last 10 s. Raises Away."""
    return [row[0] for row in await scylla.execute(SELECT_TYPING, (event_id,), TYPISTS_MAX)]
