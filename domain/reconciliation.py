"""What we have of a day's payments against what the provider lists of it. It tells, and changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.payment import Expected, Snapshot, mismatch_of, state_of


class DifferenceKind(StrEnum):
    """What can differ."""

    UNKNOWN_TO_US = "unknown to us"
    UNKNOWN_TO_PROVIDER = "unknown to the provider"
    MISMATCH = "not what was asked for"
    STATE = "state"
    REFUNDED_AMOUNT = "refunded amount"


@dataclass(frozen=True, slots=True)
class Difference:
    """One payment that differs."""

    kind: DifferenceKind
    payment_id: int | None
    order_id: str | None
    transaction_id: str | None
    ours: str | None
    theirs: str | None


def unknown_to_us(snapshot: Snapshot) -> Difference:
    """The provider has a payment that is none of ours."""
    status = f"{snapshot.provider_status} {snapshot.amount} {snapshot.currency}"
    return Difference(DifferenceKind.UNKNOWN_TO_US, None, snapshot.order_id, snapshot.transaction_id, None, status)


def unknown_to_provider(ours: Expected) -> Difference:
    """The provider has nothing of a payment that we believe it has taken."""
    kind = DifferenceKind.UNKNOWN_TO_PROVIDER
    return Difference(kind, ours.payment_id, ours.order_id, ours.transaction_id, ours.status, None)


def compare(ours: Expected, theirs: Snapshot) -> Iterator[Difference]:
    """What differs of a payment that both have; nothing if it is the same."""

    def differ(kind: DifferenceKind, our_word: object, their_word: object) -> Difference:
        return Difference(kind, ours.payment_id, ours.order_id, theirs.transaction_id, str(our_word), str(their_word))

    if reason := mismatch_of(ours, theirs):
        yield differ(DifferenceKind.MISMATCH, f"{ours.amount} {ours.currency}", reason)
        return
    status, refunded_amount = state_of(theirs)
    if status is not ours.status:
        yield differ(DifferenceKind.STATE, ours.status, status)
    elif refunded_amount != ours.refunded_amount:
        yield differ(DifferenceKind.REFUNDED_AMOUNT, ours.refunded_amount, refunded_amount)
