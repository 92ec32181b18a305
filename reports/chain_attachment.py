"""chain.json, which an audit PDF carries: the whole chain, so that somebody without our stores can check it (P9).

    {"format": "timingle-chain-1", "event_id": 7, "report_id": 3, "length": 12, "head": "ab12…",
    "entries": [
    {"chain_seq": 1, "prev_hash": "00…", "entry_hash": "cd34…", "text": "{\"event_id\" : 7, …}",
     "values": {"title": {"salt": "ef56…", "value": "Haircut"}}},
    …
    ]}

Hashes and salts are in hex. `entry_hash` is sha256(prev_hash || text), the first `prev_hash` 32 zero bytes, `head` the
last `entry_hash`. `text` is the entry's hashed bytes (domain.history); what they say of a value by `commitments[name]`
is hex(sha256(salt || value)), and a value that was erased is not here. Altered bytes that are no UTF-8 stand in
`base64` instead. An entry a line: a chain of any length is written as it is read.

WARNING: audit PDFs are kept by others for ever, and `reports.verifier` must read them all.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from domain.audit_report import AuditReport
from domain.history import Entry, committed_text

FILE_NAME: Final = "chain.json"
FORMAT: Final = "timingle-chain-1"


class Committed(msgspec.Struct, frozen=True):
    """What an entry's bytes commit to."""

    salt: str
    value: str


class Attached(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry as the file has it."""

    chain_seq: int
    prev_hash: str
    entry_hash: str
    text: str = ""
    base64: bytes = b""
    values: Mapping[str, Committed] = {}


def encode(report: AuditReport) -> Iterator[bytes]:
    """The file, a piece an entry; equal reports make equal bytes."""
    opening = {
        "format": FORMAT,
        "event_id": report.event.id,
        "report_id": report.report_id,
        "length": report.chain.length,
        "head": report.chain.head.hex(),
    }
    yield msgspec.json.encode(opening)[:-1] + b',\n"entries": [\n'
    for place, entry in enumerate(report.entries()):
        yield (b",\n" if place else b"") + msgspec.json.encode(attached(entry))
    yield b"\n]}\n"


def attached(entry: Entry) -> Attached:
    """An entry with the values and salts that are still known."""
    values = {
        name: Committed(salt.hex(), value)
        for name, salt in sorted(entry.salts.items())
        if (value := _value(entry, name)) is not None
    }
    try:
        text, base64 = entry.hashed_bytes.decode(), b""
    except UnicodeDecodeError:
        text, base64 = "", entry.hashed_bytes
    return Attached(
        chain_seq=entry.chain_seq,
        prev_hash=entry.prev_hash.hex(),
        entry_hash=entry.entry_hash.hex(),
        text=text,
        base64=base64,
        values=values,
    )


def _value(entry: Entry, name: str) -> str | None:
    """A committed value; None if it was erased, or altered so that it cannot be read (then the report names it)."""
    try:
        return committed_text(entry, name)
    except msgspec.DecodeError:
        return None
