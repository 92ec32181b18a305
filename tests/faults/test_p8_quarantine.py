"""P8. What a provider says of a payment that is not what was asked for: kept, shown, and the payment left alone."""

from collections.abc import Callable
from typing import Final

import pytest

from domain.payment import NOTHING, PaymentStatus, Provider
from stores import quarantine
from stores.waiting import Jobs
from tasks.payments import apply_webhook
from tests.fakes.control import Fakes
from tests.faults.paying import AMOUNT, Till


def of_toss(amount: int, status: str) -> Callable[[Fakes, str], None]:
    """A payment of Toss's that gets this status."""

    def begin(fakes: Fakes, order_id: str) -> None:
        fakes.toss.become(fakes.toss.begin(order_id, amount).payment_key, status)

    return begin


def of_stripe(currency: str, **metadata: str) -> Callable[[Fakes, str], None]:
    """A payment of Stripe's that succeeds."""

    def begin(fakes: Fakes, order_id: str) -> None:
        fakes.stripe.begin(order_id, int(AMOUNT), currency, status="succeeded", metadata=metadata)

    return begin


MISMATCHES: Final = {
    "amount": (Provider.TOSS, of_toss(11_999, "DONE")),
    "currency": (Provider.STRIPE, of_stripe("JPY")),
    "receiver": (Provider.STRIPE, of_stripe("KRW", receiver_id="999")),
    "status": (Provider.TOSS, of_toss(12_000, "NEVER_HEARD_OF")),
}


@pytest.mark.parametrize("reason", MISMATCHES)
def test_what_was_not_asked_for_is_quarantined_and_the_payment_stays_as_it_is(till: Till, reason: str) -> None:
    provider, begin = MISMATCHES[reason]
    asked = till.ask(provider)
    begin(till.fakes, asked.order_id)
    (event,) = till.events(asked)
    inbox_id = till.keep(provider, event.body) or 0
    apply_webhook(inbox_id)
    assert till.job(Jobs.WEBHOOKS, inbox_id, "state, reason, payment_id") == ("quarantined", reason, asked.id)
    assert till.state(asked.id) == (PaymentStatus.PENDING, NOTHING)
    assert (till.present(asked.id).applied_ticket, till.present(asked.id).transaction_id) == (0, None)


def test_a_second_charge_of_an_order_is_quarantined(till: Till) -> None:
    """Somebody has paid twice: a person gives one of them back."""
    paid, key = till.paid()
    till.fakes.toss.begin(paid.order_id, AMOUNT, status="DONE")
    inbox_id = till.keep(Provider.TOSS, till.events(paid)[1].body) or 0
    apply_webhook(inbox_id)
    assert till.job(Jobs.WEBHOOKS, inbox_id, "state, reason") == ("quarantined", "order")
    assert (till.state(paid.id), till.present(paid.id).transaction_id) == ((PaymentStatus.COMPLETED, NOTHING), key)


def test_a_callback_that_shows_another_secret_than_the_payments_is_quarantined_once_that_is_known(till: Till) -> None:
    """The door refuses it when Toss has told us the secret; this one came before."""
    asked = till.ask()
    till.fakes.toss.begin(asked.order_id, AMOUNT, method="가상계좌", status="WAITING_FOR_DEPOSIT")
    forged = f'{{"createdAt":"","secret":"ps_forged","status":"DONE","orderId":"{asked.order_id}"}}'
    inbox_id = till.keep(Provider.TOSS, forged) or 0
    apply_webhook(inbox_id)
    assert till.job(Jobs.WEBHOOKS, inbox_id, "state, reason") == ("quarantined", "secret")
    assert till.state(asked.id) == (PaymentStatus.PENDING, NOTHING)
    ((known,),) = till.own.sql("SELECT deposit_secret_hash IS NOT NULL FROM payments WHERE id = %s", asked.id)
    assert known, "from now on the door knows"


def test_of_what_is_no_payment_of_ours_each_ends_where_a_person_finds_it(till: Till) -> None:
    """A Stripe event that names nothing but a PaymentIntent is looked up first: it may be one of ours."""
    ours = till.ask(Provider.STRIPE)
    known = till.fakes.stripe.begin(ours.order_id, int(AMOUNT), "KRW", status="succeeded").id
    foreign = till.fakes.stripe.begin("", int(AMOUNT), "KRW", status="succeeded").id

    def charge(intent_id: str) -> str:
        about = f'{{"object":"charge","currency":"krw","payment_intent":"{intent_id}"}}'
        return f'{{"id":"evt_{intent_id}","type":"charge.succeeded","data":{{"object":{about}}}}}'

    bodies = {
        charge(known): ("done", "confirmed", None, ours.id),
        charge(foreign): ("quarantined", None, "unknown-payment", None),
        charge("pi_never"): ("quarantined", None, "unknown-payment", None),
        '{"id":"evt_1","type":"payout.paid"}': ("done", "not-about-a-payment", None, None),
    }
    for body, outcome in bodies.items():
        inbox_id = till.keep(Provider.STRIPE, body) or 0
        apply_webhook(inbox_id)
        assert till.job(Jobs.WEBHOOKS, inbox_id, "state, outcome, reason, payment_id") == outcome
    toss = till.keep(Provider.TOSS, '{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"not-one-of-ours"}}') or 0
    apply_webhook(toss)
    assert till.job(Jobs.WEBHOOKS, toss, "state, reason") == ("quarantined", "unknown-payment")
    assert till.state(ours.id) == (PaymentStatus.COMPLETED, NOTHING)


def test_what_was_quarantined_is_asked_about_again_once_its_cause_is_mended(till: Till) -> None:
    asked = till.ask()
    wrong = till.fakes.toss.begin(asked.order_id, AMOUNT - 1, status="DONE").payment_key
    inbox_id = till.keep(Provider.TOSS, till.events(asked)[0].body) or 0
    apply_webhook(inbox_id)
    till.fakes.toss.become(wrong, "ABORTED")
    till.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE")
    assert quarantine.resolve(till.stores.postgres, [inbox_id], again=True) == {inbox_id}
    till.heal()
    assert till.job(Jobs.WEBHOOKS, inbox_id, "state, outcome, reason") == ("done", "confirmed", None)
    assert till.state(asked.id) == (PaymentStatus.COMPLETED, NOTHING)
