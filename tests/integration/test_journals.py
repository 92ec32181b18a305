"""The note of a journal's clock: it never goes back, whoever writes it last."""

import asyncio

from psycopg_pool import AsyncConnectionPool

from stores import journals
from tests.integration.own import Own


def noted(own: Own, journal_id: int) -> int:
    """As ingest asks: with the API's role."""

    async def ask() -> int:
        async with AsyncConnectionPool(own.env["TIMINGLE_POSTGRES_API_URL"], min_size=1, open=False) as pool:
            return await journals.clock_noted(pool, journal_id)

    return asyncio.run(ask())


def test_a_journal_that_was_never_noted_stands_at_nothing(own: Own) -> None:
    assert noted(own, 77) == 0


def test_a_clock_is_noted_for_a_journal_that_has_no_row_yet_and_for_no_other(own: Own) -> None:
    journals.note_clock(own.stores.postgres, 71, 1_764_000_000_000_001)
    assert noted(own, 71) == 1_764_000_000_000_001
    assert noted(own, 72) == 0


def test_a_clock_never_goes_back(own: Own) -> None:
    """A sweep that hangs may note an older clock after a newer one; versions must not be given twice."""
    for clock in (5, 9, 7, 0):
        journals.note_clock(own.stores.postgres, 73, clock)
    assert noted(own, 73) == 9
