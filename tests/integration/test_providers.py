"""The clients of Toss and Stripe, against fakes that are real servers: what they say is understood, and what befalls a
call ends as an answer, a no, or "try again"."""

import logging
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

import pytest

import providers
from domain.korea import KOREA
from domain.money import Money
from domain.payment import NOTHING, PaymentStatus, Provider, Snapshot, state_of
from providers import ProviderSettings, stripe, toss
from providers.errors import ProviderAway, ProviderRefused, ProviderUnknown
from providers.http import BREAKER_FAILURES_MAX, TRIES_MAX, Pace
from tests.fakes.control import Fake, Fakes
from tests.fakes.running import KEYS, running_fakes
from tests.fakes.wire import Kind
from tests.waiting import wait_until

QUICK = Pace(connect_s=1.0, read_s=0.3, between_s=0.01, breaker_open_s=0.2)
WON, DOLLARS = Money(Decimal("12000.00"), "KRW"), Money(Decimal("9.90"), "USD")
PART = Money(Decimal("5000.00"), "KRW")


@pytest.fixture(scope="module")
def running() -> Iterator[Fakes]:
    with running_fakes() as fakes:
        yield fakes


def configure(url: str, *, toss_key: str = KEYS["TIMINGLE_TOSS_SECRET_KEY"]) -> None:
    """A fresh breaker too."""
    providers.configure(ProviderSettings(toss_key, url, KEYS["TIMINGLE_STRIPE_SECRET_KEY"], url, QUICK))


@pytest.fixture
def fakes(running: Fakes) -> Iterator[Fakes]:
    running.reset()
    configure(running.url)
    yield running
    configure(running.url)  # ends the connections of this test


def order() -> str:
    return f"order-{uuid4().hex}"


def paid_by_toss(fakes: Fakes) -> str:
    return fakes.toss.begin(order(), 12_000, status="DONE").payment_key


def paid_by_stripe(fakes: Fakes) -> str:
    return fakes.stripe.begin(order(), 990, "USD", status="succeeded").id


def test_toss_confirms_our_sum_for_our_order_once(fakes: Fakes) -> None:
    begun = fakes.toss.begin(order(), 12_000, metadata={"receiver_id": "7"})
    assert state_of(toss.fetch_by_order(begun.order_id))[0] is PaymentStatus.PENDING
    with pytest.raises(ProviderRefused, match="INVALID_REQUEST"):
        toss.confirm(begun.payment_key, begun.order_id, PART, uuid4())
    with pytest.raises(ProviderUnknown, match="NOT_FOUND_PAYMENT_SESSION"):
        toss.confirm(begun.payment_key, order(), WON, uuid4())
    key = uuid4()
    said = toss.confirm(begun.payment_key, begun.order_id, WON, key)
    assert (said.provider_status, said.amount, said.approved, said.receiver_id) == ("DONE", WON.amount, True, "7")
    assert toss.confirm(begun.payment_key, begun.order_id, WON, key) == said, "said again it is the same"
    with pytest.raises(ProviderRefused, match="ALREADY_PROCESSED_PAYMENT"):
        toss.confirm(begun.payment_key, begun.order_id, WON, uuid4())
    assert toss.fetch_by_transaction(begun.payment_key) == toss.fetch_by_order(begun.order_id) == said


def test_a_card_that_is_declined_is_a_no_with_the_providers_code(fakes: Fakes) -> None:
    begun = fakes.toss.begin(order(), 12_000, refuses="REJECT_CARD_PAYMENT")
    with pytest.raises(ProviderRefused, match="REJECT_CARD_PAYMENT"):
        toss.confirm(begun.payment_key, begun.order_id, WON, uuid4())
    assert state_of(toss.fetch_by_order(begun.order_id))[0] is PaymentStatus.FAILED


