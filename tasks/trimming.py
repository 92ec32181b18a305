"""Letting rows go that have been kept for long enough."""

from collections.abc import Callable

import structlog

from domain.errors import Away
from stores import connections
from stores.connections import Stores

log = structlog.get_logger()


def trim_all(what: str, trim: Callable[[Stores], int]) -> None:
    """Let all go, batch by batch: `trim` lets one go and says how many rows it had. What is left when a store goes away
    goes an hour later."""
    stores = connections.stores()
    trimmed = 0
    try:
        while batch := trim(stores):
            trimmed += batch
    except Away as away:
        log.warning("a store is away", action="trim_stopped", what=what, store=away.store, code=away.code)
    if trimmed:
        log.info("old rows are trimmed", action="trimmed", what=what, count=trimmed)
