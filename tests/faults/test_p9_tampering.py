"""P9: an audit PDF is checked by somebody who does not trust us, and whatever was done to it is named, with its place.

The reports are drawn and signed as workers do it. Forgers have all our tools; the worst of them have our key too.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import pytest

from domain.audit_report import Language, ReportedChain
from domain.history import Entry, chain
from reports.chain_attachment import encode
from reports.verifier import Kind, Outcome, Step, Verdict, container, verify
from reports.verifier.chain import check as check_chain
from reports.verifier.chain import read as read_chain
from tests.audit_reports import REPORT_ID, report
from tests.signed_reports import (
    ENTRIES,
    LENGTH,
    container_in,
    drawn,
    genuine,
    key_of,
    of_entries,
    ours,
    signed,
    signed_again,
    unsigned,
    updated,
    with_container,
    with_other_chain,
    with_page_of,
    without_last_page,
)

ROOT: Final = Path(__file__).parents[2]
Found = set[tuple[Kind, int | None]]
Entries = Sequence[Entry]
spoilt = msgspec.structs.replace


def judged(content: bytes) -> Verdict:
    """The verdict of a reader who knows our certificate."""
    return verify(content, [ours().certificate])


def found(content: bytes) -> Found:
    """What is wrong, and with which entry."""
    return {(finding.kind, finding.entry) for finding in judged(content).findings}


def exchanged(entries: Entries, seq: int, **columns: object) -> Entries:
    """The entries, one of them with other columns."""
    return [*entries[: seq - 1], spoilt(entries[seq - 1], **columns), *entries[seq:]]


def rewritten(entry: Entry) -> bytes:
    """Its bytes, as if somebody else had acted."""
    return entry.hashed_bytes.replace(b'"actor_id":2002', b'"actor_id":1001')


def rechained(entries: Entries) -> Entries:
    """Entries with hashes that fit, as who could write history anew would make them."""
    prev, made = bytes(32), []
    for entry in entries:
        made.append(spoilt(entry, prev_hash=prev, entry_hash=chain(prev, entry.hashed_bytes)))
        prev = made[-1].entry_hash
    return made


def swapped(entries: Entries, one: int, other: int) -> Entries:
    """Two entries in each other's place."""
    order = list(entries)
    order[one - 1], order[other - 1] = order[other - 1], order[one - 1]
    return order


FIVE: Final = ENTRIES[4]
BEYOND: Final = spoilt(
    ENTRIES[-1],
    chain_seq=LENGTH + 1,
    prev_hash=ENTRIES[-1].entry_hash,
    hashed_bytes=ENTRIES[-1].hashed_bytes.replace(b'"chain_seq":16', b'"chain_seq":17'),
)
ENTRY_FORGERIES: Final[dict[str, tuple[Entries, Found]]] = {
    "an entry edited": (exchanged(ENTRIES, 5, hashed_bytes=rewritten(FIVE)), {(Kind.ALTERED_BYTES, 5)}),
    "an entry edited, and hashed anew": (
        exchanged(ENTRIES, 5, hashed_bytes=rewritten(FIVE), entry_hash=chain(FIVE.prev_hash, rewritten(FIVE))),
        {(Kind.ALTERED_BYTES, 5)},
    ),
    "bytes that are no text": (exchanged(ENTRIES, 5, hashed_bytes=b"\xff"), {(Kind.ALTERED_BYTES, 5)}),
    "a hash edited": (exchanged(ENTRIES, 5, entry_hash=bytes(32)), {(Kind.ALTERED_FIELD, 5)}),
    "a value edited": (exchanged(ENTRIES, 6, new_value='"x"'), {(Kind.VALUE, 6)}),
    "a salt edited": (exchanged(ENTRIES, 1, salts={"title": bytes(32)}), {(Kind.VALUE, 1)}),
    "an entry deleted": ([*ENTRIES[:4], *ENTRIES[5:]], {(Kind.MISSING, 5)}),
    "an entry inserted": (
        [*ENTRIES[:5], spoilt(FIVE, actor_name="x"), *ENTRIES[5:]],
        {(Kind.EXTRA, 5), (Kind.VALUE, 5)},
    ),
    "one beyond the end": (
        [*ENTRIES, spoilt(BEYOND, entry_hash=chain(BEYOND.prev_hash, BEYOND.hashed_bytes))],
        {(Kind.EXTRA, LENGTH + 1)},
    ),
    "two entries exchanged": (swapped(ENTRIES, 2, 4), {(Kind.REORDERED, 2), (Kind.REORDERED, 4)}),
    "the end cut off": (ENTRIES[:-2], {(Kind.TRUNCATED, LENGTH - 1)}),
    "all cut off": ((), {(Kind.TRUNCATED, 1)}),
    "all written anew": (rechained(exchanged(ENTRIES, 5, hashed_bytes=rewritten(FIVE))), {(Kind.HEAD, LENGTH)}),
}


