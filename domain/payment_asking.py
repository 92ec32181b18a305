"""When a payment that stays PENDING is asked about again, and when that ends.

A webhook may never come: Toss tries for four days, Stripe for three. So whoever has not paid within some minutes is
asked about, less and less often, until the longest time is over in which anybody may pay: a virtual account of Toss's
can be open for 90 days (`validHours`, at most 2,160: https://docs.tosspayments.com/reference). Webhooks count for ever.
"""

from datetime import datetime, timedelta
from typing import Final

ASK_AFTER_FIRST: Final = timedelta(minutes=10)
ASK_AFTER_MAX: Final = timedelta(days=1)
ASK_UNTIL: Final = timedelta(days=92)
DOUBLINGS_MAX: Final = 10


def next_ask_at(created_at: datetime, asks: int, now: datetime) -> datetime | None:
    """When to ask again after so many asks; None once that has ended."""
    if now - created_at > ASK_UNTIL:
        return None
    return now + min(ASK_AFTER_FIRST * (1 << min(asks, DOUBLINGS_MAX)), ASK_AFTER_MAX)
