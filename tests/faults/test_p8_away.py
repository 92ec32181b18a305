"""P8, P10. A provider that is away, slow or beside itself: what waits for it stays, and moves once it is well."""

from decimal import Decimal
from typing import Final, get_args

import pytest

from domain.payment import NOTHING, PaymentStatus, Provider
from stores.waiting import Jobs
from tasks.payments import apply_confirm, apply_refund, apply_webhook, reconcile_pending
from tasks.upkeep import RINGS_QUEUED_MAX, ring_for
from tests.fakes.wire import Kind
from tests.faults.paying import AMOUNT, Till, configure
from tests.faults.road import free_port

TRIES: Final = 3
SLOW_S: Final = 0.6
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("provider", Provider)
def test_a_webhook_waits_while_its_provider_cannot_be_asked(till: Till, provider: Provider, kind: Kind) -> None:
    """The row stays, its next try is later, nothing is believed; afterwards it heals by itself."""
    asked = till.ask(provider)
    if provider is Provider.TOSS:
        till.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE")
        till.fakes.toss.fail(kind, TRIES, seconds=SLOW_S)
    else:
        till.fakes.stripe.begin(asked.order_id, int(AMOUNT), "KRW", status="succeeded")
        till.fakes.stripe.fail(kind, TRIES, seconds=SLOW_S)
    (event,) = till.events(asked)
    inbox_id = till.keep(provider, event.body) or 0
    apply_webhook(inbox_id)
    waits = till.job(Jobs.WEBHOOKS, inbox_id, "state, attempts, looks, held_until > now(), next_try_at > now()")
    assert waits == ("waiting", 1, 0, True, True)
    assert till.state(asked.id) == (PaymentStatus.PENDING, NOTHING)
    till.heal()
    assert till.state(asked.id) == (PaymentStatus.COMPLETED, NOTHING)


def test_a_provider_that_is_down_or_of_which_the_key_is_gone_keeps_everything_waiting(till: Till) -> None:
    """A webhook, a confirm and a refund; all three are done when it is back, the refund once."""
    to_confirm = till.ask()
    key = till.fakes.toss.begin(to_confirm.order_id, AMOUNT).payment_key
    paid, paid_key = till.paid()
    heard = till.ask()
    till.fakes.toss.begin(heard.order_id, AMOUNT, status="DONE")
    inbox_id = till.keep(Provider.TOSS, till.events(heard)[0].body) or 0
    confirm_id, refund_id = till.ask_confirm(to_confirm, key), till.ask_refund(paid, 5_000)
    away = [{"TIMINGLE_TOSS_BASE_URL": f"http://127.0.0.1:{free_port()}"}, {"TIMINGLE_TOSS_SECRET_KEY": ""}]
    for others in [*away, {"TIMINGLE_TOSS_SECRET_KEY": "another"}]:
        configure(till.own, **others)
        till.sweep()
        assert till.waiting() == 3
    configure(till.own)
    till.heal()
    assert till.job(Jobs.WEBHOOKS, inbox_id, "state, outcome") == ("done", "confirmed")
    assert till.job(Jobs.CONFIRMS, confirm_id) == ("done", None)
    assert till.job(Jobs.REFUNDS, refund_id) == ("done", None)
    assert till.state(to_confirm.id) == till.state(heard.id) == (PaymentStatus.COMPLETED, NOTHING)
    assert till.fakes.toss.payments(paid.order_id)[0].balance_amount == AMOUNT - 5_000
    assert paid_key


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("kind", ["cut", "lost", "slow", "500"])
def test_a_refund_of_unknown_outcome_is_looked_up_and_done_once(till: Till, provider: Provider, kind: Kind) -> None:
    """P8. Also when the provider has forgotten our key meanwhile, as Stripe does after a day."""
    paid, transaction_id = till.paid(provider)
    fake = till.fakes.toss if provider is Provider.TOSS else till.fakes.stripe
    refund_id = till.ask_refund(paid, 5_000)
    fake.fail(kind, TRIES, method="POST", seconds=SLOW_S)
    apply_refund(refund_id)
    assert till.job(Jobs.REFUNDS, refund_id) == ("waiting", None)
    fake.forget_keys()
    till.heal()
    assert till.job(Jobs.REFUNDS, refund_id) == ("done", None)
    assert till.state(paid.id) == (PaymentStatus.COMPLETED, Decimal(5_000))
    if provider is Provider.TOSS:
        assert till.fakes.toss.payments(paid.order_id)[0].balance_amount == AMOUNT - 5_000
    else:
        assert [refund.amount for refund in till.fakes.stripe.refunds(transaction_id)] == [5_000]


def test_a_refund_that_the_provider_refuses_is_over_and_says_the_cause(till: Till) -> None:
    paid, key = till.paid()
    till.fakes.toss.give_back(key, 10_000)  # by the dashboard, and we have not heard of it
    refund_id = till.ask_refund(paid, 5_000)
    apply_refund(refund_id)
    assert till.job(Jobs.REFUNDS, refund_id) == ("failed", "ProviderRefused/NOT_CANCELABLE_AMOUNT")
    assert till.state(paid.id) == (PaymentStatus.COMPLETED, Decimal(10_000))


