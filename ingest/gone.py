"""Senders who have been deleted: what they said stays, their names and pictures are not shown any more.

The rows keep both as they were written (the worker adds nothing, so nobody may take anything away either); only the
reading of them looks at who is gone.
"""

from typing import Final

import msgspec
from cachetools import TTLCache

from ingest.message_views import MessageView
from stores import users
from stores.connections import AsyncStores

REMEMBERED_S: Final = 5.0
"""How long the name of somebody who was deleted may still be shown."""
REMEMBERED_MAX: Final = 100_000
"""About 10 MB."""


class Gone:
    """A cache in front of `users.gone`."""

    def __init__(self, stores: AsyncStores) -> None:
        self._stores = stores
        self._known: TTLCache[int, bool] = TTLCache(REMEMBERED_MAX, REMEMBERED_S)

    async def unnamed(self, messages: list[MessageView]) -> list[MessageView]:
        """The messages, without the names of those who are gone. Raises Away."""
        senders = {message.sender_id for message in messages if message.sender_id is not None}
        is_gone = {sender: known for sender in senders if (known := self._known.get(sender)) is not None}
        if unknown := sorted(senders - is_gone.keys()):
            gone = await users.gone(self._stores.postgres, unknown)
            is_gone |= {sender: sender in gone for sender in unknown}
            self._known.update({sender: is_gone[sender] for sender in unknown})
        if not any(is_gone.values()):
            return messages
        return [
            msgspec.structs.replace(message, sender_name="", sender_profile_url="")
            if message.sender_id is not None and is_gone[message.sender_id]
            else message
            for message in messages
        ]
