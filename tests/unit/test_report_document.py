"""P9: the audit PDF before it is signed, as readers that are not ours find it: qpdf's library and Chromium's."""

import cProfile
import io
import pstats
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import combinations, pairwise
from pathlib import Path

import pikepdf
import pytest
from pypdfium2 import PdfDocument

from domain.audit_report import AuditReport, Language
from domain.history import Change, ChangeType
from domain.history_verify import Fault, FaultKind
from domain.korea import KOREA
from local.install import FONTS
from reports.chain_attachment import encode
from reports.document import render
from reports.marks import chain_mark, page_mark
from reports.moments import length, millisecond, money, span
from reports.words import WORDS, Words
from tests.audit_reports import (
    CUSTOMER,
    DESCRIPTION,
    MOVED,
    PEOPLE,
    REASON,
    SALON,
    Step,
    Who,
    at,
    chained,
    long_story,
    paid,
    payment,
    report,
    story,
    text,
    with_event,
)

ROOT = Path(__file__).parents[2]
OVER_POINTS = 1.0
"""Letters may touch; words may not."""
HOSTILE = Who(
    6,
    "<font size=99>이름</font> &amp; </para> مرحبا",
    "::1",
    "Mozilla/5.0 <img src='http://192.0.2.1/x.png'> \u202egnp.exe",
)


def drawn(given: AuditReport) -> bytes:
    out = io.BytesIO()
    render(given, out, FONTS, lambda *_: None)
    return out.getvalue()


@cache
def salon(language: Language) -> bytes:
    return drawn(report(language))


def texts_of(content: bytes) -> list[str]:
    """The text of each page, without spaces: where lines break is ours."""
    return ["".join(page.get_textpage().get_text_range().split()) for page in PdfDocument(content)]


def squeezed(text: str) -> str:
    return "".join(text.split())


def of_steps(steps: Iterator[Step] | Sequence[Step]) -> AuditReport:
    return report(entries=tuple(chained(iter(steps))))


@pytest.mark.parametrize("language", Language)
def test_a_reader_finds_every_line_of_every_entry(language: Language) -> None:
    given = report(language)
    pages = texts_of(salon(language))
    everything = "".join(pages)
    words = Words(language)
    for entry in given.entries():
        assert entry.entry_hash.hex() in everything
        assert str(entry.change_id) in everything
        assert squeezed(millisecond(entry.changed_at, KOREA)) in everything
        for shown in (entry.ip_address, entry.user_agent):
            assert shown is None or squeezed(shown) in everything
    for said in (DESCRIPTION, REASON, given.event.title, *(one.phone or "" for one in given.participants[:2])):
        assert squeezed(said) in everything
    for key in ("timeline", "annex", "checking", "whole", "step_meaning", "UPDATED start_time", "PAYMENT_CREATED"):
        assert squeezed(words(key)) in everything
    assert [squeezed(page_mark(given, n, len(pages))) in page for n, page in enumerate(pages, 1)] == [True] * len(pages)
    for number, page in enumerate(pages, 1):
        assert squeezed(words("page", page=number, pages=len(pages))) in page


@pytest.mark.parametrize("language", Language)
def test_no_words_are_printed_over_others(language: Language) -> None:
    for page in PdfDocument(salon(language)):
        text = page.get_textpage()
        places = [text.get_rect(place) for place in range(text.count_rects())]
        for (left, bottom, right, top), (left_2, bottom_2, right_2, top_2) in combinations(places, 2):
            width, height = min(right, right_2) - max(left, left_2), min(top, top_2) - max(bottom, bottom_2)
            assert width < OVER_POINTS or height < OVER_POINTS, text.get_text_bounded(left, bottom, right, top)


def test_page_1_says_who_canceled_how_long_before_the_start_and_what_went_back() -> None:
    (page, *_) = texts_of(salon(Language.KOREAN))
    assert squeezed(f"{CUSTOMER.name} (사용자 {CUSTOMER.user_id}) · 시작 3시간 4분 전") in page
    assert "일부환불160,000원112,000원" in page
    assert squeezed(chain_mark(report())) in page


