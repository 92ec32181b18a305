"""What the reply to a fetch does to a payment, to the webhooks that were read, and to the refunds we asked for (P8)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.payment import (
    Expected,
    PaymentStatus,
    Provider,
    QuarantineReason,
    Settlement,
    Snapshot,
    mismatch_of,
    settle,
)
from domain.payment_ticket import LAG_TRIES_MAX, InboxOutcome, Verdict, Waiting, judge


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is to be stored, all in one transaction."""

    verdict: Verdict
    settlement: Settlement | None = None
    """None: the payment stays as it is, because a newer reply has been applied, or because of a mismatch."""
    mismatch: QuarantineReason | None = None
    """Why the webhooks that were read are quarantined, all of them."""


def conclude(
    present: Expected, applied_ticket: int, ticket: int, snapshot: Snapshot, waiting: Sequence[Waiting]
) -> Conclusion:
    """The rule, for a payment that is locked. A reply that comes after a newer one quarantines nothing either."""
    verdict = judge(applied_ticket, ticket, snapshot, waiting)
    if not verdict.applies:
        return Conclusion(verdict)
    if mismatch := mismatch_of(present, snapshot):
        return Conclusion(verdict, mismatch=mismatch)
    return Conclusion(verdict, settle(present, snapshot))


def conclude_absence(waiting: Sequence[Waiting]) -> Verdict:
    """What it does that the provider knows no such payment (yet): what webhooks claim of it is not proven."""
    over = [one.inbox_id for one in waiting if one.attempts + 1 >= LAG_TRIES_MAX]
    return Verdict(
        applies=False,
        closed=tuple((inbox_id, InboxOutcome.NOT_CONFIRMED) for inbox_id in over),
        lagging=tuple(one.inbox_id for one in waiting if one.inbox_id not in over),
        forged=(),
    )


def transaction_to_ask(present: Expected, waiting: Sequence[Waiting], named: str | None) -> str | None:
    """By which of Stripe's ids a payment is fetched; None: search for its order, which Stripe finds a minute late.

    Once the money has come, the transaction that brought it counts. Before, whoever failed may try by another one, and
    the one that was named last is asked about: `named`, or what a signed webhook says.
    """
    if present.status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED):
        return present.transaction_id
    hints = [one.hint for one in waiting if one.hint.provider is Provider.STRIPE]
    told = [hint.transaction_id for hint in hints if hint.transaction_id is not None]
    return named or (told[-1] if told else present.transaction_id)
