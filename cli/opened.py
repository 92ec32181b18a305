"""The stores, as a subcommand uses them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import settings
from stores.connections import Stores


@contextmanager
def opened() -> Iterator[Stores]:
    """The stores of this process, each opened when it is first used. Raises SettingsError."""
    # Not at the top: `worker` reads the settings as it is imported, and --help needs none.
    from worker.addresses import addresses

    with closing(Stores(addresses(settings.current().postgres_url, consumer="cli"))) as stores:
        yield stores
