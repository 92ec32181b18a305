"""timingle health: does every store answer, is work moving, what waits."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec
import typer
from kombu.exceptions import OperationalError

import settings
from cli.exit_codes import ExitCode
from cli.opened import check_schema, opened
from cli.tables import print_table
from domain.errors import Away, TimingleError
from stores import dead_letters, migrations_postgres, migrations_scylla, payments_lag, reports_lag, tables
from stores.connections import Stores
from stores.dead_letters import State
from stores.journal import Journal, JournalState, open_async
from stores.payments_lag import PaymentsLag
from stores.reports_lag import ReportsLag

MIB: Final = 1_048_576
BROKER_S_MAX: Final = 3
UNKNOWN: Final = "unknown"
T = TypeVar("T")


class Check(msgspec.Struct, frozen=True):
    """One thing that must be well."""

    name: str
    ok: bool
    detail: str = ""


class Windows(msgspec.Struct, frozen=True):
    """A table compacted by time windows: without a TTL it keeps a file at least of each in which something was said."""

    table: str
    window_days: float
    windows: int


class Health(msgspec.Struct, frozen=True):
    """How the system is doing; null is what a store that is away did not tell."""

    ready: bool
    checks: list[Check]
    journals: dict[str, JournalState | None]
    queues: dict[str, int] | None
    dead_letters: dict[State, int] | None
    payments: list[PaymentsLag] | None
    reports: ReportsLag | None
    windows: list[Windows] | None


class PostgresSeen(NamedTuple):
    """What PostgreSQL tells."""

    dead_letters: dict[State, int]
    payments: list[PaymentsLag]
    reports: ReportsLag
    first_event_at: datetime | None


class Checks:
    """Looks at one thing after another; what fails does not hide the rest."""

    def __init__(self) -> None:
        self.all: list[Check] = []

    def run(self, name: str, look: Callable[[], T]) -> T | None:
        """What a look tells, None if it fails."""
        try:
            found = look()
        except TimingleError as error:
            self.all.append(Check(name, False, str(error)))
            return None
        self.all.append(Check(name, True))
        return found


def health(as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False) -> None:
    """Does every store answer, is work moving, what waits? Exits with 0 if all is well, else with 5.

    A window is one in which messages may have been said. How many files a node keeps of them no CQL tells, but
    `nodetool tablestats` does.
    """
    seen = look()
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(seen)).decode())
    else:
        show(seen)
    if not seen.ready:
        raise typer.Exit(ExitCode.NOT_READY)


def look() -> Health:
    """Look at everything."""
    checks = Checks()
    with opened() as stores:
        postgres = checks.run("postgres", lambda: look_at_postgres(stores))
        windowed = checks.run("scylla", lambda: look_at_scylla(stores))
    journals = {}
    for journal_id, url in enumerate(settings.current().journals):
        name = f"journal {journal_id}"
        state = journals[str(journal_id)] = checks.run(name, partial(asyncio.run, look_at_journal(url)))
        if state is not None and state.is_stuck:
            waited_s = state.oldest_waiting_ms // 1_000
            checks.all.append(Check(f"work of {name}", False, f"the oldest entry has waited for {waited_s} s"))
    queues = checks.run("broker", look_at_broker)
    return Health(
        ready=all(check.ok for check in checks.all),
        checks=checks.all,
        journals=journals,
        queues=queues,
        dead_letters=None if postgres is None else postgres.dead_letters,
        payments=None if postgres is None else postgres.payments,
        reports=None if postgres is None else postgres.reports,
        windows=None if postgres is None or windowed is None else [count(t, postgres.first_event_at) for t in windowed],
    )


def look_at_postgres(stores: Stores) -> PostgresSeen:
    """Dead letters, what waits of payments and of reports, and when events began. Raises Away, MigrationError."""
    with migrations_postgres.connect(settings.current().postgres_url) as schema:
        check_schema(schema, "migrations")
    pool = stores.postgres
    return PostgresSeen(
        dead_letters.count_by_state(pool), payments_lag.seen(pool), reports_lag.seen(pool), tables.first_event_at(pool)
    )


def look_at_scylla(stores: Stores) -> list[tables.WindowedTable]:
    """The tables with time windows. Raises Away, MigrationError."""
    current = settings.current()
    keyspace = current.scylla_keyspace
    with migrations_scylla.connect(current.contact_points, keyspace, current.scylla_replication) as schema:
        check_schema(schema, "cql")
    if not stores.scylla.generations():
        raise Away("ScyllaDB", "a node is down; nothing is trimmed from the journal until it is back")
    return tables.windowed(stores.scylla, keyspace)


async def look_at_journal(url: str) -> JournalState:
    """How a journal is doing. Raises Away."""
    journal = Journal(0, open_async(url))
    try:
        return await journal.state()
    finally:
        await journal.close()


def look_at_broker() -> dict[str, int]:
    """How many tasks wait in each queue. Raises Away."""
    # Not at the top: `worker` reads the settings as it is imported, and --help needs none.
    from worker.application import QUEUES, app

    with app.connection_for_read() as connection:
        try:
            connection.ensure_connection(max_retries=1, timeout=BROKER_S_MAX)
            with connection.channel() as channel:
                return {queue: channel.queue_declare(queue).message_count for queue in QUEUES}
        except (OperationalError, *connection.connection_errors) as error:
            raise Away("the broker", type(error).__name__) from None


def count(table: tables.WindowedTable, first_event_at: datetime | None) -> Windows:
    """How many windows a table has by now."""
    windows = table.windows(first_event_at, datetime.now(UTC))
    return Windows(table.name, table.window / timedelta(days=1), windows)


def show(seen: Health) -> None:
    """Print what was seen."""
    print_table(("check", "well", "detail"), [(check.name, check.ok, check.detail) for check in seen.checks])
    columns = ("journal", "entries", "lag", "pending", "oldest waiting", "vanished", "memory")
    print_table(columns, [(name, *shown(state)) for name, state in seen.journals.items()])
    waiting: list[tuple[str, object]] = [(f"queue {name}", length) for name, length in (seen.queues or {}).items()]
    letters = seen.dead_letters[State.OPEN] if seen.dead_letters else UNKNOWN
    payments = [("payments", UNKNOWN)] if seen.payments is None else [(named(lag), lag.count) for lag in seen.payments]
    queues = waiting or [("queues", UNKNOWN)]
    reports = [("audit PDFs", seen.reports.waiting if seen.reports else UNKNOWN)]
    if seen.reports and seen.reports.failed:
        reports.append(("audit PDFs, given up within 24 h", seen.reports.failed))
    print_table(("what waits", "count"), [*queues, ("dead letters, open", letters), *payments, *reports])
    windows = [(w.table, f"{w.window_days:g} days", w.windows) for w in seen.windows or ()]
    print_table(("table", "time window", "windows"), windows or [(UNKNOWN, UNKNOWN, UNKNOWN)])


def named(lag: PaymentsLag) -> str:
    """Jobs of payments as the table names them, such as "payments: webhook, quarantined (amount)"."""
    return f"payments: {lag.kind}, {lag.state}" + (f" ({lag.reason})" if lag.reason else "")


def shown(state: JournalState | None) -> tuple[object, ...]:
    """A journal's figures as the table shows them."""
    if state is None:
        return (UNKNOWN,) * 6
    memory = f"{state.bytes_used // MIB} of {state.bytes_allowed // MIB} MiB"
    waited = f"{state.oldest_waiting_ms / 1_000:.1f} s"
    return state.entries, state.lag, state.pending, waited, state.vanished, memory
