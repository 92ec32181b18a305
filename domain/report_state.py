"""What an audit report goes through, and what whoever waits for it is told meanwhile."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.audit_report import Language

KEPT_DAYS: Final = 30
"""How long the file of a report is there: time to fetch it, and no archive of personal data."""
ATTEMPTS_MAX: Final = 5
"""What ends its worker so often, or fails so often, will again. Times when a store was away do not count."""


class ReportStatus(StrEnum):
    """How far a report is."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


ALLOWED: Final[Mapping[ReportStatus, frozenset[ReportStatus]]] = {
    ReportStatus.QUEUED: frozenset({ReportStatus.RUNNING, ReportStatus.CANCELED}),
    ReportStatus.RUNNING: frozenset(
        {ReportStatus.QUEUED, ReportStatus.READY, ReportStatus.FAILED, ReportStatus.CANCELED}
    ),
    ReportStatus.READY: frozenset({ReportStatus.CANCELED, ReportStatus.EXPIRED}),
    ReportStatus.FAILED: frozenset(),
    ReportStatus.CANCELED: frozenset(),
    ReportStatus.EXPIRED: frozenset(),
}
"""The states that each state may become."""


class Step(StrEnum):
    """What is being done, for a person."""

    WAITING = "waiting"
    RELAYING = "relaying"
    VERIFYING = "verifying"
    RENDERING = "rendering"
    SIGNING = "signing"
    STORING = "storing"
    AGAIN = "again"
    READY = "ready"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


SHARE: Final[Mapping[Step, tuple[float, float]]] = {
    Step.VERIFYING: (0.0, 0.2),
    Step.RENDERING: (0.2, 0.9),
    Step.SIGNING: (0.9, 0.95),
    Step.STORING: (0.95, 1.0),
}
"""Where the progress stands when a step of the work begins and ends; by what each took with 10,000 entries."""

TEXTS: Final[Mapping[Language, Mapping[Step, str]]] = {
    Language.KOREAN: {
        Step.WAITING: "차례를 기다리는 중",
        Step.RELAYING: "이력이 모두 전달되기를 기다리는 중",
        Step.VERIFYING: "이력을 읽고 확인하는 중: {total:,}건 중 {done:,}건",
        Step.RENDERING: "문서를 작성하는 중: {total:,}건 중 {done:,}건",
        Step.SIGNING: "문서에 서명하는 중",
        Step.STORING: "문서를 저장하는 중",
        Step.AGAIN: "잠시 후 다시 시도합니다",
        Step.READY: "완료",
        Step.FAILED: "문서를 만들지 못했습니다 ({cause})",
        Step.CANCELED: "취소되었습니다",
        Step.EXPIRED: "보관 기간이 지났습니다",
    },
    Language.ENGLISH: {
        Step.WAITING: "waiting for its turn",
        Step.RELAYING: "waiting until all of the history has been relayed",
        Step.VERIFYING: "reading and checking history, {done:,} of {total:,}",
        Step.RENDERING: "writing the document, {done:,} of {total:,}",
        Step.SIGNING: "signing the document",
        Step.STORING: "storing the document",
        Step.AGAIN: "will be tried again in a moment",
        Step.READY: "ready",
        Step.FAILED: "the document could not be made ({cause})",
        Step.CANCELED: "canceled",
        Step.EXPIRED: "kept long enough, and removed",
    },
}


def step_text(language: Language, step: Step, done: int = 0, total: int = 0, cause: str = "") -> str:
    """What is being done, in the report's language; `cause` is a class and a code."""
    return TEXTS[language][step].format(done=done, total=total, cause=cause)


def shown_step(language: Language, status: ReportStatus, step: str) -> str:
    """What whoever asks is told: the last word of whoever works on it, or how it ended without one."""
    over = {ReportStatus.CANCELED: Step.CANCELED, ReportStatus.EXPIRED: Step.EXPIRED}.get(status)
    return step_text(language, over) if over else step or step_text(language, Step.WAITING)


def progress_at(step: Step, done: int = 0, total: int = 0) -> float:
    """How far all of it is, 0 to 1, when so much of a step is done."""
    began, ended = SHARE[step]
    share = min(done, total) / total if total else 0
    return began * (1 - share) + ended * share
