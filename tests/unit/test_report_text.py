"""P9: what a text in an audit PDF can hide, move or break: nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit_report import Language
from local.install import FONTS
from reports.characters import Shown, code_point, visible
from reports.embedding import to_unicode
from reports.faces import BOLD, FALLBACK
from reports.font_pinning import pinned
from reports.fonts import Fonts, load
from reports.text_runs import code_points, wrap
from reports.words import WORDS, Words

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@pytest.fixture(scope="module")
def fonts() -> Fonts:
    return load(FONTS)


def printed(text: str, fonts: Fonts, width: float = 1e9) -> list[str]:
    """What stands on each line, as a reader sees it."""
    return ["".join(run.text for part in line.parts for run in part.runs) for line in wrap(text, fonts.regular, width)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gnp.\u202eexe", "gnp.〈U+202E〉exe"),
        ("\u2066x\u2069", "〈U+2066〉x〈U+2069〉"),
        ("pay\u200bpal", "pay〈U+200B〉pal"),
        ("a\ufeffb\u00adc", "a〈U+FEFF〉b〈U+00AD〉c"),
        ("a\x1b[2Kb\x7f", "a〈U+001B〉[2Kb〈U+007F〉"),
        ("한\nㅤ줄", "한〈U+000A〉〈U+3164〉줄"),
        ("a\u00a0b\u2003c", "a〈U+00A0〉b〈U+2003〉c"),
        ("❤\ufe0f", "❤〈U+FE0F〉"),
        ("Z\u0351\u036b", "Z〈U+0351〉〈U+036B〉"),
        ("\U000e0041", "〈U+E0041〉"),
        ("\ue000", "〈U+E000〉"),
        ("\ud800", "〈U+D800〉"),
        ("e\u0301 \u1112\u1161\u11ab", "é 한"),
        ("สวัสดี", "สวัสดี"),
        ("<b>&amp;</b> {0} %s \\( )", "<b>&amp;</b> {0} %s \\( )"),
    ],
)
def test_nothing_that_cannot_be_seen_stays_unseen(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_text_that_spells_a_code_point_itself_is_told_from_one_of_ours() -> None:
    assert visible("〈U+202E〉") == "〈U+3008〉U+202E〉"


@given(ANY_TEXT)
def test_every_character_of_any_text_is_printed_by_a_font_that_has_it(text: str) -> None:
    fonts = load(FONTS)
    by_name = {style.first.fontName: style.first for style in (fonts.regular, fonts.bold)}
    for sign in visible(text):
        for glyph in fonts.regular.of(sign):
            font = by_name.get(glyph.font)
            assert font is None or ord(glyph.text) in font.face.charToGlyph
            assert glyph.width > 0 or unicodedata.category(glyph.text) in ("Mn", "Me", "Mc", "Cf"), repr(glyph)


@given(ANY_TEXT, st.integers(1_200, 40_000))
def test_lines_hold_all_of_a_text_and_none_is_too_wide(text: str, width: int) -> None:
    fonts = load(FONTS)
    lines = wrap(text, fonts.regular, width)
    whole = "".join(glyph.text for sign in visible(text) for glyph in fonts.regular.of(sign))
    assert "".join(line.text for line in lines) == whole
    for line in lines:
        trailing = len(line.text) - len(line.text.rstrip(" "))
        assert line.width - trailing * fonts.regular.ascii_width(" ") <= width or len(line.text) == 1


def test_a_word_of_ten_thousand_characters_breaks_where_lines_end(fonts: Fonts) -> None:
    lines = printed("a" * 10_000, fonts, 20_000)
    assert "".join(lines) == "a" * 10_000
    assert len(lines) > 200


def test_korean_words_stay_whole_and_ideographs_do_not_need_spaces(fonts: Fonts) -> None:
    assert printed("저자극 제품으로 부탁드려요", fonts, 9_000) == ["저자극 제품으로 ", "부탁드려요"]
    assert printed("漢字仮名交じり文", fonts, 3_100) == ["漢字仮", "名交じ", "り文"]


def test_right_to_left_words_turn_around_and_nothing_beside_them_moves(fonts: Fonts) -> None:
    (line,) = wrap("שלום עולם 2026-11-25 (abc) ٤٢", fonts.regular, 1e9)
    assert "".join(run.text for part in line.parts for run in part.runs) == "םלוע םולש 2026-11-25 (abc) ٤٢"
    assert [part.written for part in line.parts if part.written] == ["שלום עולם", "٤٢"]
    assert code_points("ab שלום") == "U+05E9 U+05DC U+05D5 U+05DD"
    assert code_points("민지") is None


def test_arabic_letters_are_joined(fonts: Fonts) -> None:
    assert printed("مريم", fonts) == ["\ufee2\ufef3\ufeae\ufee3"]


@pytest.mark.parametrize(
    ("character", "font"),
    [
        ("가", "Korean"),
        ("漢", "Korean"),
        ("か", "Korean"),
        ("ộ", "Korean"),
        ("们", "Chinese"),
        ("م", "Arabic"),
        ("ש", "Hebrew"),
        ("ไ", "Thai"),
        ("हि"[0], "Devanagari"),
        ("🎉", "Emoji"),
    ],
)
def test_a_character_is_printed_by_the_first_font_that_has_it(fonts: Fonts, character: str, font: str) -> None:
    (glyph,) = fonts.regular.of(character)
    assert glyph.font == font


def test_what_no_font_has_is_printed_as_its_code_point(fonts: Fonts) -> None:
    assert printed("a\U000120001", fonts) == ["a〈U+12000〉1"]


def test_bold_is_another_font_than_regular_to_every_reader() -> None:
    """Two weights under one PostScript name would be merged, and bold would print as regular, silently."""
    fonts = load(FONTS)
    assert fonts.bold.first.face.name != fonts.regular.first.face.name
    assert fonts.bold.of("가")[0].font == "KoreanBold"
    widths = [style.ascii_width("Confirmed") for style in (fonts.regular, fonts.bold)]
    assert widths[0] < widths[1]


def test_every_font_is_made_with_its_weight() -> None:
    files = pinned(FONTS)
    assert files.keys() == {*FALLBACK, BOLD}
    assert all(file.stat().st_size > 10_000 for file in files.values())


def test_a_reader_finds_characters_beyond_the_first_plane() -> None:
    """reportlab by itself says <1F389>, which reads as U+1F38 and a half."""
    assert "<01> <D83CDF89>" in to_unicode("Emoji", [0, 0x1F389])
    blocks = to_unicode("Korean", list(range(1, 256))).split("beginbfchar")
    assert [block.count("> <") for block in blocks[1:]] == [100, 100, 55]


def test_both_languages_say_everything_with_the_same_values() -> None:
    for key, texts in WORDS.items():
        assert texts.keys() == set(Language), key
        korean, english = ({part.split("}")[0] for part in text.split("{")[1:]} for text in texts.values())
        assert korean == english, key
        for language in Language:
            assert isinstance(Words(language)(key, **dict.fromkeys(korean, "x")), Shown)


def test_code_points_are_written_as_unicode_does() -> None:
    assert [code_point(sign) for sign in "\n\u202e\U0001f9ff"] == ["〈U+000A〉", "〈U+202E〉", "〈U+1F9FF〉"]
