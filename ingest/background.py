"""`ingest.intake` for a process without an event loop: one in a thread of its own, with the stores and the doorbell."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from celery import Celery

from ingest.doorbell import Doorbell
from ingest.intake import Intake
from ingest.standings import Standings
from stores.connections import Addresses, AsyncStores

CONNECTIONS_MAX: Final = 2
"""To PostgreSQL, as a child of our own workers: what is asked there is remembered for seconds."""
FIRST_CONNECTION_S_MAX: Final = 3.0
"""A first edit waits for ScyllaDB this long, so that it is checked; without ScyllaDB the worker checks it alone."""
PERSIST: Final = "tasks.messages.persist"
PERSIST_QUEUE: Final = "messages"
PERSIST_EXPIRES_S: Final = 10
"""The ring as `tasks.messages` defines it: its name is an interface, and a test compares them."""

T = TypeVar("T")


class BackgroundIntake:
    """The way into the journal for the threads of one process. It does not outlive a fork."""

    def __init__(self, addresses: Addresses, broker_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="timingle", daemon=True)
        self._thread.start()
        self._bell = bell(broker_url)
        self._stores = self._run(open_stores(addresses))
        self._intake = Intake(self._stores, Standings(self._stores), self._bell.ring)
        try:
            self._run(self._stores.scylla.wait_connected(FIRST_CONNECTION_S_MAX))
        except BaseException:  # a time limit of the calling task, or Ctrl-C
            self.close()
            raise

    def take(self, work: "Callable[[Intake], Coroutine[Any, Any, T]]") -> T:
        """What the intake answers or raises."""
        return self._run(work(self._intake))

    def close(self) -> None:
        """End everything."""
        self._bell.close()
        self._run(self._stores.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: "Coroutine[Any, Any, T]") -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def open_stores(addresses: Addresses) -> AsyncStores:
    """The stores of one process, on its loop."""
    stores = AsyncStores(addresses, connections_idle=0, connections_max=CONNECTIONS_MAX)
    await stores.open()
    return stores


def bell(broker_url: str) -> Doorbell:
    """Rings at timingle's broker, whatever Celery the calling app has."""
    celery = Celery("timingle-client", set_as_current=False)
    celery.conf.update(broker_connection_timeout=3, broker_transport_options={"socket_timeout": 10})

    def ring() -> None:
        # The URL is given anew: over an app's own, a CELERY_BROKER_URL of the calling app's environment would win.
        with celery.connection_for_write(broker_url) as connection:
            celery.send_task(PERSIST, queue=PERSIST_QUEUE, expires=PERSIST_EXPIRES_S, connection=connection)

    return Doorbell(ring, celery)