def test_a_confirm_that_is_refused_is_over_and_what_came_of_it_is_asked(till: Till) -> None:
    asked = till.ask()
    key = till.fakes.toss.begin(asked.order_id, AMOUNT, refuses="REJECT_CARD_PAYMENT").payment_key
    confirm_id = till.ask_confirm(asked, key)
    apply_confirm(confirm_id)
    assert till.job(Jobs.CONFIRMS, confirm_id) == ("failed", "ProviderRefused/REJECT_CARD_PAYMENT")
    assert till.state(asked.id) == (PaymentStatus.FAILED, NOTHING)


@pytest.mark.parametrize("kind", ["cut", "lost"])
def test_a_confirm_of_unknown_outcome_takes_the_money_once(till: Till, kind: Kind) -> None:
    asked = till.ask()
    key = till.fakes.toss.begin(asked.order_id, AMOUNT).payment_key
    confirm_id = till.ask_confirm(asked, key)
    till.fakes.toss.fail(kind, TRIES, method="POST")
    apply_confirm(confirm_id)
    till.fakes.toss.forget_keys()
    till.heal()
    assert till.job(Jobs.CONFIRMS, confirm_id) == ("done", None)
    assert till.state(asked.id) == (PaymentStatus.COMPLETED, NOTHING)


def test_stripes_intent_is_noted_and_fetched_and_only_if_it_is_of_this_order(till: Till) -> None:
    asked, other = till.ask(Provider.STRIPE), till.ask(Provider.STRIPE)
    intent = till.fakes.stripe.begin(asked.order_id, int(AMOUNT), "KRW", status="succeeded").id
    stolen, own = till.ask_confirm(other, intent), till.ask_confirm(asked, intent)
    apply_confirm(stolen)
    apply_confirm(own)
    assert till.job(Jobs.CONFIRMS, stolen) == ("failed", "Mismatch/order")
    assert till.job(Jobs.CONFIRMS, own) == ("done", None)
    assert till.state(other.id) == (PaymentStatus.PENDING, NOTHING)
    assert (till.state(asked.id), till.present(asked.id).transaction_id) == ((PaymentStatus.COMPLETED, NOTHING), intent)


def test_rows_that_cannot_move_hide_none_behind_them(till: Till) -> None:
    """P10. Page after page of a provider that is away, and then one row of the other."""
    for _ in range(5):
        stuck = till.ask(Provider.STRIPE)
        till.fakes.stripe.begin(stuck.order_id, int(AMOUNT), "KRW", status="succeeded")
        till.keep(Provider.STRIPE, till.events(stuck)[0].body)
    moves = till.ask()
    till.fakes.toss.begin(moves.order_id, AMOUNT, status="DONE")
    till.keep(Provider.TOSS, till.events(moves)[0].body)
    configure(till.own, TIMINGLE_STRIPE_BASE_URL=f"http://127.0.0.1:{free_port()}")
    till.free()
    rung: list[int] = []

    def ring(arguments: tuple[int]) -> None:
        rung.extend(arguments)
        apply_webhook(*arguments)

    ring_for(till.stores, Jobs.WEBHOOKS, ring, page_rows=2)
    assert (len(rung), rung) == (6, sorted(rung))
    assert till.state(moves.id) == (PaymentStatus.COMPLETED, NOTHING)
    assert till.waiting() == 5
    ring_for(till.stores, Jobs.WEBHOOKS, ring, page_rows=2)
    assert len(rung) == 6, "their next try is later"
    configure(till.own)
    till.heal()


def test_rows_that_wait_for_their_turn_are_not_rung_for_again_and_again(till: Till) -> None:
    """Their rings are queued; more of them would only stand before whatever comes next."""
    moves = till.ask()
    till.fakes.toss.begin(moves.order_id, AMOUNT, status="DONE")
    till.keep(Provider.TOSS, till.events(moves)[0].body)
    till.free()
    rung: list[tuple[int]] = []
    ring_for(till.stores, Jobs.WEBHOOKS, rung.append, rings_queued=RINGS_QUEUED_MAX)
    assert rung == []
    ring_for(till.stores, Jobs.WEBHOOKS, rung.append, rings_queued=RINGS_QUEUED_MAX - 1)
    assert len(rung) == 1
    till.heal()


def test_a_payment_of_which_no_webhook_ever_came_is_asked_about(till: Till) -> None:
    """One that cannot be asked about, and one that nobody has begun to pay, hide it no more than it hides them."""
    away, unbegun, paid = till.ask(Provider.STRIPE), till.ask(), till.ask()
    till.fakes.toss.begin(paid.order_id, AMOUNT, status="DONE")
    till.own.sql("UPDATE payments SET next_ask_at = now() + interval '1 day' WHERE event_id <> %s", till.event_id)
    till.own.sql("UPDATE payments SET next_ask_at = now() - id * interval '1 ms' WHERE event_id = %s", till.event_id)
    configure(till.own, TIMINGLE_STRIPE_BASE_URL=f"http://127.0.0.1:{free_port()}")
    reconcile_pending()
    assert till.state(paid.id) == (PaymentStatus.COMPLETED, NOTHING)
    rows = till.own.sql(
        "SELECT id, asks, next_ask_at > now() + interval '9 minutes' FROM payments WHERE event_id = %s ORDER BY id",
        till.event_id,
    )
    assert rows == [(away.id, 0, True), (unbegun.id, 1, True), (paid.id, 1, True)]
    configure(till.own)
