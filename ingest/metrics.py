"""What Prometheus reads at /metrics. Labels are routes, statuses, ids of journals: never what anybody wrote (P11)."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from domain.payment import QuarantineReason
from stores.events_lag import EventsLag
from stores.journal import JournalState
from stores.payments_lag import PaymentsLag
from stores.reports_lag import ReportsLag

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
OVERDUE: Final = Gauge("timingle_events_overdue_seconds", "Since the oldest event ended that is not DONE yet")
UNRELAYED: Final = Gauge("timingle_history_unrelayed", "Entries of histories that ScyllaDB does not have yet")
UNRELAYED_OLDEST: Final = Gauge("timingle_history_oldest_unrelayed_seconds", "Age of the oldest of them")
PAYMENT_JOB_KINDS: Final = ("webhook", "confirm", "refund")
PAYMENT_JOBS: Final = Gauge("timingle_payment_jobs_waiting", "Webhooks, confirms and refunds that wait", ("kind",))
PAYMENT_JOBS_OLDEST: Final = Gauge("timingle_payment_jobs_oldest_seconds", "Age of the oldest of them", ("kind",))
QUARANTINED: Final = Gauge(
    "timingle_payment_webhooks_quarantined", "What providers say that is not what was asked for", ("reason",)
)
REPORTS: Final = Gauge("timingle_reports_waiting", "Audit PDFs that are not made yet")
REPORTS_OLDEST: Final = Gauge("timingle_reports_oldest_seconds", "Since the oldest of them was asked for")
REPORTS_FAILED: Final = Gauge("timingle_reports_failed", "Audit PDFs that were given up within the last 24 hours")


class RouteMetrics:
    """The counters of one route; looking them up by their labels costs more than counting."""

    def __init__(self, method: str, path: str) -> None:
        self._method, self._path = method, path
        self._seconds = SECONDS.labels(method, path)
        self._calls: dict[int, Counter] = {}

    def observe(self, status: int, seconds: float) -> None:
        """Count and time a call."""
        calls = self._calls.get(status)
        if calls is None:
            calls = self._calls[status] = CALLS.labels(self._method, self._path, str(int(status)))
        calls.inc()
        self._seconds.observe(seconds)


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


def show_events(lag: EventsLag) -> None:
    """Set the gauges of events and histories."""
    OVERDUE.set(lag.overdue_s)
    UNRELAYED.set(lag.unrelayed)
    UNRELAYED_OLDEST.set(lag.unrelayed_s)


def show_payments(lags: Sequence[PaymentsLag]) -> None:
    """Set the gauges of payments. What is not told of any more is 0."""
    waiting = {lag.kind: lag for lag in lags if lag.state == "waiting"}
    for kind in PAYMENT_JOB_KINDS:
        lag = waiting.get(kind)
        PAYMENT_JOBS.labels(kind).set(lag.count if lag else 0)
        PAYMENT_JOBS_OLDEST.labels(kind).set(lag.oldest_s if lag else 0)
    quarantined = {lag.reason: lag.count for lag in lags if lag.state == "quarantined"}
    for reason in QuarantineReason:
        QUARANTINED.labels(reason.value).set(quarantined.get(reason.value, 0))


def show_reports(lag: ReportsLag) -> None:
    """Set the gauges of audit PDFs."""
    REPORTS.set(lag.waiting)
    REPORTS_OLDEST.set(lag.oldest_s)
    REPORTS_FAILED.set(lag.failed)
