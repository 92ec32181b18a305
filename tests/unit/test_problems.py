"""Every error of ours is answered as what it is (RFC 9457), or is known to be a mistake of ours."""

import ast
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest

from domain.errors import (
    Away,
    BadInput,
    EventIsDue,
    MigrationError,
    NotThere,
    OutcomeUnknown,
    OverRate,
    Refused,
    SettingsError,
    TimingleError,
    Wrong,
)
from domain.keyring import NotDecryptable
from ingest.problems import ANSWERED, PROBLEMS, TYPE_PREFIX, problem_of
from providers.errors import ProviderRefused, ProviderUnknown
from reports.font_pinning import FontsNotMade

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("domain", "stores", "providers", "reports", "tasks", "schedules", "ingest")
UNANSWERED: Final = {
    TimingleError: "raised only as one of its subclasses",
    Refused: "raised only as one of its subclasses",
    SettingsError: "raised before a process listens",
    EventIsDue: "whoever changes an event lets it be DONE and tries again",
    MigrationError: "raised by `timingle`, not by a call",
    ProviderRefused: "raised to workers, which ask providers, and not by a call",
    ProviderUnknown: "the same",
    FontsNotMade: "raised by whoever makes a report, which then waits",
    NotDecryptable: "a key is missing or a row was altered: no caller can help that, so it is a 500 and a log line",
}


def names_of_our_errors() -> set[str]:
    """TimingleError and every class below it, wherever a call may come by."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = {"TimingleError"}
    while below := {name for name, of in bases.items() if of & found} - found:
        found |= below
    return {name for name in found if not name.startswith("_")}  # which leave no module


def test_every_error_of_ours_has_a_row_or_a_reason_for_none() -> None:
    assert names_of_our_errors() == {error.__name__ for error in [*PROBLEMS, *UNANSWERED]}
    assert PROBLEMS.keys() & UNANSWERED.keys() == set()


def test_an_error_without_a_row_goes_through_as_a_mistake_of_ours() -> None:
    assert [error for error in UNANSWERED if issubclass(error, ANSWERED)] == []


def test_a_class_without_a_row_is_answered_as_the_nearest_above_it() -> None:
    class NoSuchSlot(NotThere):
        """There is no such slot."""

    assert problem_of(NoSuchSlot()).status == HTTPStatus.NOT_FOUND
    assert problem_of(NoSuchSlot()).detail == "There is no such slot."


@pytest.mark.parametrize(
    ("error", "status", "name", "retry_after"),
    [
        (BadInput("Too long.", "message"), HTTPStatus.UNPROCESSABLE_ENTITY, "bad-input", 0),
        (Wrong("PostgreSQL", "22021"), HTTPStatus.UNPROCESSABLE_ENTITY, "not-storable", 0),
        (Away("ScyllaDB", "OperationTimedOut"), HTTPStatus.SERVICE_UNAVAILABLE, "store-away", 2),
        (OutcomeUnknown("the journal", "TimeoutError", 3.2), HTTPStatus.SERVICE_UNAVAILABLE, "outcome-unknown", 4),
        (OverRate(0.01), HTTPStatus.TOO_MANY_REQUESTS, "over-rate", 1),
    ],
)
def test_a_problem_says_what_a_program_needs(
    error: TimingleError, status: HTTPStatus, name: str, retry_after: int
) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.type, problem.title) == (status, TYPE_PREFIX + name, status.phrase)
    assert problem.retry_after == retry_after
    assert problem.field == (error.field if isinstance(error, BadInput) else "")
