"""The attached chain (chain.json): is it whole, and are the values in it the ones that its entries committed to?

It is read as it is written (reports/chain_attachment.py says how), a line an entry: a bad line is one finding.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from reports.verifier.verdict import Finding, Kind, Step

FORMAT: Final = "timingle-chain-1"
GENESIS: Final = bytes(32)
SECOND_LINE: Final = b'"entries": ['
LAST_LINES: Final = [b"]}", b""]
NOT_AS_WRITTEN: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading raises of JSON that is damaged, or made to do harm."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is attached."""

    chain_seq: int
    prev_hash: bytes
    entry_hash: bytes
    hashed: bytes
    values: Mapping[str, tuple[bytes, str]]
    """(salt, value) by the name of their commitment."""
    said: Mapping[str, object] = field(default_factory=dict)
    """What the hashed bytes say; empty if they say nothing."""

    @property
    def computed(self) -> bytes:
        """Its hash by its own bytes and the hash before it."""
        return hashlib.sha256(self.prev_hash + self.hashed).digest()

    @property
    def seq(self) -> int:
        """Its place in the chain: by its bytes, if they are what was hashed, else by what stands beside them."""
        by_bytes = self.said.get("chain_seq")
        return by_bytes if isinstance(by_bytes, int) and self.computed == self.entry_hash else self.chain_seq


@dataclass(slots=True)
class Chain:
    """The attached chain as far as it can be read."""

    event_id: int | None = None
    report_id: int | None = None
    length: int | None = None
    head: bytes | None = None
    entries: list[Entry] = field(default_factory=list)
    """In the order of the file."""
    findings: list[Finding] = field(default_factory=list)
    """What of it is not in its form."""


def read(content: bytes) -> Chain:
    """Read chain.json; what cannot be read is a finding."""
    chain = Chain()
    first, _, rest = content.partition(b"\n")
    lines = rest.split(b"\n")
    try:
        opening = json.loads(first.rstrip(b",") + b"}")
        chain.event_id, chain.report_id, chain.length = (int(opening[k]) for k in ("event_id", "report_id", "length"))
        chain.head = bytes.fromhex(opening["head"])
        if opening["format"] != FORMAT:
            chain.findings.append(wrong_form(1, f"its format is not {FORMAT}"))
    except NOT_AS_WRITTEN:
        chain.findings.append(wrong_form(1, "not the beginning of a chain"))
    if lines[0] != SECOND_LINE or lines[-2:] != LAST_LINES:
        chain.findings.append(wrong_form(2, "not the lines of a chain"))
    body = [line for line in lines[1:-2] if line]
    for number, line in enumerate(body, 3):
        is_last = number == len(body) + 2
        if line.endswith(b",") == is_last:
            chain.findings.append(wrong_form(number, "not an entry a line"))
        try:
            chain.entries.append(entry_of(line.removesuffix(b",")))
        except NOT_AS_WRITTEN:
            chain.findings.append(wrong_form(number, "no entry"))
    return chain


def wrong_form(line: int, detail: str) -> Finding:
    """Of a line of chain.json."""
    return Finding(Step.CHAIN, Kind.CHAIN_FORM, f"chain.json, line {line}", detail)


def entry_of(line: bytes) -> Entry:
    """An entry of a line. Raises NOT_AS_WRITTEN."""
    told = json.loads(line)
    hashed = told["text"].encode() if "text" in told else base64.b64decode(told["base64"], validate=True)
    values = {
        str(name): (bytes.fromhex(one["salt"]), str(one["value"])) for name, one in told.get("values", {}).items()
    }
    try:
        said = json.loads(hashed)
    except (ValueError, RecursionError):
        said = {}
    return Entry(
        int(told["chain_seq"]),
        bytes.fromhex(told["prev_hash"]),
        bytes.fromhex(told["entry_hash"]),
        hashed,
        values,
        said if isinstance(said, dict) else {},
    )


def check(chain: Chain) -> Iterator[Finding]:
    """Step 8. Every bad entry, and what is wrong with it."""
    if chain.length is None or chain.head is None:
        return
    at: dict[int, list[Entry]] = {}
    for entry in chain.entries:
        at.setdefault(entry.seq, []).append(entry)
    in_place = {seq: here[0] for seq, here in at.items() if 1 <= seq <= chain.length}
    for seq, here in at.items():
        for _ in here if seq not in in_place else here[1:]:
            yield bad(Kind.EXTRA, seq, "" if seq in in_place else "beyond the end of the chain")
    last = max(in_place, default=0)
    yield from _gaps(sorted(in_place))
    if last < chain.length:
        yield bad(Kind.TRUNCATED, last + 1, f"{chain.length - last} entries are cut off")
    stored = [entry.seq for entry in in_place.values()]
    yield from (bad(Kind.REORDERED, seq) for seq, right in zip(stored, sorted(stored), strict=True) if seq != right)
    yield from _altered(chain, in_place)


def _gaps(present: Sequence[int]) -> Iterator[Finding]:
    for before, after in pairwise([0, *present]):
        if after > before + 1:
            yield bad(Kind.MISSING, before + 1, f"to {after - 1}" if after > before + 2 else "")


def _altered(chain: Chain, in_place: Mapping[int, Entry]) -> Iterator[Finding]:
    """From the end, which is printed and signed, to the beginning: each hash is said by the entry after it."""
    witnessed, by = chain.head, (chain.length or 0) + 1
    for seq in sorted(in_place, reverse=True):
        entry = in_place[seq]
        if by != seq + 1:
            witnessed = None
        by = seq
        if entry.computed != (witnessed or entry.entry_hash):
            is_head = seq == chain.length and entry.computed == entry.entry_hash
            yield bad(Kind.HEAD if is_head else Kind.ALTERED_BYTES, seq)
            witnessed = None
            continue
        if fields := ", ".join(_beside(chain, entry, seq)):
            yield bad(Kind.ALTERED_FIELD, seq, fields)
        witnessed = entry.prev_hash
    if by == 1 and chain.length and witnessed not in (None, GENESIS):
        yield bad(Kind.ALTERED_BYTES, 1, "something stands before it")
    if not chain.length and chain.head != GENESIS:
        yield bad(Kind.HEAD, 0)


def _beside(chain: Chain, entry: Entry, seq: int) -> Iterator[str]:
    """What stands beside the bytes of an entry, and is not as they say."""
    if entry.entry_hash != entry.computed:
        yield "entry_hash"
    if entry.chain_seq != seq or entry.said.get("chain_seq") != seq:
        yield "chain_seq"
    if entry.said.get("event_id") != chain.event_id:
        yield "event_id"


def check_values(entries: Iterable[Entry]) -> Iterator[Finding]:
    """Step 9. Every value that is not what its entry committed to."""
    for entry in (one for one in entries if one.said):  # bytes that say nothing are step 8's finding
        committed = entry.said.get("commitments")
        for name, (salt, value) in entry.values.items():
            found = hashlib.sha256(salt + value.encode("utf-8", "surrogatepass")).hexdigest()
            if not isinstance(committed, dict) or committed.get(name) != found:
                yield Finding(Step.VALUES, Kind.VALUE, f"entry {entry.seq}", name, entry.seq)


def bad(kind: Kind, seq: int, detail: str = "") -> Finding:
    """Of an entry of the chain."""
    return Finding(Step.CHAIN, kind, f"entry {seq}", detail, seq)
