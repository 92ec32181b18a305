"""Who takes part in what, remembered for seconds. A yes may be a little late; a no is always asked for anew."""

from collections.abc import Sequence
from typing import Final

from cachetools import TTLCache

from domain.errors import NotAllowed, NotThere
from stores import participants
from stores.connections import AsyncStores
from stores.participants import Standing

REMEMBERED_S: Final = 5.0
"""How long somebody who was removed may still write."""
REMEMBERED_MAX: Final = 100_000
"""About 30 MB."""


def check_reader(standing: Standing) -> None:
    """May this user read this event? Raises NotThere, NotAllowed."""
    if not standing.event_exists:
        raise NotThere("There is no such event.")
    if not standing.takes_part:
        raise NotAllowed("This user takes no part in the event.")


class Standings:
    """A cache in front of `participants.standings`."""

    def __init__(self, stores: AsyncStores) -> None:
        self._stores = stores
        self._known: TTLCache[tuple[int, int], Standing] = TTLCache(REMEMBERED_MAX, REMEMBERED_S)

    async def of(self, pairs: Sequence[tuple[int, int]]) -> list[Standing]:
        """How each (event, user) stands, in their order. Raises Away."""
        known: dict[tuple[int, int], Standing] = {}
        missing: list[tuple[int, int]] = []
        for pair in dict.fromkeys(pairs):
            try:
                known[pair] = self._known[pair]
            except KeyError:
                missing.append(pair)
        if missing:
            for pair, standing in zip(
                missing, await participants.standings(self._stores.postgres, missing), strict=True
            ):
                known[pair] = standing
                if standing.takes_part and standing.is_active:
                    self._known[pair] = standing
        return [known[pair] for pair in pairs]

    async def one(self, event_id: int, user_id: int) -> Standing:
        """How one user stands to one event, who takes part in it. Raises NotThere, NotAllowed, Away."""
        (standing,) = await self.of([(event_id, user_id)])
        check_reader(standing)
        return standing
