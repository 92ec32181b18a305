"""Which fetched reply may be applied, and which webhooks it closes (P8). Pure; a store does what comes out.

A fetch begins by a ticket: a transaction raises `payments.issued_ticket` and reads the webhooks that wait for the
payment. The reply comes when no lock is held, so that an older one may come last: a higher ticket began later and knows
at least as much. A webhook that arrived after the ticket was issued is not among those read, and stays for the next.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

from domain.payment import PHASES, Phase, Provider, Snapshot

LAG_TRIES_MAX: Final = 6
"""How often a claim that the provider itself does not know yet is asked about before it is closed as unproven. At the
sweep's growing pace this is more than half an hour; Toss and Stripe lag behind themselves by seconds."""

TAKEN_BACK: Final = "WAITING_FOR_DEPOSIT"
"""Of Toss. It comes before DONE, and after it where a bank takes a deposit back."""


class InboxOutcome(StrEnum):
    """What became of a webhook."""

    CONFIRMED = "confirmed"
    """A fetch began after it had arrived, and its reply counts."""
    NOT_CONFIRMED = "not-confirmed"
    """The provider never said what it claims: it changed nothing."""
    NOT_ABOUT_A_PAYMENT = "not-about-a-payment"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a webhook says has happened; None where it says nothing of it."""

    provider_status: str | None = None
    refunded_amount: Decimal | None = None
    refund_id: str | None = None
    """The provider's id of the refund that it tells of."""
    refund_is_failed: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook as far as it was understood. It says where to look, and nothing that is believed."""

    provider: Provider
    event_type: str
    event_id: str | None
    """The provider's id of the event (Stripe) or of its delivery (Toss, unsigned)."""
    order_id: str | None
    transaction_id: str | None
    claim: Claim = Claim()
    secret: str | None = field(default=None, repr=False)
    """Shown by a deposit's callback (Toss)."""

    @property
    def names_payment(self) -> bool:
        """Is there something to look up?"""
        return self.order_id is not None or self.transaction_id is not None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A webhook that was read as the ticket was issued."""

    inbox_id: int
    hint: Hint
    attempts: int
    """Fetches that did not know yet what it says."""
    secret_hash: bytes | None = None
    """`hash_of_secret` of what it shows, where it is a deposit's callback: the inbox keeps no secret."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reply does."""

    applies: bool
    closed: tuple[tuple[int, InboxOutcome], ...]
    """(inbox_id, outcome) of each webhook that is done with."""
    lagging: tuple[int, ...]
    """The inbox_id of each that is to be asked about again."""
    forged: tuple[int, ...]
    """The inbox_id of each that shows another secret than the payment's: to be quarantined for it."""


def may_apply(applied_ticket: int, ticket: int) -> bool:
    """Is this the reply of the latest fetch of which a reply has come?"""
    return applied_ticket < ticket


def judge(applied_ticket: int, ticket: int, snapshot: Snapshot, waiting: Iterable[Waiting]) -> Verdict:
    """What the reply to the fetch of this ticket does, `waiting` being what was read as the ticket was issued.

    What is closed does not depend on whether the reply is applied: if a newer one was, its fetch began after these
    webhooks arrived, and it has judged them too.
    """
    closed, lagging, forged = [], [], []
    for one in waiting:
        if not shows_secret(one, snapshot.secret):
            forged.append(one.inbox_id)
        elif knows(snapshot, one.hint):
            closed.append((one.inbox_id, InboxOutcome.CONFIRMED))
        elif one.attempts + 1 >= LAG_TRIES_MAX:
            closed.append((one.inbox_id, InboxOutcome.NOT_CONFIRMED))
        else:
            lagging.append(one.inbox_id)
    return Verdict(may_apply(applied_ticket, ticket), tuple(closed), tuple(lagging), tuple(forged))


def hash_of_secret(secret: str) -> bytes:
    """What is kept of a deposit's secret. It is random: a plain hash is enough."""
    return sha256(secret.encode()).digest()


def shows_secret(webhook: Waiting, secret: str | None) -> bool:
    """False for a deposit's callback with another secret than the payment's. Takes as long whichever byte differs."""
    if webhook.secret_hash is None or secret is None:
        return True
    return hmac.compare_digest(webhook.secret_hash, hash_of_secret(secret))


def knows(snapshot: Snapshot, hint: Hint) -> bool:
    """Does the snapshot show what the webhook claims, or something later? False also for what never was."""
    claim = hint.claim
    if claim.refund_id is not None:
        found = {refund.provider_refund_id: refund for refund in snapshot.refunds}.get(claim.refund_id)
        if found is None or (claim.refund_is_failed and not found.is_failed):
            return False
    if hint.transaction_id not in (None, snapshot.transaction_id):
        return snapshot.approved  # of another try to pay the same order: it tells nothing once the money has come
    if claim.refunded_amount is not None and snapshot.refunded_amount < claim.refunded_amount:
        return False
    return claim.provider_status is None or _is_reached(snapshot, claim.provider_status)


def _is_reached(snapshot: Snapshot, claimed: str) -> bool:
    if snapshot.provider_status == claimed:
        return True
    try:
        said, now = PHASES[snapshot.provider, claimed], PHASES[snapshot.provider, snapshot.provider_status]
    except KeyError:
        return True  # no status that we know: asking again would not tell
    if claimed == TAKEN_BACK and now is Phase.PAID:
        return False
    if said is Phase.PAID:  # the whole sum; since then a part has gone back, or all of it
        return now is Phase.CANCELED or (now is Phase.PAID and snapshot.refunded_amount > 0)
    return said is Phase.OPEN
