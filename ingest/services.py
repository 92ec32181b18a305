"""What the calls of one ingest process share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Self

import settings
from ingest.clients import Clients
from ingest.doorbell import Doorbell, RowBell
from ingest.gone import Gone
from ingest.intake import Intake
from ingest.open_providers import OpenProviders
from ingest.origins import Network
from ingest.standings import Standings
from stores.connections import Addresses, AsyncStores
from stores.report_files import Files, open_store
from tasks.events import relay_history
from tasks.messages import persist
from worker import app
from worker.addresses import addresses


@dataclass(frozen=True, slots=True)
class Services:
    """What the calls of one ingest process share."""

    stores: AsyncStores
    clients: Clients
    standings: Standings
    gone: Gone
    intake: Intake
    doorbell: Doorbell
    history_bell: Doorbell
    row_bell: RowBell
    providers: OpenProviders
    files: Callable[[], Files]
    """Where reports are kept; opened when the first is fetched. Raises Away."""
    proxies: tuple[Network, ...]

    @classmethod
    def of(cls, addresses: Addresses) -> Self:
        """Make them, on a running event loop; nothing is connected yet."""
        stores = AsyncStores(addresses)
        standings = Standings(stores)
        doorbell = Doorbell(persist.apply_async, app)
        return cls(
            stores=stores,
            clients=Clients(stores),
            standings=standings,
            gone=Gone(stores),
            intake=Intake(stores, standings, doorbell.ring),
            doorbell=doorbell,
            history_bell=Doorbell(relay_history.apply_async, app),
            row_bell=RowBell(),
            providers=OpenProviders.of(settings.current()),
            files=cache(partial(open_store, settings.current().reports_url)),
            proxies=settings.current().proxies,
        )

    async def close(self) -> None:
        """End all connections."""
        self.doorbell.close()
        self.history_bell.close()
        self.row_bell.close()
        await self.stores.close()


def api_addresses() -> Addresses:
    """Where ingest finds its stores: PostgreSQL as the API's role, under row-level security."""
    return addresses(settings.current().postgres_api_url, consumer="ingest")
