"""timingle audit verify FILE.pdf: an audit PDF for itself, and against what is on record."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import typer

import settings
from cli.opened import migrated
from domain.errors import BadInput, NotThere, SettingsError
from reports.signing_key import SigningKey
from reports.verifier import Finding, Kind, Outcome, Step, Verdict
from reports.verifier import verify as verify_bytes
from reports.verifier.command import read_certificates
from stores import audit_reports
from tasks.audit import audit


def verify(file: Path, certificates: Iterable[Path]) -> None:
    """Check a file and print the verdict; exits with its outcome. Raises BadInput, SettingsError, Away, Conflict."""
    try:
        data, pinned = file.read_bytes(), read_certificates(certificates)
    except (OSError, ValueError) as error:
        raise BadInput(f"Neither an event nor a file that can be read: {error}", "file") from error
    try:
        ours = settings.current()
    except SettingsError as error:
        verdict = verify_bytes(data, pinned)
        print(f"Not compared with what is on record: {error}")
    else:
        if ours.signing_key:
            own = SigningKey.load(ours.signing_key)
            pinned += own.certificate, *own.others
        verdict = verify_bytes(data, pinned)
        verdict = replace(verdict, findings=(*verdict.findings, *on_record(verdict)))
    print(*verdict.lines(), sep="\n")
    if verdict.outcome is not Outcome.PROVEN:
        raise typer.Exit(verdict.outcome)


def on_record(verdict: Verdict) -> Iterator[Finding]:
    """Step 11. Is it the very file that we made, and its head that of the history in both stores?"""
    if verdict.event_id is None or verdict.report_id is None or verdict.length is None or verdict.head is None:
        return
    try:
        with migrated() as stores:
            made = audit_reports.sha256(stores.postgres, verdict.report_id, verdict.event_id)
            if made is None or made.hex() != verdict.sha256:
                yield Finding(Step.RECORD, Kind.RECORD, "the file", "no such report" if made is None else "SHA-256")
            _, found = audit(stores, verdict.event_id, {verdict.length: bytes.fromhex(verdict.head)})
    except NotThere as error:
        yield Finding(Step.RECORD, Kind.RECORD, str(error))
        return
    for place, fault in found:
        where = f"entry {fault.chain_seq} in {place}"
        yield Finding(Step.RECORD, Kind.RECORD, where, f"{fault.kind}: {fault.detail}", fault.chain_seq)
