"""The HTTP door: authenticates, checks, journals, rings; and the read views. `granian --interface asgi ingest:app`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.application import Front


def __getattr__(name: str) -> "Front":
    """`app`, made when it is asked for: whoever imports `ingest.client` must not get a server and our Celery too."""
    if name != "app":
        raise AttributeError(f"ingest has no {name}")
    from ingest.application import make

    return make()
