"""timingle audit: is an event's history whole; and ScyllaDB's copy of histories, written again."""

import re
import sys
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.exit_codes import ExitCode
from cli.opened import migrated
from cli.tables import print_table
from domain.errors import BadInput
from tasks.audit import Finding, History, audit, refillable
from tasks.audit import refill as refill_copy

REFUSED_SHOWN_MAX: Final = 10
RECEIPT: Final = re.compile(r"(?P<length>[1-9]\d{0,9}):(?P<head>[0-9a-f]{64})")

app = typer.Typer(
    no_args_is_help=True, help="Histories of events: check that nobody altered one, fill ScyllaDB's copy."
)


@app.command()
def verify(
    event_id: Annotated[int, typer.Argument(metavar="EVENT_ID", min=1)],
    receipt: Annotated[
        list[str] | None,
        typer.Option(metavar="LENGTH:HEAD", help="history_length and history_head of an answer that somebody kept."),
    ] = None,
) -> None:
    """Check the whole chain of an event against its head, in ScyllaDB and PostgreSQL, and the event's row against it.

    Names every bad entry, the first one first, and exits with 6 if there is one.
    """
    receipts = dict(map(parse_receipt, receipt or ()))
    with migrated() as stores:
        history, findings = audit(stores, event_id, receipts)
    print(described(history))
    if findings:
        print_table(("entry", "store", "what is wrong", "detail"), map(row_of, findings))
        print(f"Not whole: {len(findings)} found.")
        raise typer.Exit(ExitCode.NOT_WHOLE)
    print(f"Whole. Its head: {history.event.history_head}")


@app.command()
def refill(
    event_id: Annotated[int | None, typer.Argument(metavar="EVENT_ID", min=1)] = None,
    every: Annotated[bool, typer.Option("--all", help="All histories.")] = False,
) -> None:
    """Write ScyllaDB's copy of a history again, or of all, from what PostgreSQL keeps: the last 35 days.

    For a ScyllaDB that was restored or altered. May run while everything runs, be killed and be run again.
    """
    if (event_id is None) != every:
        raise BadInput("Say which: timingle audit refill EVENT_ID, or --all.", "event_id")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written, refused = 0, 0
    with migrated() as stores:
        total = refillable(stores, event_id)
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("entries", total=total)
            for done in refill_copy(stores, event_id):
                progress.advance(bar, done.entries)
                written += done.entries - len(done.refused)
                for (event, seq), code in list(done.refused.items())[: max(0, REFUSED_SHOWN_MAX - refused)]:
                    print(f"Entry {seq} of event {event} is refused ({code}).", file=sys.stderr)
                refused += len(done.refused)
    print(f"{written} entries written, {refused} refused")
    if refused:
        raise typer.Exit(ExitCode.FAILED)


def parse_receipt(text: str) -> tuple[int, bytes]:
    """Length and head. Raises BadInput."""
    if found := RECEIPT.fullmatch(text.lower()):
        return int(found["length"]), bytes.fromhex(found["head"])
    raise BadInput("A receipt is LENGTH:HEAD, such as 7:ab12…, of 64 hexadecimal digits.", "receipt")


def described(history: History) -> str:
    """What was read."""
    relayed = len(history.copy) - history.unrelayed
    return (
        f"Event {history.event.id}, {history.event.status}: {history.event.history_length} entries; "
        f"{relayed} in ScyllaDB, {history.unrelayed} yet to be relayed, {len(history.kept)} kept in PostgreSQL."
    )


def row_of(finding: Finding) -> tuple[object, ...]:
    """A finding as the table shows it."""
    fault = finding.fault
    return fault.chain_seq, finding.place, fault.kind, fault.detail
