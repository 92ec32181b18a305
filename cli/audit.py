"""timingle audit: is an event's history whole, is an audit PDF; and ScyllaDB's copy of histories, written again."""

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli import audit_files
from cli.exit_codes import ExitCode
from cli.opened import migrated
from cli.tables import print_table
from domain.errors import BadInput
from reports.verifier_file import NAME, single_file
from tasks.audit import Finding, History, audit, check, refillable
from tasks.audit import refill as refill_copy

NAMED_MAX: Final = 10
RECEIPT: Final = re.compile(r"(?P<length>[1-9]\d{0,9}):(?P<head>[0-9a-f]{64})")

app = typer.Typer(
    no_args_is_help=True, help="Histories of events: check that nobody altered one, fill ScyllaDB's copy."
)


@app.command()
def verify(
    subject: Annotated[str, typer.Argument(metavar="FILE.pdf|EVENT_ID")],
    receipt: Annotated[
        list[str] | None,
        typer.Option(metavar="LENGTH:HEAD", help="history_length and history_head of an answer that somebody kept."),
    ] = None,
    certificate: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.pem",
            help="Of a file: certificates to vouch for beside that of TIMINGLE_SIGNING_KEY, such as a timestamping "
            "authority's.",
        ),
    ] = None,
) -> None:
    """Check an audit PDF, or the whole chain of an event against its head, in both stores, and the event's row.

    Names all that is wrong, the first one first, and exits with 6 if there is anything. A file is checked for itself,
    and against what is on record where there are settings; docs/verifying.md tells step by step.
    """
    if subject.isdecimal():
        verify_event(int(subject), dict(map(parse_receipt, receipt or ())))
    else:
        audit_files.verify(Path(subject), certificate or ())


def verify_event(event_id: int, receipts: Mapping[int, bytes]) -> None:
    """An event's chain, as both stores have it."""
    with migrated() as stores:
        history, findings = audit(stores, event_id, receipts)
    print(described(history))
    if findings:
        print_table(("entry", "store", "what is wrong", "detail"), map(row_of, findings))
        print(f"Not whole: {len(findings)} found.")
        if receipts and not check(history, datetime.now(UTC), {}):
            print("Without the receipts it is whole: somebody altered both stores, or a receipt is not of this event.")
        raise typer.Exit(ExitCode.NOT_WHOLE)
    print(f"Whole. Its head: {history.event.history_head}")


@app.command()
def verifier(
    file: Annotated[Path, typer.Argument(metavar="FILE")] = Path(NAME),
) -> None:
    """Write the verifier of audit PDFs as one file, for a machine without this project.

    There: `python3 FILE REPORT.pdf --certificate timingle.pem`, with Python 3.11 or newer and the package cryptography.
    """
    program = single_file()
    file.write_bytes(program)
    print(f"{file}, SHA-256 {sha256(program).hexdigest()}")


@app.command()
def refill(
    event_id: Annotated[int | None, typer.Argument(metavar="EVENT_ID", min=1)] = None,
    every: Annotated[bool, typer.Option("--all", help="All histories.")] = False,
) -> None:
    """Write ScyllaDB's copy of a history again, or of all, from what PostgreSQL keeps: the last 35 days.

    For a ScyllaDB that was restored or altered. What was altered in PostgreSQL is not written, and it exits with 6. May
    run while everything runs, be killed and be run again.
    """
    if (event_id is None) != every:
        raise BadInput("Say which: timingle audit refill EVENT_ID, or --all.", "event_id")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written, refused, altered = 0, 0, 0
    with migrated() as stores:
        total = refillable(stores, event_id)
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("entries", total=total)
            for done in refill_copy(stores, event_id):
                progress.advance(bar, done.entries)
                written += done.entries - len(done.refused) - len(done.altered)
                for (event, seq), code in list(done.refused.items())[: max(0, NAMED_MAX - refused)]:
                    print(f"Entry {seq} of event {event} is refused ({code}).", file=sys.stderr)
                for event, seq in done.altered[: max(0, NAMED_MAX - altered)]:
                    print(f"Entry {seq} of event {event} is altered in PostgreSQL, and not written.", file=sys.stderr)
                refused, altered = refused + len(done.refused), altered + len(done.altered)
    print(f"{written} entries written, {refused} refused")
    if altered:
        print(f"{altered} altered in PostgreSQL and left as they are in ScyllaDB; see `timingle audit verify`.")
        raise typer.Exit(ExitCode.NOT_WHOLE)
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
