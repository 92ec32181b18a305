"""Reads a PDF as strictly as our writers write one (ISO 32000-1, 7.2 to 7.5).

Nothing is repaired and nothing is guessed, so that no two readers see two documents in one file: whatever is not as
ReportLab and pyHanko write it is Unreadable.
"""

import base64
import re
import zlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

SPACE: Final = re.compile(rb"(?:[\x00\t\n\f\r ]|%[^\r\n]*)*")
NUMBER: Final = re.compile(rb"[+-]?(?:\d{1,19}(?:\.\d{0,19})?|\.\d{1,19})")
REFERENCE: Final = re.compile(rb"(\d{1,10}) (\d{1,5}) R(?![^\x00\t\n\f\r ()<>\[\]{}/%])")
NAME: Final = re.compile(rb"/([^\x00\t\n\f\r ()<>\[\]{}/%]*)")
WORD: Final = re.compile(rb"(true|false|null)(?![^\x00\t\n\f\r ()<>\[\]{}/%])")
HEX: Final = re.compile(rb"<([0-9A-Fa-f\x00\t\n\f\r ]*)>")
LITERAL: Final = re.compile(rb"[()]|\\.|[^()\\]+", re.DOTALL)
OBJECT: Final = re.compile(rb"(\d{1,10}) (\d{1,5}) obj(?=[\x00\t\n\f\r <\[(/])")
STREAM: Final = re.compile(rb"stream\r?\n")
END_STREAM: Final = re.compile(rb"(?:\r\n|\n|\r)?endstream\s*endobj")
TABLE: Final = re.compile(rb"xref\s*\n((?:\d{1,10} \d{1,10} ?\r?\n(?:\d{10} \d{5} [nf][ \r][\r\n])+)+)trailer\s*")
SECTION: Final = re.compile(rb"(\d{1,10}) (\d{1,10}) ?\r?\n((?:\d{10} \d{5} [nf][ \r][\r\n])+)")
END: Final = re.compile(rb"startxref\r?\n(\d{1,19})\r?\n%%EOF\r?\n?")
ESCAPES: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
ESCAPED: Final = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
DEPTH_MAX: Final = 50
REVISIONS_MAX: Final = 100
DECODED_BYTES_MAX: Final = 1 << 30
"""A stream that grows beyond this was made to fill somebody's memory."""


class Unreadable(Exception):
    """Something in the file is not as our writers write it; says what."""


class Name(str):
    """A PDF name, without its slash."""

    __slots__ = ()


class Reference(NamedTuple):
    """An indirect object's number."""

    number: int


class Hex(NamedTuple):
    """A hexadecimal string, and where in the file it stands, its angle brackets included."""

    start: int
    end: int
    value: bytes


class Stream(NamedTuple):
    """A stream as it is stored."""

    info: "dict[str, Value]"
    raw: bytes


Value: TypeAlias = "bool | float | Name | bytes | Hex | Reference | Stream | list[Value] | dict[str, Value] | None"