@pytest.mark.parametrize("language", Language)
def test_what_a_provider_took_back_stands_in_the_timeline_in_words(language: Language) -> None:
    corrected = paid(ChangeType.PAYMENT_CORRECTED, payment("COMPLETED", "112000.00"), payment("COMPLETED"))
    page_1, page_2 = texts_of(
        drawn(replace(of_steps([*story(), Step(at(days=6), None, corrected)]), language=language))
    )[:2]
    assert squeezed(Words(language)("PAYMENT_CORRECTED")) in page_1 + page_2


def test_every_kind_of_change_has_words() -> None:
    assert {str(kind) for kind in ChangeType} <= {key.split()[0] for key in WORDS}


def test_equal_values_make_equal_bytes_in_any_process() -> None:
    assert drawn(report()) == salon(Language.KOREAN)
    program = (
        "import hashlib; from tests.unit.test_report_document import drawn, report; "
        "print(hashlib.sha256(drawn(report())).hexdigest())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "77", "TZ": "America/New_York", "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert elsewhere.stdout.strip() == sha256(salon(Language.KOREAN)).hexdigest()


def test_the_file_is_sound_and_every_font_is_in_it_as_a_subset() -> None:
    with pikepdf.open(io.BytesIO(salon(Language.KOREAN))) as pdf:
        assert pdf.check_pdf_syntax() == []
        fonts = [font for page in pdf.pages for font in page.Resources.Font.values()]
        assert fonts
        for font in fonts:
            assert font.FontDescriptor.FontFile2.read_bytes()
            assert re.match(r"/[A-Z]{6}\+", str(font.BaseFont))
            assert b"beginbfchar" in font.ToUnicode.read_bytes()


def test_a_reader_is_told_language_title_bookmarks_and_structure() -> None:
    with pikepdf.open(io.BytesIO(salon(Language.ENGLISH))) as pdf:
        assert str(pdf.Root.Lang) == "en"
        assert str(pdf.docinfo.Title) == "Audit report 128: event 4711"
        assert str(pdf.docinfo.Keywords) == chain_mark(report())
        assert str(pdf.docinfo.CreationDate) == "D:20261125074012Z"
        with pdf.open_outline() as outline:
            assert [item.title for item in outline.root][1:] == ["Annex: every entry", "How to verify this report"]
            assert [item.title for item in outline.root[0].children] == ["Participants", "Payments", "Timeline"]
        assert bool(pdf.Root.MarkInfo.Marked)
        roles = [str(one.S) for one in pdf.Root.StructTreeRoot.K.K]
        assert {"/H1", "/H2", "/P", "/Figure"} == set(roles)
        numbers = pdf.Root.StructTreeRoot.ParentTree.Nums
        for place, page in enumerate(pdf.pages):
            content = b"".join(stream.read_bytes() for stream in page.Contents)
            marked = [int(n) for n in re.findall(rb"/MCID (\d+)>> BDC", content)]
            assert page.StructParents == numbers[2 * place] == place
            assert marked == list(range(len(numbers[2 * place + 1])))
            assert content.count(b"BDC") + content.count(b"BMC") == content.count(b"EMC")


def test_the_whole_chain_is_attached_and_associated() -> None:
    with pikepdf.open(io.BytesIO(salon(Language.KOREAN))) as pdf:
        (associated,) = pdf.Root.AF
        assert str(associated.AFRelationship) == "/Data"
        attached = pdf.attachments["chain.json"].get_file()
        assert attached.mime_type == "application/json"
        assert attached.read_bytes() == b"".join(encode(report()))


def test_a_broken_chain_says_so_on_page_1_and_names_the_entries() -> None:
    given = report()
    faults = tuple(Fault(seq, kind, "old_value") for seq, kind in zip(range(3, 10), FaultKind, strict=True))
    pages = texts_of(drawn(replace(given, chain=replace(given.chain, faults=faults))))
    words = Words(Language.KOREAN)
    assert squeezed(words("broken")) in pages[0]
    assert squeezed(words("whole")) not in pages[0]
    for fault in faults[:6]:
        named = words("fault", seq=fault.chain_seq, kind=words(fault.kind), detail="old_value")
        assert squeezed(named) in pages[0]
    assert squeezed(words("more_faults", count=1)) in pages[0]
    assert "".join(pages).count(squeezed(words("bad_entry", kind=""))) >= 7


def test_an_entry_whose_bytes_are_none_is_still_in_print() -> None:
    given = report()
    entries = [*given.entries()]
    entries[3] = type(entries[3])(
        **{name: getattr(entries[3], name) for name in entries[3].__struct_fields__} | {"hashed_bytes": b"\xff{"}
    )
    everything = "".join(texts_of(drawn(replace(given, entries=lambda: entries))))
    assert squeezed(Words(Language.KOREAN)("UNREADABLE")) in everything
    assert entries[3].entry_hash.hex() in everything


@pytest.mark.parametrize("language", Language)
def test_the_brief_has_two_pages_at_most_whatever_there_is_to_tell(language: Language) -> None:
    given = with_event(
        report(language, tuple(chained(long_story(600)))),
        title="Ｗ" * 200,
        description="긴 설명 " * 2_000,
        location="긴장소" * 66,
        canceled_reason="긴 사유 " * 250,
    )
    faults = tuple(Fault(seq, FaultKind.PRESENT_ROW, "title, " * 40) for seq in range(1, 30))
    people = tuple(replace(given.participants[n % 3], user_id=n, name="이름" * 50) for n in range(200))
    full = replace(given, participants=people, payments=given.payments * 50, chain=replace(given.chain, faults=faults))
    pages = texts_of(drawn(full))
    assert squeezed(Words(language)("annex")) in pages[2]
    assert squeezed(Words(language)("more_people", count=194)) in pages[0] + pages[1]


def test_hostile_texts_are_printed_as_they_are_and_nothing_is_fetched() -> None:
    given = with_event(
        of_steps([*story(), Step(at(days=6), HOSTILE, text("title", "\r\n{0} %s \\ ( )", "<para>" + "ㅎ" * 10_000))]),
        title="<b>제목</b> &amp; \u202eexe 漢字🎉🧿",
    )
    content = drawn(given)
    everything = "".join(texts_of(content))
    for shown in ("<b>제목</b>&amp;〈U+202E〉exe漢字🎉🧿", "<fontsize=99>이름</font>&amp;</para>", "〈U+202E〉gnp.exe"):
        assert shown in everything
    for shown in (
        "<imgsrc='http://192.0.2.1/x.png'>",
        "〈U+000D〉〈U+000A〉{0}%s\\()",
        "U+0645U+0631U+062DU+0628U+0627",
    ):
        assert shown in everything
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert pdf.check_pdf_syntax() == []
        kinds = {
            str(one.get("/Subtype")) for one in pdf.objects if isinstance(one, pikepdf.Dictionary | pikepdf.Stream)
        }
        assert kinds <= {"None", "/TrueType", "/application#2Fjson", "/application/json"}
        assert all("/Annots" not in page and "/AA" not in page for page in pdf.pages)
        assert "/OpenAction" not in pdf.Root


def test_values_of_five_megabytes_are_shortened_visibly_and_hashed_whole() -> None:
    old, new = "가" * 1_700_000, "b" * 5_000_000
    change = Change(
        change_type=ChangeType.UPDATED, field_name="description", texts={"old_value": old, "new_value": new}
    )
    content = drawn(of_steps([*story(), Step(at(days=6), SALON, change)]))
    everything = "".join(texts_of(content))
    for value in (old, new):
        assert sha256(value.encode()).hexdigest() in everything
        assert f"전체{len(value):,}자" in everything
    assert len(content) < 1_000_000


def test_a_value_of_two_thousand_characters_is_printed_whole_and_one_more_is_not() -> None:
    for count, is_whole in ((1_999, True), (2_000, True), (2_001, False)):
        everything = "".join(texts_of(drawn(of_steps([Step(at(), SALON, text("description", "", "x" * count))]))))
        assert (everything.count("x") >= count) is is_whole


def test_work_and_memory_grow_with_the_number_of_entries_and_no_faster() -> None:
    """A call more for each entry, and no more than 5 kB: 50,000 entries stay below 400 MB."""
    given = {count: report(entries=tuple(chained(long_story(count)))) for count in (100, 200, 400)}
    calls, peaks = {}, {}
    drawn(given[400])  # fonts and glyphs are loaded
    for count, one in given.items():
        profile = cProfile.Profile()
        profile.runcall(drawn, one)
        calls[count] = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    for count in (100, 400):
        tracemalloc.start()
        drawn(given[count])
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (calls[400] - calls[200]) / (calls[200] - calls[100]) < 2.2
    assert (peaks[400] - peaks[100]) / 300 < 5_000


def test_whoever_waits_hears_how_far_it_is_and_may_end_it() -> None:
    given = report(entries=tuple(chained(long_story(250))))
    heard: list[tuple[int, int]] = []
    render(given, io.BytesIO(), FONTS, lambda done, total: heard.append((done, total)))
    assert heard == [(100, 250), (200, 250), (250, 250)]

    class Canceled(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        raise Canceled

    with pytest.raises(Canceled):
        render(given, io.BytesIO(), FONTS, cancel)


def test_an_event_without_entries_payments_or_anything_erased_is_drawn() -> None:
    given = with_event(report(entries=()), title="", description=None, location=None, canceled_reason=None)
    nobody = replace(given.participants[0], name=None, phone=None, confirmed_at=None)
    pages = texts_of(drawn(replace(given, participants=(nobody,), payments=())))
    words = Words(Language.KOREAN)
    assert squeezed(words("erased")) in pages[0]
    assert squeezed(words("no_payments")) in pages[0]


def test_a_row_higher_than_a_page_goes_on_on_the_next() -> None:
    given = of_steps([Step(at(), SALON, text("description", "ㄱ" * 2_000, "ㄴ" * 2_000))])
    pages = texts_of(drawn(given))
    assert squeezed(Words(Language.KOREAN)("continued", seq=1)) in "".join(pages)
    assert "".join(pages).count("ㄴ") >= 2_000


def test_a_high_row_begins_with_some_of_its_lines_wherever_the_row_before_ends() -> None:
    high = "ㄴ" * 1_900
    for count in range(60, 1_900, 60):
        steps = [Step(at(), SALON, text("title", "", "ㄱ" * count)), Step(at(), SALON, text("title", "", high))]
        shown = [
            page for page in texts_of(drawn(of_steps(steps))) if squeezed(Words(Language.KOREAN)("change")) in page
        ]
        continued = squeezed(Words(Language.KOREAN)("continued", seq=2))
        assert all("ㄴ" in before for before, page in pairwise(shown) if continued in page)


def test_moments_and_amounts_are_written_as_their_readers_do() -> None:
    start = MOVED
    assert span(start, start + timedelta(hours=2), Language.KOREAN) == ("2026-11-21 (토) 16:30", "18:30")
    assert span(start, start + timedelta(days=1), Language.ENGLISH)[1] == "2026-11-22 (Sun) 16:30"
    end_of_time = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert span(end_of_time, end_of_time, Language.KOREAN) == ("10000-01-01 (토) 08:59", "08:59")
    assert length(timedelta(hours=3, minutes=4, seconds=59), Language.KOREAN) == "3시간 4분"
    assert length(timedelta(days=-2, hours=1), Language.ENGLISH) == "1 d 23 h"
    assert length(timedelta(seconds=59), Language.ENGLISH) == "0 min"
    payment = report().payments[0]
    assert money(payment.amount, "KRW", Language.KOREAN) == "160,000원"
    assert money(payment.amount, "USD", Language.ENGLISH) == "160,000.00 USD"
    assert money(payment.amount, "JPY", Language.ENGLISH) == "160,000 JPY"
    assert {who.user_id for who in PEOPLE.values()} == {one.user_id for one in report().participants}