def test_the_order_is_what_its_last_try_came_to(fakes: Fakes) -> None:
    first = fakes.toss.begin(order(), 12_000)
    fakes.toss.become(first.payment_key, "ABORTED")
    second = fakes.toss.begin(first.order_id, 12_000, status="DONE")
    assert toss.fetch_by_order(first.order_id).transaction_id == second.payment_key


def test_a_deposit_waits_and_tells_its_secret_and_can_be_canceled_before_it_comes(fakes: Fakes) -> None:
    begun = fakes.toss.begin(order(), 12_000, method="가상계좌")
    said = toss.confirm(begun.payment_key, begun.order_id, WON, uuid4())
    assert (said.provider_status, said.secret, state_of(said)) == (
        "WAITING_FOR_DEPOSIT",
        begun.secret,
        (PaymentStatus.PENDING, NOTHING),
    )
    fakes.toss.give_back(begun.payment_key, 12_000)
    assert state_of(toss.fetch_by_order(begun.order_id)) == (PaymentStatus.FAILED, NOTHING)


def test_toss_gives_back_once_for_a_key_and_the_key_is_found_later(fakes: Fakes) -> None:
    """P8. It is known for 15 days as Idempotency-Key, and for good in the reason: by that it is looked up."""
    payment_key, key = paid_by_toss(fakes), uuid4()
    first = toss.refund(payment_key, PART, key, "마음이 바뀌었어요 " * 50)
    assert (first.key, first.amount, first.is_failed) == (str(key), PART.amount, False)
    assert toss.refund(payment_key, PART, key, "마음이 바뀌었어요 " * 50) == first
    fakes.toss.forget_keys()
    said = toss.fetch_by_transaction(payment_key)
    assert said.refunds == (first,)
    assert state_of(said) == (PaymentStatus.COMPLETED, PART.amount)
    with pytest.raises(ProviderRefused, match="NOT_CANCELABLE_AMOUNT"):
        toss.refund(payment_key, WON, uuid4(), "")
    fakes.toss.give_back(payment_key, 7_000)
    said = toss.fetch_by_transaction(payment_key)
    assert [refund.key for refund in said.refunds] == [str(key), None], "one was not asked for by us"
    assert state_of(said) == (PaymentStatus.REFUNDED, WON.amount)


def test_stripe_gives_back_once_for_a_key_and_a_refund_can_fail_days_later(fakes: Fakes) -> None:
    """P8."""
    intent_id, key = paid_by_stripe(fakes), uuid4()
    done = stripe.refund(intent_id, DOLLARS, key, "")
    assert (done.key, done.amount, done.is_failed) == (str(key), Decimal("9.90"), False)
    assert stripe.refund(intent_id, DOLLARS, key, "") == done
    assert state_of(stripe.fetch_by_transaction(intent_id)) == (PaymentStatus.REFUNDED, Decimal("9.90"))
    with pytest.raises(ProviderRefused, match="charge_already_refunded"):
        stripe.refund(intent_id, DOLLARS, uuid4(), "")
    fakes.stripe.refund_becomes(done.provider_refund_id, "failed")
    said = stripe.fetch_by_transaction(intent_id)
    assert (state_of(said), said.refunds[0].is_failed) == ((PaymentStatus.COMPLETED, NOTHING), True)
    fakes.stripe.give_back(intent_id, 330, "pending")
    assert state_of(stripe.fetch_by_transaction(intent_id)) == (PaymentStatus.COMPLETED, Decimal("3.30"))


def test_more_refunds_than_stripe_shows_at_once_are_all_counted(fakes: Fakes) -> None:
    intent_id = paid_by_stripe(fakes)
    for _ in range(12):
        fakes.stripe.give_back(intent_id, 10)
    said = stripe.fetch_by_transaction(intent_id)
    assert (len(said.refunds), said.refunded_amount) == (12, Decimal("1.20"))


