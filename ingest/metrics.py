"""What Prometheus reads at /metrics. Labels are routes, statuses, ids of journals: never what anybody wrote (P11)."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ingest.routes import Route
from stores.journal import JournalState

CALLS: Final = Counter("timingle_http_calls", "Calls answered", ("method", "path", "status"))
SECONDS: Final = Histogram(
    "timingle_http_seconds", "Seconds to an answer", ("method", "path"), buckets=(0.002, 0.005, 0.01, 0.05, 0.25, 1, 5)
)
ENTRIES: Final = Gauge("timingle_journal_entries", "Entries that the journal holds, stored ones too", ("journal",))
LAG: Final = Gauge("timingle_journal_lag", "Entries that no worker has read yet", ("journal",))
PENDING: Final = Gauge("timingle_journal_pending", "Entries read and not yet acknowledged", ("journal",))
OLDEST: Final = Gauge("timingle_journal_oldest_waiting_seconds", "Age of the oldest entry that waits", ("journal",))
VANISHED: Final = Gauge(
    "timingle_journal_vanished", "Entries trimmed before they were stored: must stay 0", ("journal",)
)
BYTES: Final = Gauge("timingle_journal_bytes", "Memory of the journal's Redis in use", ("journal",))
BYTES_MAX: Final = Gauge("timingle_journal_bytes_max", "Memory that the journal's Redis may use", ("journal",))
DEAD_LETTERS: Final = Gauge("timingle_dead_letters_open", "Dead letters that nobody has replayed or discarded")


@dataclass(slots=True)
class Observation:
    """A call that is being answered; 500 until it is known better."""

    status: int = 500


@contextlib.contextmanager
def observed(route: Route) -> Iterator[Observation]:
    """Count and time a call."""
    observation = Observation()
    began = time.perf_counter()
    try:
        yield observation
    finally:
        CALLS.labels(route.method, route.path, str(int(observation.status))).inc()
        SECONDS.labels(route.method, route.path).observe(time.perf_counter() - began)


def show_journal(journal_id: int, state: JournalState) -> None:
    """Set the gauges of a journal."""
    journal = str(journal_id)
    ENTRIES.labels(journal).set(state.entries)
    LAG.labels(journal).set(state.lag)
    PENDING.labels(journal).set(state.pending)
    OLDEST.labels(journal).set(state.oldest_waiting_ms / 1_000)
    VANISHED.labels(journal).set(state.vanished)
    BYTES.labels(journal).set(state.bytes_used)
    BYTES_MAX.labels(journal).set(state.bytes_allowed)
