"""Our errors as problem details (RFC 9457): one table from class to status and type.

A class without a row takes that of the nearest class above it; what has none at all is a mistake of ours and a 500. A
test holds who has a row.
"""

from http import HTTPStatus
from typing import Final

import msgspec

from domain.errors import (
    Away,
    BadInput,
    Conflict,
    JournalFull,
    NoLongerThere,
    NotAllowed,
    NotAuthenticated,
    NotThere,
    OutcomeUnknown,
    OverRate,
    PlanNeeded,
    TimingleError,
    Wrong,
)
from providers.errors import ProviderAway, WebhookForged, WebhookMalformed

MEDIA_TYPE: Final = b"application/problem+json"
TYPE_PREFIX: Final = "tag:timingle,2026:problem:"


class MalformedBody(BadInput):
    """The body is not what its content type says."""


class BodyTooLarge(BadInput):
    """The body is larger than this call takes."""


class WrongContentType(BadInput):
    """Send the body as application/json."""


class ProviderClosed(TimingleError):
    """This system has no keys of this provider of payments."""


PROBLEMS: Final[dict[type[TimingleError], tuple[HTTPStatus, str]]] = {
    BadInput: (HTTPStatus.UNPROCESSABLE_ENTITY, "bad-input"),
    MalformedBody: (HTTPStatus.BAD_REQUEST, "malformed-body"),
    BodyTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"),
    WrongContentType: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wrong-content-type"),
    NotAuthenticated: (HTTPStatus.UNAUTHORIZED, "not-authenticated"),
    PlanNeeded: (HTTPStatus.PAYMENT_REQUIRED, "plan-needed"),
    NotAllowed: (HTTPStatus.FORBIDDEN, "not-allowed"),
    NotThere: (HTTPStatus.NOT_FOUND, "not-there"),
    NoLongerThere: (HTTPStatus.GONE, "no-longer-there"),
    Conflict: (HTTPStatus.CONFLICT, "conflict"),
    OverRate: (HTTPStatus.TOO_MANY_REQUESTS, "over-rate"),
    Wrong: (HTTPStatus.UNPROCESSABLE_ENTITY, "not-storable"),
    Away: (HTTPStatus.SERVICE_UNAVAILABLE, "store-away"),
    JournalFull: (HTTPStatus.SERVICE_UNAVAILABLE, "journal-full"),
    OutcomeUnknown: (HTTPStatus.SERVICE_UNAVAILABLE, "outcome-unknown"),
    ProviderClosed: (HTTPStatus.SERVICE_UNAVAILABLE, "provider-closed"),
    ProviderAway: (HTTPStatus.SERVICE_UNAVAILABLE, "provider-away"),
    WebhookForged: (HTTPStatus.BAD_REQUEST, "webhook-forged"),
    WebhookMalformed: (HTTPStatus.BAD_REQUEST, "webhook-malformed"),
}

ANSWERED: Final = tuple(PROBLEMS)
"""What is answered as a problem; any other error goes through."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, for a program and for a person (RFC 9457, section 3.1)."""

    type: str
    title: str
    status: int
    detail: str
    field: str = ""
    """The field of the request that it is about, as a path; empty if none."""
    retry_after: int = 0
    """Seconds to wait before asking again; 0 if that would not help."""


def problem_of(error: TimingleError) -> Problem:
    """An error of ANSWERED as it is answered."""
    status, name = next(PROBLEMS[known] for known in type(error).__mro__ if known in PROBLEMS)
    return Problem(
        type=TYPE_PREFIX + name,
        title=status.phrase,
        status=status,
        detail=str(error),
        field=error.field if isinstance(error, BadInput | NotThere) else "",
        retry_after=round(error.retry_after_s + 0.5) if isinstance(error, Away | OverRate) else 0,
    )
