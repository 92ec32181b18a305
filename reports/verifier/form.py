"""Where the signature stands in the file, and that it leaves out its own place and nothing else (ISO 32000-1, 12.8).

A PDF signature covers the file but for the place where it is written itself. A byte changed there need not break it,
so that place has one form only: pyHanko's, capital hexadecimal of exact DER, then zeros.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reports.verifier.pdf import Unreadable, literal
from reports.verifier.verdict import Finding, Kind, Step

PLACE: Final = re.compile(rb"/Contents <([^<>]*)>\n/ByteRange \[0 (\d{1,12}) (\d{1,12}) (\d{1,12})\] *\n")
DIGITS: Final = re.compile(rb"(?:[0-9A-F]{2})+")
CLAIMED_TIME: Final = re.compile(rb"D:(\d{14})(?:Z|([+-]\d\d)'(\d\d)'?)")
STAMPED: Final = b"Audit report, timestamped"
UNSTAMPED: Final = b"Audit report"
"""The signature's reason, which it covers: so nobody can take a timestamp away, or put one there, unseen."""
LONG_LENGTH: Final = 0x80
SAID_BYTES_MAX: Final = 3
"""Of a container's length: longer than 16 MiB is none."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A file, and where its signature stands in it."""

    data: bytes
    start: int
    """Of the left-out place, its angle brackets included."""
    end: int
    covered: int
    """Bytes from the file's first that the signature speaks of."""
    digits: bytes
    """The container in hexadecimal, with what follows it in its place."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of all that is signed."""
        digest = hashlib.sha256(memoryview(self.data)[: self.start])
        digest.update(memoryview(self.data)[self.end : self.covered])
        return digest.digest()

    @property
    def container(self) -> bytes:
        """The container, as far as it can be read."""
        try:
            reserved = bytes.fromhex(self.digits.decode("ascii"))
        except ValueError:
            return b""
        return reserved[: der_length(reserved)]

    @property
    def claimed_at(self) -> datetime | None:
        """When it was signed, as the signer says."""
        if not (found := CLAIMED_TIME.fullmatch(self._said(b"/M "))):
            return None
        try:
            seconds, hours, minutes = found.groups(b"")
            zone = (hours + minutes or b"+0000").decode()
            return datetime.strptime(seconds.decode() + zone, "%Y%m%d%H%M%S%z").astimezone(UTC)
        except ValueError:
            return None

    @property
    def says_stamped(self) -> bool:
        """Does the signer say that the signature has a timestamp?"""
        return self._said(b"/Reason ") == STAMPED

    def _said(self, key: bytes) -> bytes:
        """A string beside the signature; empty if there is none."""
        at = self.data.find(key + b"(", self.end, self.covered)
        try:
            return literal(self.data, at + len(key))[0] if at > 0 else b""
        except Unreadable:
            return b""


def locate(data: bytes) -> tuple[Signed | None, list[Finding]]:
    """Step 1. Find the signature, and whether it is of the whole file."""
    places = list(PLACE.finditer(data))
    if not places:
        kind = Kind.PLACE if b"/ByteRange" in data else Kind.NOT_SIGNED
        return None, [Finding(Step.WHOLE_FILE, kind, "the file")]
    found = places[0]
    start, end, rest = (int(number) for number in found.groups()[1:])
    signed = Signed(data, found.start(1) - 1, found.end(1) + 1, end + rest, found[1])
    return signed, [*_wrong_range(signed, start, end), *_after(signed, len(places))]


def _wrong_range(signed: Signed, start: int, end: int) -> Iterator[Finding]:
    if (start, end) != (signed.start, signed.end):
        detail = f"it stands at bytes {signed.start} to {signed.end}, and leaves out {start} to {end}"
        yield Finding(Step.WHOLE_FILE, Kind.BYTE_RANGE, "the signature", detail)


def _after(signed: Signed, places: int) -> Iterator[Finding]:
    size = len(signed.data)
    if signed.covered > size:
        yield Finding(Step.WHOLE_FILE, Kind.CUT_OFF, "the end", f"{signed.covered - size} bytes are not there")
    if signed.covered < size:
        detail = f"{size - signed.covered} bytes" + (f", {places - 1} more signatures" if places > 1 else "")
        yield Finding(Step.WHOLE_FILE, Kind.APPENDED, f"byte {signed.covered} to the end", detail)
    elif places > 1:
        yield Finding(Step.WHOLE_FILE, Kind.PLACE, "the file", f"{places} signatures")


def check_place(signed: Signed) -> Iterator[Finding]:
    """Step 2. Is the signature's place in its one form?"""
    first = signed.start + 1
    if not (found := DIGITS.fullmatch(signed.digits)):
        fitting = DIGITS.match(signed.digits)
        at = first + (fitting.end() if fitting else 0)
        yield Finding(Step.PLACE, Kind.PLACE, f"byte {at}", "no capital hexadecimal digits, two a byte")
        return
    reserved = bytes.fromhex(found[0].decode())
    length = der_length(reserved)
    if length > len(reserved):
        yield Finding(Step.PLACE, Kind.PLACE, f"byte {first}", "the container is longer than its place")
    for place, byte in enumerate(reserved[length:], length):
        if byte:
            yield Finding(Step.PLACE, Kind.PLACE, f"byte {first + 2 * place}", "no zero after the container")
            return


def der_length(data: bytes) -> int:
    """How long the DER element that begins here says it is, its head included (X.690, 8.1.3)."""
    if len(data) < 2 or data[1] < LONG_LENGTH:
        return 2 + data[1] if len(data) > 1 else len(data)
    size = data[1] - LONG_LENGTH
    return 2 + size + int.from_bytes(data[2 : 2 + min(size, SAID_BYTES_MAX)])
