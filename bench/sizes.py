"""How much a run does."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each row does."""

    users: int
    events: int
    """More than one drain holds messages, so that with 1 in a row no register is written for two messages at once."""
    warm_up_messages: int
    """The JVM compiles what it does often; before that it is several times slower."""
    rounds: int
    """Of each comparison, in turn; medians of them are shown."""
    bulk_messages: int
    """One measurement of rows a and b: some seconds of work."""
    window_s: float
    """One measurement of what is counted over a time."""
    peer_rounds: int
    """Of the peers, which take long to start."""
    peer_messages: int
    """Queued for each peer before its window."""
    read_events: int
    """Events that readers read."""
    reads: int
    """Of each kind in each state."""
    confirmed_events: int
    """Confirmed events that lie ahead while others become DONE."""
    due_events: int
    """Made DONE in one measurement."""
    backlog_events: int
    """Due when an outage is over."""
    chain_entries: int
    """Of the history that is checked as a whole."""
    webhooks: int
    """In a burst, each about a payment of its own."""
    report_entries: tuple[int, ...]
    """Of the audit reports that are drawn, the largest last."""
    table_entries: int
    """Of the report that is drawn as one table, too."""
    reports: int
    """Drawn by each of two workers."""


NORMAL: Final = Sizes(
    users=400,
    events=5_000,
    warm_up_messages=60_000,
    rounds=5,
    bulk_messages=50_000,
    window_s=10.0,
    peer_rounds=3,
    peer_messages=25_000,
    read_events=200,
    reads=2_000,
    confirmed_events=100_000,
    due_events=10_000,
    backlog_events=100_000,
    chain_entries=10_000,
    webhooks=10_000,
    report_entries=(100, 1_000, 10_000, 50_000),
    table_entries=20_000,
    reports=20,
)
QUICK: Final = Sizes(
    users=80,
    events=1_000,
    warm_up_messages=2_000,
    rounds=1,
    bulk_messages=4_000,
    window_s=2.0,
    peer_rounds=1,
    peer_messages=3_000,
    read_events=10,
    reads=50,
    confirmed_events=2_000,
    due_events=1_000,
    backlog_events=4_000,
    chain_entries=500,
    webhooks=200,
    report_entries=(100, 400),
    table_entries=400,
    reports=2,
)