@dataclass(slots=True)
class Pdf:
    """A file's bytes and where its objects stand, by the newest of its cross-reference tables."""

    data: bytes
    offsets: dict[int, int] = field(default_factory=dict)
    root: Value = None
    revisions: int = 0
    _read: dict[int, Value] = field(default_factory=dict)

    @classmethod
    def load(cls, data: bytes) -> "Pdf":
        """Read the tables. Raises Unreadable."""
        pdf = cls(data)
        ends = list(END.finditer(data, max(0, data.rfind(b"startxref"))))
        if not data.startswith(b"%PDF-1.") or not ends:
            raise Unreadable("not a PDF, or cut off")
        at: Value = int(ends[-1][1])
        while isinstance(at, int):
            if pdf.revisions == REVISIONS_MAX:
                raise Unreadable("cross-reference tables without an end")
            pdf.revisions += 1
            at = pdf._table(at)
        return pdf

    def _table(self, at: int) -> Value:
        """Read a table whose objects count where no newer table has them; answers where the one before it is."""
        if not (found := TABLE.match(self.data, at)):
            raise Unreadable(f"no cross-reference table at byte {at}")
        for section in SECTION.finditer(found[1]):
            lines = [section[3][place : place + 20] for place in range(0, len(section[3]), 20)]
            if len(lines) != int(section[2]):
                raise Unreadable(f"a cross-reference table with lines missing at byte {at}")
            for number, line in enumerate(lines, int(section[1])):
                if line[17:18] == b"n":
                    self.offsets.setdefault(number, int(line[:10]))
        trailer, _ = self.parse(found.end())
        if not isinstance(trailer, dict):
            raise Unreadable(f"no trailer after the table at byte {at}")
        self.root = self.root or trailer.get("Root")
        return trailer.get("Prev")

    def get(self, value: Value) -> Value:
        """What a reference leads to; anything else is itself. Raises Unreadable."""
        if not isinstance(value, Reference):
            return value
        if value.number not in self._read:
            self._read[value.number] = None  # an object that leads to itself leads to nothing
            self._read[value.number] = self._object(value.number)
        return self._read[value.number]

    def dictionary(self, value: Value) -> dict[str, Value]:
        """A dictionary, given itself or by reference. Raises Unreadable."""
        got = self.get(value)
        if not isinstance(got, dict):
            raise Unreadable(f"no dictionary where one must be ({self.place(value)})")
        return got

    def array(self, value: Value) -> list[Value]:
        """An array, given itself or by reference. Raises Unreadable."""
        got = self.get(value)
        if not isinstance(got, list):
            raise Unreadable(f"no array where one must be ({self.place(value)})")
        return got

    def stream(self, value: Value) -> bytes:
        """What a stream holds, decoded. Raises Unreadable."""
        got = self.get(value)
        if not isinstance(got, Stream):
            raise Unreadable(f"no stream where one must be ({self.place(value)})")
        filters = self.get(got.info.get("Filter"))
        data = got.raw
        for name in filters if isinstance(filters, list) else [filters] if filters else []:
            data = decoded(name, data, self.place(value))
        return data

    def place(self, value: Value) -> str:
        """Where an object stands, for people."""
        if isinstance(value, Reference):
            return f"object {value.number}, at byte {self.offsets.get(value.number, 0)}"
        return "within another object"

    def _object(self, number: int) -> Value:
        at = self.offsets.get(number)
        head = at is not None and OBJECT.match(self.data, at)
        if not head or int(head[1]) != number:
            raise Unreadable(f"object {number} is not where the table says")
        value, end = self.parse(head.end())
        if not isinstance(value, dict) or not (begin := STREAM.match(self.data, _after_space(self.data, end))):
            return value
        length = self.get(value.get("Length"))
        if not isinstance(length, int) or not END_STREAM.match(self.data, begin.end() + length):
            raise Unreadable(f"the stream of object {number} does not end where it says")
        return Stream(value, self.data[begin.end() : begin.end() + length])

    def parse(self, at: int, depth: int = 0) -> tuple[Value, int]:
        """The value at an offset, and where it ends. Raises Unreadable."""
        data, at = self.data, _after_space(self.data, at)
        if depth > DEPTH_MAX:
            raise Unreadable(f"nested too deeply at byte {at}")
        match data[at : at + 1]:
            case b"<" if data[at + 1 : at + 2] == b"<":
                return self._dictionary(at + 2, depth)
            case b"[":
                return self._array(at + 1, depth)
            case b"<" if found := HEX.match(data, at):
                digits = b"".join(found[1].split())
                return Hex(at, found.end(), bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())), found.end()
            case b"(":
                return literal(data, at)
            case b"/":
                found = NAME.match(data, at)
                assert found
                return Name(found[1].decode("latin-1")), found.end()
        if found := REFERENCE.match(data, at):
            return Reference(int(found[1])), found.end()
        if found := NUMBER.match(data, at):
            return (float(found[0]) if b"." in found[0] else int(found[0])), found.end()
        if found := WORD.match(data, at):
            return {b"true": True, b"false": False}.get(found[1]), found.end()
        raise Unreadable(f"nothing that a PDF may have at byte {at}")

    def _array(self, at: int, depth: int) -> tuple[Value, int]:
        values: list[Value] = []
        while self.data[(at := _after_space(self.data, at)) : at + 1] != b"]":
            value, at = self.parse(at, depth + 1)
            values.append(value)
        return values, at + 1

    def _dictionary(self, at: int, depth: int) -> tuple[Value, int]:
        values: dict[str, Value] = {}
        while self.data[(at := _after_space(self.data, at)) : at + 2] != b">>":
            key, at = self.parse(at, depth + 1)
            if not isinstance(key, Name) or key in values:
                raise Unreadable(f"a dictionary with a wrong or doubled key before byte {at}")
            values[key], at = self.parse(at, depth + 1)
        return values, at + 2


def literal(data: bytes, at: int) -> tuple[bytes, int]:
    """The string in parentheses at an offset, and where it ends. Raises Unreadable."""
    depth = 0
    parts: list[bytes] = []
    for found in LITERAL.finditer(data, at):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if not depth:
            return ESCAPED.sub(_unescaped, b"".join(parts)[1:]), found.end()
        parts.append(found[0])
    raise Unreadable(f"a string without an end at byte {at}")


def decoded(name: Value, data: bytes, place: str) -> bytes:
    """A stream's bytes through one of its filters. Raises Unreadable."""
    try:
        if name == "ASCII85Decode":
            return base64.a85decode(data.strip().removeprefix(b"<~").removesuffix(b"~>"))
        if name == "FlateDecode":
            inflate = zlib.decompressobj()
            plain = inflate.decompress(data, DECODED_BYTES_MAX)
            if inflate.eof and not inflate.unused_data.strip():
                return plain
    except (ValueError, zlib.error) as error:
        raise Unreadable(f"a stream that is damaged ({place})") from error
    raise Unreadable(f"a stream that is cut off, or encoded otherwise ({place})")


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code.isdigit():
        return bytes([int(code, 8) % 256])
    return b"" if code in (b"\n", b"\r", b"\r\n") else ESCAPES.get(code, code)


def _after_space(data: bytes, at: int) -> int:
    found = SPACE.match(data, at)
    assert found
    return found.end()
