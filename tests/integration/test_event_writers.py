"""48 writers at once, on one event and on many: chains whole, no deadlock, nothing lost (P6)."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec
import pytest
import pytest_asyncio

from domain.errors import Refused
from domain.event import EventChange
from domain.event_changes import Changed, confirm, edit, invite, remove
from domain.event_state import Event
from domain.history_verify import verify
from stores import events, history_outbox
from stores.connections import AsyncStores
from stores.row_security import as_user
from tests.histories import BEGAN
from tests.integration.as_ingest import ORIGIN, new_event, new_users, stores_of_ingest
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")
WRITERS = 48
CHANGES = 6
"""That each of them tries."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(own_stores: Own) -> AsyncIterator[AsyncStores]:
    """A connection for each writer."""
    async with stores_of_ingest(own_stores, connections=WRITERS) as made:
        yield made


@dataclass
class Accepted:
    """What writers were answered, by event: the end of the chain after each change, and how many entries it made."""

    receipts: dict[int, dict[int, bytes]] = field(default_factory=dict)
    entries: dict[int, int] = field(default_factory=dict)

    def note(self, before: Event, after: Event) -> None:
        mine = self.receipts.setdefault(after.id, {})
        if after.history_length > before.history_length:
            assert after.history_length not in mine, "two changes have one place"
        mine[after.history_length] = bytes.fromhex(after.history_head or "")
        self.entries[after.id] = self.entries.get(after.id, 0) + after.history_length - before.history_length


def some_change(choose: random.Random, actor: int, users: list[int]) -> Callable[[Event], Changed]:
    """What a writer tries: any of it may be refused."""
    word, other = secrets.token_hex(4), choose.choice(users)
    wanted = choose.choice(
        (
            {"title": word},
            {"location": word, "description": word},
            {"end_time": f"2099-01-02T10:{choose.randrange(60):02}:00Z"},
        )
    )
    asked = msgspec.convert({"actor_id": actor, **wanted}, EventChange)
    rules: list[Callable[[Event], Changed]] = [
        lambda event: edit(event, asked, BEGAN),
        lambda event: edit(event, asked, BEGAN),
        lambda event: confirm(event, actor),
        lambda event: invite(event, actor, other, 0),
        lambda event: remove(event, actor, choose.choice((actor, other)), None),
    ]
    return choose.choice(rules)


async def write(crowd: AsyncStores, seed: int, made: list[Event], users: list[int], accepted: Accepted) -> None:
    """What one writer does."""
    choose = random.Random(seed)  # noqa: S311
    actor = users[seed % len(users)]
    for _ in range(CHANGES):
        event_id, rule = choose.choice(made).id, some_change(choose, actor, users)
        try:
            async with as_user(crowd.postgres, actor) as connection:
                before = await events.lock(connection, event_id)
                after = await events.store(connection, before, rule(before), ORIGIN)
        except Refused:
            continue
        accepted.note(before, after)


@pytest.mark.parametrize("count", [1, 12])
async def test_48_writers_at_once_leave_whole_chains_and_lose_nothing(
    crowd: AsyncStores, own_stores: Own, count: int
) -> None:
    """P6."""
    seed = secrets.randbelow(2**32)
    users = await new_users(crowd, WRITERS)
    made = [await new_event(crowd, *users[at:], *users[:at]) for at in range(count)]
    accepted = Accepted(entries={event.id: event.history_length for event in made})
    await asyncio.gather(*(write(crowd, seed + n, made, users, accepted) for n in range(WRITERS)))
    for event in made:
        entries = history_outbox.of_event(own_stores.stores.postgres, event.id)
        present = history_outbox.present(own_stores.stores.postgres, event.id)
        assert present is not None
        assert verify(entries, present, accepted.receipts.get(event.id)) == [], seed
        assert present.history_length == len(entries) == accepted.entries[event.id], seed
    assert sum(accepted.entries.values()) > sum(event.history_length for event in made) + WRITERS, seed
