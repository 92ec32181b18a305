"""What is printed: the text of each page, the marks in it (reports/marks.py), and the hashes of the entries.

Text is what a reader would copy: the characters that each font's ToUnicode map gives (ISO 32000-1, 9.10), in the order
in which they are drawn, without spaces, a line for each text object.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reports.verifier.chain import Chain
from reports.verifier.pdf import Hex, Name, Pdf, Reference, Unreadable, Value, literal
from reports.verifier.verdict import Finding, Kind, Step

PAGE_MARK: Final = re.compile(r"event=(\d{1,19})report=(\d{1,19})page=(\d{1,9})/(\d{1,9})")
CHAIN_MARK: Final = re.compile(r"event=(\d{1,19})report=(\d{1,19})length=(\d{1,19})head=([0-9a-f]{64})")
HASHES: Final = re.compile(r"[0-9a-f]{64,}")
HASH_DIGITS: Final = 64
BLOCK: Final = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
ANGLED: Final = re.compile(rb"<([0-9A-Fa-f]*)>|([\[\]])")
SHOWN: Final = re.compile(rb"/([^\s/()<>\[\]]+)\s+[\d.]+\s+Tf|(\()|<([0-9A-Fa-f\s]*)>|\b(ET)\b|%[^\r\n]*")
SPACES: Final = re.compile(r"[^\S\n]+")
PAGES_MAX: Final = 100_000
CODE_MAX: Final = 0xFF
"""Codes are of one byte."""

Map = Mapping[int, str]
"""Characters by code, of one byte each."""


def pages_of(pdf: Pdf) -> list[dict[str, Value]]:
    """The pages in their order. Raises Unreadable."""
    found: list[dict[str, Value]] = []
    waiting, seen = [pdf.dictionary(pdf.root).get("Pages")], 0
    while waiting:
        node = pdf.dictionary(waiting.pop())
        seen += 1
        if seen > PAGES_MAX:
            raise Unreadable("pages without an end")
        if "Kids" in node:
            waiting += reversed(pdf.array(node["Kids"]))
        else:
            found.append(node)
    return found


def text_of(pdf: Pdf, page: Mapping[str, Value], maps: dict[Reference, Map]) -> str:
    """What a page prints. `maps` remembers what fonts have been read. Raises Unreadable."""
    resources = pdf.dictionary(page.get("Resources"))
    fonts = pdf.dictionary(resources.get("Font", {}))
    contents = pdf.get(page.get("Contents"))
    parts = contents if isinstance(contents, list) else [page.get("Contents")]
    content = b"\n".join(pdf.stream(part) for part in parts)
    pieces: list[str] = []
    now: Map = {}
    at = 0
    while found := SHOWN.search(content, at):
        at = found.end()
        if found[1]:
            now = _map_of(pdf, fonts.get(found[1].decode("latin-1")), maps)
        elif found[2]:
            shown, at = literal(content, found.start())
            pieces += [now.get(code, chr(code)) for code in shown]
        elif found[3]:
            digits = b"".join(found[3].split()).decode()
            pieces += [now.get(code, chr(code)) for code in bytes.fromhex(digits[: len(digits) // 2 * 2])]
        elif found[4]:
            pieces.append("\n")
    return SPACES.sub("", "".join(pieces))


def _map_of(pdf: Pdf, font: Value, maps: dict[Reference, Map]) -> Map:
    if not isinstance(font, Reference):
        raise Unreadable("a font that is not an object of its own")
    if font not in maps:
        to_unicode = pdf.dictionary(font).get("ToUnicode")
        try:
            maps[font] = to_characters(pdf.stream(to_unicode)) if to_unicode else {}
        except (ValueError, IndexError) as error:
            raise Unreadable(f"a font that does not say its characters ({pdf.place(font)})") from error
    return maps[font]


def to_characters(cmap: bytes) -> Map:
    """A ToUnicode map (Adobe Technical Note 5014). Raises ValueError, IndexError."""
    found: dict[int, str] = {}
    for kind, body in BLOCK.findall(cmap):
        words = [bracket or bytes.fromhex(digits.decode()) for digits, bracket in ANGLED.findall(body)]
        at = 0
        while at + 1 < len(words):
            first = int.from_bytes(words[at])
            if kind == b"bfchar":
                found[first] = words[at + 1].decode("utf-16-be", "replace")
                at += 2
            elif words[at + 2 : at + 3] == [b"["]:
                end = words.index(b"]", at)
                found |= {first + n: w.decode("utf-16-be", "replace") for n, w in enumerate(words[at + 3 : end])}
                at = end + 1
            else:
                base = int.from_bytes(words[at + 2])
                end = min(int.from_bytes(words[at + 1]), CODE_MAX)
                found |= {code: chr(base + code - first) for code in range(first, end + 1)}
                at += 3
    return found


def check(texts: Sequence[str], chain: Chain) -> Iterator[Finding]:
    """Step 10. Is each page this report's and in its place, are the chain's head and each entry's hash in print?"""
    if chain.head is None:
        return  # what does not begin as a chain says of no report
    report = (chain.event_id, chain.report_id)
    for number, text in enumerate(texts, 1):
        marks = [tuple(map(int, mark)) for mark in PAGE_MARK.findall(text)]
        if (*report, number, len(texts)) not in marks:
            says = "; ".join("event {}, report {}, page {} of {}".format(*mark) for mark in marks) or "nothing"
            yield Finding(Step.PRINT, Kind.PAGE, f"page {number} of {len(texts)}", f"it says: {says}")
    end = (*report, chain.length, chain.head.hex())
    if tuple(map(str, end)) not in CHAIN_MARK.findall(texts[0].replace("\n", "") if texts else ""):
        yield Finding(Step.PRINT, Kind.PRINTED_HEAD, "page 1")
    printed = {
        run[at : at + HASH_DIGITS]
        for text in texts
        for run in HASHES.findall(text.replace("\n", ""))
        for at in range(len(run) - HASH_DIGITS + 1)
    }
    for entry in chain.entries:
        if entry.entry_hash.hex() not in printed:
            yield Finding(Step.PRINT, Kind.PRINTED_HASH, f"entry {entry.seq}", "", entry.seq)


def attached(pdf: Pdf, name: str) -> bytes | None:
    """The attached file of this name (ISO 32000-1, 7.11.4); None if there is none. Raises Unreadable."""
    names = pdf.dictionary(pdf.dictionary(pdf.root).get("Names", {}))
    files = pdf.array(pdf.dictionary(names.get("EmbeddedFiles", {})).get("Names", []))
    for key, value in zip(files[::2], files[1::2], strict=False):
        written = key.value if isinstance(key, Hex) else key
        if isinstance(written, bytes) and not isinstance(written, Name) and named(written) == name:
            return pdf.stream(pdf.dictionary(pdf.dictionary(value).get("EF")).get("F"))
    return None


def named(written: bytes) -> str:
    """A PDF text string."""
    return written[2:].decode("utf-16-be", "replace") if written.startswith(b"\xfe\xff") else written.decode("latin-1")
