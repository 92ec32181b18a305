"""What a verifier says: the steps it takes, what it may find wrong, and its verdict (docs/verifying.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class Step(IntEnum):
    """The steps, numbered as docs/verifying.md numbers them."""

    WHOLE_FILE = 1
    PLACE = 2
    CONTAINER = 3
    DIGEST = 4
    SIGNATURE = 5
    KEY = 6
    TIMESTAMP = 7
    CHAIN = 8
    VALUES = 9
    PRINT = 10
    RECORD = 11


class Kind(StrEnum):
    """What can be wrong with an audit PDF."""

    UNREADABLE = "not as our writers write a PDF"
    NOT_SIGNED = "not signed"
    APPENDED = "something was appended after it was signed"
    CUT_OFF = "the file is cut off"
    BYTE_RANGE = "the signature leaves out other bytes than its own place"
    PLACE = "the signature's place is not in its one form"
    CONTAINER = "the signature's container is not in its one form"
    CHANGED = "changed after it was signed"
    SIGNATURE = "the signature is not right"
    OUTSIDE_VALIDITY = "signed outside the certificate's validity"
    TIMESTAMP = "the timestamp is not right"
    NO_CHAIN = "the chain is not attached"
    CHAIN_FORM = "the attached chain is not in its one form"
    ALTERED_BYTES = "altered bytes"
    ALTERED_FIELD = "altered field"
    MISSING = "missing"
    EXTRA = "extra"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    VALUE = "not the value that was committed to"
    HEAD = "the head is not the chain's end"
    PRINTED_HEAD = "page 1 does not print the chain's length and head"
    PRINTED_HASH = "the hash is not in print"
    PAGE = "a page is not this report's, or not in its place"
    RECORD = "not what is on record"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, and where."""

    step: Step
    kind: Kind
    where: str
    detail: str = ""
    """Never a value."""
    entry: int | None = None
    """The chain_seq of the bad entry."""

    def __str__(self) -> str:
        return f"step {self.step.value}: {self.where}: {self.kind}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose certificate a signature names."""

    subject: str
    """RFC 4514."""
    fingerprint: str
    """SHA-256 of the certificate, in hex."""
    is_pinned: bool
    """One of the certificates that the verifier was given; nothing else says whose key it is."""


class Outcome(IntEnum):
    """What it comes to; the value is the exit code of the single-file verifier and of `timingle audit verify`."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Outcome":
        """A member of the enum: an int with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    PROVEN = 0, "whole, and signed with a key that you vouched for"
    ALTERED = 6, "something is wrong, and named"
    UNVOUCHED = 7, "nothing is wrong, but it holds a certificate that you did not vouch for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All that was found out about a file."""

    sha256: str
    """Of the whole file, in hex."""
    findings: tuple[Finding, ...]
    """In the order of the steps; none: nothing is wrong."""
    signer: Signer | None = None
    claimed_at: datetime | None = None
    """When it was signed, as the signer says."""
    authority: Signer | None = None
    """Who timestamped the signature; None: nobody."""
    stamped_at: datetime | None = None
    """When it was signed at the latest, as the authority says."""
    beside: tuple[Signer, ...] = ()
    """Whose certificates the signature holds besides: only a reader who has them can say that they are not altered."""
    event_id: int | None = None
    report_id: int | None = None
    length: int | None = None
    """Of the attached chain, as the file says."""
    head: str | None = None
    """The same, in hex."""

    @property
    def outcome(self) -> Outcome:
        """ALTERED if anything is wrong, UNVOUCHED if a certificate is not one of the reader's, else PROVEN."""
        if self.findings:
            return Outcome.ALTERED
        signers = [self.signer, *self.beside, *([self.authority] if self.authority else [])]
        return Outcome.PROVEN if all(one and one.is_pinned for one in signers) else Outcome.UNVOUCHED

    @property
    def is_as_signed(self) -> bool:
        """Nothing is wrong with the file itself; with the record that it tells of there may be."""
        return all(finding.step > Step.TIMESTAMP for finding in self.findings)

    @property
    def bottom_line(self) -> str:
        """The verdict in a sentence."""
        match self.outcome:
            case Outcome.ALTERED:
                if self.is_as_signed:
                    return f"AS IT WAS SIGNED, BUT THE RECORD IN IT IS NOT WHOLE: {len(self.findings)} found."
                return f"NOT WHOLE: {len(self.findings)} found. This file proves nothing."
            case Outcome.UNVOUCHED:
                return (
                    "NOTHING WRONG, BUT NOT PROVEN: it holds certificates that you did not vouch for. Compare their "
                    "fingerprints with ones that you have from elsewhere, or give the certificates themselves."
                )
            case Outcome.PROVEN:
                return "WHOLE: not a byte was changed since it was signed with a key that you vouched for."

    def lines(self) -> Iterator[str]:
        """The verdict for people, the bottom line last; whatever a forger wrote into it is shown, and does nothing."""
        return map(harmless, self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"SHA-256: {self.sha256}"
        if self.event_id is not None:
            yield f"Report {self.report_id} of event {self.event_id}: {self.length} entries, head {self.head}"
        if self.signer:
            yield f"Signed with the key of {described(self.signer)}" + (
                f", at {self.claimed_at:%Y-%m-%d %H:%M:%SZ} as the signer says" if self.claimed_at else ""
            )
        if self.authority:
            yield f"Timestamped at {self.stamped_at:%Y-%m-%d %H:%M:%SZ} by {described(self.authority)}"
        for one in self.beside:
            yield f"Holds the certificate of {described(one)}"
        yield from map(str, self.findings)
        yield self.bottom_line


def harmless(line: str) -> str:
    """A line of a terminal: what cannot be seen there is printed as its code point."""
    return "".join(sign if sign.isprintable() else f"⟨U+{ord(sign):04X}⟩" for sign in line)


def described(signer: Signer) -> str:
    """A certificate, for people."""
    vouched = "one of the certificates given" if signer.is_pinned else "nobody vouched for it"
    return f"{signer.subject} (SHA-256 {signer.fingerprint}; {vouched})"
