"""Payments: what webhooks hint at, and what people ask for (P8).

The messages of these tasks are doorbells. Each row is the job: whatever is left undone waits there for the sweep,
`tasks.upkeep.ring_waiting`, which is the only retry.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import structlog
from celery import shared_task

from domain.errors import Away, Wrong
from domain.keyring import NotDecryptable
from domain.money import Money
from domain.payment import Provider, QuarantineReason
from domain.payment_asking import ASK_AFTER_FIRST, next_ask_at
from domain.payment_ticket import InboxOutcome, Waiting
from providers import stripe, toss
from providers.errors import ProviderRefused, ProviderUnknown
from stores import connections, payment_inbox, payment_jobs, payments, waiting
from stores.connections import Stores
from stores.payment_jobs import Confirm, Refund
from stores.payments import DueToAsk
from stores.waiting import Jobs
from tasks.settlement import settle

RING_EXPIRES_S: Final = 600
"""As long as the sweep waits at most before it rings again."""

PENDING_EXPIRES_S: Final = 60
"""As often as it is rung for."""

log = structlog.get_logger()


@shared_task(name="tasks.payments.apply_webhook", expires=RING_EXPIRES_S, ignore_result=True)
def apply_webhook(inbox_id: int) -> None:
    """Bring the payment that a webhook is about to what its provider says now. One fetch serves all that had arrived
    before it began: what is done with, or held by somebody who asks just now, needs nothing more."""
    stores = connections.stores()
    with left_to_the_sweep(stores, Jobs.WEBHOOKS, inbox_id):
        found = payment_inbox.find_free(stores.postgres, inbox_id)
        if found is None:
            return
        payment_id = found[0] or find_payment(stores, inbox_id)
        if payment_id is not None:
            with suppress(ProviderUnknown):  # what is claimed of it is not proven, and that has been noted
                settle(stores, payment_id)


def find_payment(stores: Stores, inbox_id: int) -> int | None:
    """Which payment a webhook is about, that nobody knows yet; None if it is of none, and done with. Raises Away."""
    taken = payment_inbox.hold_homeless(stores.postgres, inbox_id)
    if taken is None:
        return None
    if not taken.hint.names_payment:
        payment_inbox.close(stores.postgres, inbox_id, InboxOutcome.NOT_ABOUT_A_PAYMENT)
        return None
    payment_id = payments.find(stores.postgres, taken.hint.order_id, taken.hint.transaction_id)
    payment_id = payment_id or payments.find(stores.postgres, order_of(taken), None)
    if payment_id is None:
        log.warning("a webhook is of no payment of ours", action="webhook_quarantined", inbox_id=inbox_id)
        payment_inbox.quarantine(stores.postgres, inbox_id, QuarantineReason.UNKNOWN_PAYMENT)
    else:
        payment_inbox.attach(stores.postgres, inbox_id, payment_id)
    return payment_id


def order_of(taken: Waiting) -> str | None:
    """The order of a transaction that we have not heard of: Stripe knows it, many of its events do not name it.

    Raises Away.
    """
    if taken.hint.provider is not Provider.STRIPE or taken.hint.transaction_id is None:
        return None
    try:
        return stripe.fetch_by_transaction(taken.hint.transaction_id).order_id
    except ProviderUnknown:
        return None


@shared_task(name="tasks.payments.apply_confirm", expires=RING_EXPIRES_S, ignore_result=True)
def apply_confirm(confirm_id: int) -> None:
    """Let a payment be paid by the transaction that was named; said again, it is the same confirmation."""
    stores = connections.stores()
    with left_to_the_sweep(stores, Jobs.CONFIRMS, confirm_id):
        taken = payment_jobs.hold_confirm(stores.postgres, confirm_id)
        if taken is not None:
            payment_jobs.end(stores.postgres, Jobs.CONFIRMS, confirm_id, confirm(stores, taken))


def confirm(stores: Stores, taken: Confirm) -> str | None:
    """Confirm with our amount (Toss), and fetch what came of it; why not, None if nothing speaks against it.

    Toss refuses what is confirmed already: whatever it answers, what counts is what a fetch shows. Raises Away, and
    ProviderUnknown while Toss does not show what it has confirmed.
    """
    payment = payments.get(stores.postgres, taken.payment_id)
    cause = None
    try:
        if payment.provider is Provider.TOSS:
            toss.confirm(taken.payment_key, payment.order_id, Money(payment.amount, payment.currency), taken.key)
    except (ProviderRefused, ProviderUnknown) as refused:
        cause = cause_of(refused)
    try:
        snapshot, concluded = settle(stores, payment.id, taken.payment_key)
    except ProviderUnknown as unknown:
        if payment.provider is Provider.TOSS and cause is None:
            raise  # Toss has just confirmed it, and lags behind itself
        return cause or cause_of(unknown)
    if concluded.mismatch is not None:
        return f"Mismatch/{concluded.mismatch}"
    is_paid_by_it = snapshot.approved and snapshot.transaction_id == taken.payment_key
    return None if is_paid_by_it else cause


@shared_task(name="tasks.payments.apply_refund", expires=RING_EXPIRES_S, ignore_result=True)
def apply_refund(refund_id: int) -> None:
    """Give money back, once, whatever dies meanwhile: it is done when a fetch shows it."""
    stores = connections.stores()
    with left_to_the_sweep(stores, Jobs.REFUNDS, refund_id):
        taken = payment_jobs.hold_refund(stores.postgres, refund_id)
        if taken is None:
            return
        cause = refund(stores, taken)
        if not payment_jobs.is_waiting(stores.postgres, Jobs.REFUNDS, refund_id):
            return
        if cause is None:
            log.info("the provider does not show a refund yet", action="refund_put_off", refund_id=refund_id)
            waiting.put_off(stores.postgres, Jobs.REFUNDS, [refund_id])
        else:
            log.warning("the provider refuses a refund", action="refund_failed", refund_id=refund_id, cause=cause)
            payment_jobs.end(stores.postgres, Jobs.REFUNDS, refund_id, cause)


def refund(stores: Stores, taken: Refund) -> str | None:
    """Ask for a refund, and fetch what came of it; why the provider refuses it.

    One that may have been asked for before is looked up first, and asked for again only if it is not there: with the
    same key, of which the provider may know no more after some days. Raises Away.
    """
    if taken.was_sent:
        settle(stores, taken.payment_id)
        if taken.provider_refund_id or not payment_jobs.is_waiting(stores.postgres, Jobs.REFUNDS, taken.id):
            return None
    payment = payments.get(stores.postgres, taken.payment_id)
    if payment.transaction_id is None:
        return "NotPaid"
    cause = None
    try:
        reason = payment_jobs.reason_of(stores.keys, taken)
        amount = Money(taken.amount, payment.currency)
        ask_for = toss.refund if payment.provider is Provider.TOSS else stripe.refund
        answered = ask_for(payment.transaction_id, amount, taken.key, reason)
    except (ProviderRefused, ProviderUnknown, NotDecryptable) as refused:
        cause = cause_of(refused)
    else:
        payment_jobs.note_answered(stores.postgres, taken.id, answered.provider_refund_id)
    settle(stores, payment.id)
    return cause


@shared_task(name="tasks.payments.reconcile_pending", expires=PENDING_EXPIRES_S, ignore_result=True)
def reconcile_pending() -> None:
    """Ask about payments that have been PENDING for too long: no webhook may ever come. One that cannot be asked about
    hides no other."""
    stores = connections.stores()
    try:
        for page in payments.pages_to_ask(stores.postgres):
            for due in page:
                ask(stores, due)
    except Away as away:
        log.warning("a store is away", action="asking_stopped", store=away.store, code=away.code)


def ask(stores: Stores, due: DueToAsk) -> None:
    """Ask about one payment, and note when to ask again. Raises Away if that is our own store."""
    now = datetime.now(UTC)
    asks, again_at = due.asks + 1, next_ask_at(due.created_at, due.asks + 1, now)
    try:
        settle(stores, due.id)
    except ProviderUnknown:
        log.debug("nobody has begun to pay", action="payment_not_begun", payment_id=due.id)
    except (Away, ProviderRefused, Wrong) as error:
        log.warning("a payment cannot be asked about", action="ask_put_off", payment_id=due.id, cause=cause_of(error))
        asks, again_at = due.asks, now + ASK_AFTER_FIRST
    payments.note_asked(stores.postgres, due.id, asks, again_at)


def cause_of(error: Exception) -> str:
    """A class and a code (P11)."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__}/{code}" if code else type(error).__name__


@contextmanager
def left_to_the_sweep(stores: Stores, jobs: Jobs, job_id: int) -> Iterator[None]:
    """A job that cannot be done now is put off: whom it needs is away, or does not understand us."""
    try:
        yield
    except (Away, ProviderRefused, ProviderUnknown, Wrong) as error:
        place = {"job": jobs, "job_id": job_id, "cause": cause_of(error)}
        log.warning("a job of a payment is put off", action="payment_job_put_off", **place)
        with suppress(Away):  # then its hold ends by itself
            waiting.put_off(stores.postgres, jobs, [job_id])