@pytest.mark.parametrize("forgery", ENTRY_FORGERIES)
def test_a_forged_entry_is_named_even_if_it_is_signed_with_our_key(forgery: str) -> None:
    """P9. The head that is printed and on record is not the forger's."""
    entries, expected = ENTRY_FORGERIES[forgery]
    content = signed(drawn(of_entries(tuple(entries))))
    assert found(content) == expected
    verdict = judged(content)
    assert verdict.outcome is Outcome.ALTERED
    assert verdict.is_as_signed


def edited() -> bytes:
    """A report whose fifth entry is another, signed by a forger."""
    entries, _ = ENTRY_FORGERIES["an entry edited"]
    return signed(drawn(of_entries(entries)), key_of("forger"))


def other_report() -> bytes:
    return drawn(replace(report(Language.ENGLISH), report_id=REPORT_ID + 1))


def other_chain() -> bytes:
    return b"".join(encode(of_entries(ENTRY_FORGERIES["an entry edited"][0])))


def in_place(old: bytes, new: bytes) -> bytes:
    """The genuine file with other bytes in one place."""
    content = genuine()
    at = content.rindex(old)
    return content[:at] + new + content[at + len(old) :]


def other_signature() -> bytes:
    """The genuine file, with the value of another signature by the same key."""
    own, other = (container.parts_of(container_in(one)) for one in (genuine(), signed(other_report())))
    return with_container(genuine(), container.rebuilt(replace(own, signature=other.signature)))


def wider_hole() -> bytes:
    """The genuine file, whose signature leaves out a byte more."""
    ((start, end, rest),) = re.findall(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]", genuine())
    wider = b"[0 %s %d %d]" % (start, int(end) + 1, int(rest) - 1)
    return in_place(b"[0 %s %s %s]" % (start, end, rest), wider)


APPENDED, CHANGED = (Kind.APPENDED, None), (Kind.CHANGED, None)
FILE_FORGERIES: Final[dict[str, tuple[Callable[[], bytes], Found]]] = {
    "another document under our signature": (
        lambda: with_container(edited(), container_in(genuine())),
        {CHANGED, (Kind.ALTERED_BYTES, 5)},
    ),
    "a page of another report": (
        lambda: signed(with_page_of(unsigned(), other_report(), 2), key_of("forger")),
        {(Kind.PAGE, None)},
    ),
    "an update that says nothing": (lambda: updated(genuine(), lambda writer: writer.update_root()), {APPENDED}),
    "an update that takes a page away": (lambda: updated(genuine(), without_last_page), {APPENDED, (Kind.PAGE, None)}),
    "an update with another attachment": (
        lambda: updated(genuine(), with_other_chain(other_chain())),
        {APPENDED, (Kind.ALTERED_BYTES, 5)},
    ),
    "another attachment, signed by another": (edited, {(Kind.ALTERED_BYTES, 5)}),
    "signed again by another": (lambda: signed_again(genuine(), key_of("forger")), {APPENDED}),
    "one more line": (lambda: genuine() + b"\n", {APPENDED}),
    "cut off": (lambda: genuine()[:-7], {(Kind.CUT_OFF, None), CHANGED, (Kind.UNREADABLE, None)}),
    "as it was before it was signed": (unsigned, {(Kind.NOT_SIGNED, None)}),
    "half of it": (lambda: genuine()[:50_000], {(Kind.NOT_SIGNED, None), (Kind.UNREADABLE, None)}),
    "nothing": (lambda: b"", {(Kind.NOT_SIGNED, None), (Kind.UNREADABLE, None)}),
    "a small letter in the container": (
        lambda: in_place(b"06092A864886F70D010702A0", b"06092a864886F70D010702A0"),
        {(Kind.PLACE, None)},
    ),
    "something after the container": (
        lambda: in_place(b"0000>\n/ByteRange", b"0001>\n/ByteRange"),
        {(Kind.PLACE, None)},
    ),
    "a space in the container": (
        lambda: in_place(b"0000>\n/ByteRange", b"000 >\n/ByteRange"),
        {(Kind.PLACE, None), (Kind.CONTAINER, None)},
    ),
    "the signature of another document": (other_signature, {(Kind.SIGNATURE, None)}),
    "a wider hole": (wider_hole, {(Kind.BYTE_RANGE, None), CHANGED}),
}