def test_an_order_at_stripe_is_found_by_the_try_that_succeeded_else_by_the_last(fakes: Fakes) -> None:
    order_id = order()
    with pytest.raises(ProviderUnknown):
        stripe.fetch_by_order(order_id)
    first = fakes.stripe.begin(order_id, 990, "USD", metadata={"receiver_id": "7"})
    found = stripe.fetch_by_order(order_id)
    assert (found.transaction_id, found.order_id, found.receiver_id) == (first.id, order_id, "7")
    fakes.stripe.become(first.id, "succeeded")
    fakes.stripe.begin(order_id, 990, "USD")
    assert stripe.fetch_by_order(order_id).transaction_id == first.id


def test_won_has_no_smaller_unit_at_stripe_and_a_currency_that_is_not_taken_is_shown_as_it_is(fakes: Fakes) -> None:
    by_currency = {
        currency: stripe.fetch_by_transaction(fakes.stripe.begin(order(), 12_000, currency).id)
        for currency in ("KRW", "USD", "KWD")
    }
    assert [said.amount for said in by_currency.values()] == [12_000, 120, 12_000]
    assert [said.currency for said in by_currency.values()] == ["KRW", "USD", "KWD"]


def test_a_day_lists_what_was_made_and_what_was_given_back(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pages smaller than the day."""
    monkeypatch.setattr(toss, "PAGE", 2)
    monkeypatch.setattr(stripe, "PAGE", 2)
    today = datetime.now(KOREA).date()
    by_toss = {paid_by_toss(fakes) for _ in range(3)}
    fakes.toss.give_back(min(by_toss), 5_000)
    by_stripe = {paid_by_stripe(fakes) for _ in range(5)}
    listed: list[Snapshot] = [*toss.list_day(today), *stripe.list_day(today)]
    assert sorted(said.transaction_id for said in listed) == sorted(by_toss | by_stripe)
    assert [*toss.list_day(today.replace(year=2020)), *stripe.list_day(today.replace(year=2020))] == []


def fake_of(fakes: Fakes, provider: Provider) -> Fake:
    return fakes.toss if provider is Provider.TOSS else fakes.stripe


def fetch(provider: Provider, transaction_id: str) -> Snapshot:
    by_provider = {Provider.TOSS: toss.fetch_by_transaction, Provider.STRIPE: stripe.fetch_by_transaction}
    return by_provider[provider](transaction_id)


def paid(fakes: Fakes, provider: Provider) -> str:
    return paid_by_toss(fakes) if provider is Provider.TOSS else paid_by_stripe(fakes)


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("kind", ["429", "500", "cut", "lost"])
def test_what_passes_at_once_is_tried_again_at_once(fakes: Fakes, provider: Provider, kind: Kind) -> None:
    transaction_id, fake = paid(fakes, provider), fake_of(fakes, provider)
    fake.fail(kind, TRIES_MAX - 1)
    assert fetch(provider, transaction_id).approved
    assert fake.calls == TRIES_MAX


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize(
    ("kind", "calls", "code"),
    [
        ("429", TRIES_MAX, "429"),
        ("500", TRIES_MAX, "500"),
        ("cut", TRIES_MAX, "RemoteProtocolError"),
        ("lost", TRIES_MAX, "RemoteProtocolError"),
        ("slow", 1, "ReadTimeout"),
        ("html", 1, "no-answer-of-its-own"),
    ],
)
def test_what_does_not_pass_is_left_to_the_sweep_and_slowness_at_once(
    fakes: Fakes, provider: Provider, kind: Kind, calls: int, code: str
) -> None:
    transaction_id, fake = paid(fakes, provider), fake_of(fakes, provider)
    fake.fail(kind, TRIES_MAX, seconds=QUICK.read_s * 2)
    with pytest.raises(ProviderAway) as raised:
        fetch(provider, transaction_id)
    assert (raised.value.code, fake.calls) == (code, calls)


def test_a_refund_whose_answer_was_cut_is_asked_for_again_with_its_key_and_done_once(fakes: Fakes) -> None:
    """P8."""
    payment_key, intent_id = paid_by_toss(fakes), paid_by_stripe(fakes)
    for fake in (fakes.toss, fakes.stripe):
        fake.fail("cut", 1, method="POST")
    toss.refund(payment_key, PART, uuid4(), "")
    stripe.refund(intent_id, Money(Decimal("3.30"), "USD"), uuid4(), "")
    assert toss.fetch_by_transaction(payment_key).refunded_amount == 5_000
    assert stripe.fetch_by_transaction(intent_id).refunded_amount == Decimal("3.30")


def test_a_provider_that_fails_and_fails_is_not_asked_for_a_while_and_then_once(fakes: Fakes) -> None:
    """The other one is."""
    payment_key, intent_id = paid_by_toss(fakes), paid_by_stripe(fakes)
    fakes.toss.fail("500", BREAKER_FAILURES_MAX)
    for _ in range(3):
        with pytest.raises(ProviderAway):
            toss.fetch_by_transaction(payment_key)
    asked = fakes.toss.calls
    assert asked == BREAKER_FAILURES_MAX
    with pytest.raises(ProviderAway) as raised:
        toss.fetch_by_transaction(payment_key)
    assert (raised.value.code, raised.value.retry_after_s) == ("breaker-open", QUICK.breaker_open_s)
    assert fakes.toss.calls == asked
    assert stripe.fetch_by_transaction(intent_id).approved
    wait_until("the breaker lets a call through", lambda: is_answered(payment_key))


def is_answered(payment_key: str) -> bool:
    try:
        return toss.fetch_by_transaction(payment_key).approved
    except ProviderAway:
        return False


def test_a_no_is_no_failure_of_the_provider(fakes: Fakes) -> None:
    payment_key = paid_by_toss(fakes)
    for _ in range(BREAKER_FAILURES_MAX + 1):
        with pytest.raises(ProviderUnknown):
            toss.fetch_by_transaction("no-such-key")
        with pytest.raises(ProviderRefused):
            toss.refund(payment_key, Money(Decimal(12_001), "KRW"), uuid4(), "")
    assert toss.fetch_by_transaction(payment_key).approved


def test_a_wrong_key_and_no_key_are_no_payments_fault(fakes: Fakes) -> None:
    payment_key = paid_by_toss(fakes)
    for key, code in (("another", "401"), ("", "no-key")):
        configure(fakes.url, toss_key=key)
        with pytest.raises(ProviderAway) as raised:
            toss.fetch_by_transaction(payment_key)
        assert raised.value.code == code


def test_a_provider_that_is_not_there_is_away(fakes: Fakes) -> None:
    configure("http://127.0.0.1:1")
    with pytest.raises(ProviderAway, match="ConnectError"):
        toss.fetch_by_order(order())


def test_an_id_from_outside_leads_to_no_other_call(fakes: Fakes) -> None:
    """Whatever a webhook or an app names is quoted into the path."""
    for name in ("../transactions", "a/cancel", "a?b=c", "a#b", "%2e%2e", "결제"):
        with pytest.raises(ProviderUnknown):
            toss.fetch_by_transaction(name)
        with pytest.raises(ProviderUnknown):
            stripe.fetch_by_transaction(name)


def test_no_log_line_and_no_error_names_a_payment_or_a_key(fakes: Fakes, caplog: pytest.LogCaptureFixture) -> None:
    """P11. httpx logs every URL unless it is told not to."""
    caplog.set_level(logging.DEBUG)
    payment_key = paid_by_toss(fakes)
    caplog.clear()
    toss.fetch_by_transaction(payment_key)
    told = [record for record in caplog.records if record.name.split(".")[0] in ("httpx", "httpcore")]
    assert told == []
    failing: Kind
    for failing in ("html", "500", "lost"):
        fakes.toss.fail(failing, TRIES_MAX)
        with pytest.raises(ProviderAway) as raised:
            toss.fetch_by_transaction(payment_key)
        assert payment_key not in str(raised.value)
        assert raised.value.__suppress_context__
