"""domain.report_state: how far a report is, as whoever waits for it is told."""

import pytest

from domain.audit_report import Language
from domain.report_state import SHARE, TEXTS, ReportStatus, Step, progress_at, shown_step, step_text


def test_every_step_has_its_words_in_every_language() -> None:
    assert {language: set(texts) for language, texts in TEXTS.items()} == {one: set(Step) for one in Language}


def test_progress_never_goes_back_from_a_step_to_the_next_and_ends_at_1() -> None:
    ends = [moment for step in SHARE for moment in (progress_at(step), progress_at(step, 5, 5))]
    assert ends == sorted(ends)
    assert (ends[0], ends[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("step", SHARE)
def test_progress_within_a_step_grows_with_what_is_done_and_stays_within_it(step: Step) -> None:
    at = [progress_at(step, done, 4) for done in range(6)]
    assert at == sorted(at)
    assert (at[0], at[5]) == SHARE[step]
    assert progress_at(step, 0, 0) == at[0], "of nothing, nothing is done"


def test_numbers_are_written_to_be_read() -> None:
    told = step_text(Language.ENGLISH, Step.VERIFYING, 4_000, 12_000)
    assert told == "reading and checking history, 4,000 of 12,000"


def test_what_is_over_is_not_told_as_if_it_went_on() -> None:
    drawing = step_text(Language.KOREAN, Step.RENDERING, 1, 2)
    assert shown_step(Language.KOREAN, ReportStatus.RUNNING, drawing) == drawing
    assert shown_step(Language.KOREAN, ReportStatus.CANCELED, drawing) == "취소되었습니다"
    assert shown_step(Language.KOREAN, ReportStatus.QUEUED, "") == "차례를 기다리는 중"