@pytest.mark.parametrize("forgery", FILE_FORGERIES)
def test_what_was_done_to_the_file_is_named(forgery: str) -> None:
    """P9."""
    forge, expected = FILE_FORGERIES[forgery]
    content = forge()
    assert found(content) == expected
    assert judged(content).outcome is Outcome.ALTERED


def test_a_genuine_report_passes_and_says_what_it_is_of() -> None:
    """P9."""
    verdict = judged(genuine())
    assert (verdict.outcome, verdict.findings) == (Outcome.PROVEN, ())
    assert (verdict.report_id, verdict.length, verdict.head) == (REPORT_ID, LENGTH, ENTRIES[-1].entry_hash.hex())
    assert verdict.signer
    assert (verdict.signer.fingerprint, verdict.signer.is_pinned) == (ours().fingerprint, True)


def test_what_a_forger_made_anew_is_whole_but_nobody_vouches_for_its_key() -> None:
    """P9. Who has the fingerprint from elsewhere sees that it is not ours."""
    entries = rechained(exchanged(ENTRIES, 5, hashed_bytes=rewritten(FIVE)))
    end = ReportedChain(length=LENGTH, head=entries[-1].entry_hash, faults=())
    content = signed(drawn(of_entries(entries, chain=end)), key_of("forger"))
    verdict = judged(content)
    assert (verdict.findings, verdict.outcome) == ((), Outcome.UNVOUCHED)
    assert verdict.signer
    assert verdict.signer.fingerprint == key_of("forger").fingerprint
    assert verify(genuine()).outcome is Outcome.UNVOUCHED, "without a certificate nobody's key is known"


def test_a_report_that_tells_of_a_broken_chain_is_as_it_was_signed_and_names_the_entry_too() -> None:
    """P9. What is wrong with the record is not the file's fault."""
    verdict = judged(signed(drawn(of_entries(ENTRY_FORGERIES["an entry deleted"][0]))))
    assert verdict.bottom_line.startswith("AS IT WAS SIGNED, BUT")
    assert [finding.step for finding in verdict.findings] == [Step.CHAIN]


@pytest.mark.parametrize("line", [b"[" * 100_000, b"1", b"null", b'{"chain_seq":1}', b'{"text":1}', b'"text"', b"\xff"])
def test_a_line_that_is_no_entry_is_named_whatever_it_is(line: bytes) -> None:
    """P9. Nothing that a forger writes ends the verifier, keeps it busy, or speaks to the reader's terminal."""
    opening = b'{"format":"timingle-chain-1","event_id":1,"report_id":1,"length":999999999999,"head":"00",'
    content = b"\n".join([opening, b'"entries": [', line, b"]}", b""])
    read = read_chain(content)
    assert [(one.kind, one.where) for one in read.findings] == [(Kind.CHAIN_FORM, "chain.json, line 3")]
    assert [finding.kind for finding in check_chain(read)] == [Kind.TRUNCATED]
    assert next(Verdict(sha256="\x1b[2J", findings=()).lines()) == "SHA-256: ⟨U+001B⟩[2J"


def test_the_docs_tell_every_step_by_its_number_every_finding_and_every_exit_code() -> None:
    """P9. Code and docs number the steps alike."""
    docs = (ROOT / "docs/verifying.md").read_text("utf-8")
    assert re.findall(r"^### Step (\d+)\. ", docs, re.MULTILINE) == [str(step.value) for step in Step]
    told = re.findall(r"^\| (.+?) \| \d[\d, ]* \|$", docs, re.MULTILINE)
    assert sorted(told) == sorted(kind.value for kind in Kind)
    for outcome in Outcome:
        assert f"| {outcome.value} | {outcome.meaning}" in docs
