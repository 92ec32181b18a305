"""P8. Whatever happens at a provider, and in whatever order it is heard, asked and stored: the payment ends as the
provider says, and was never anything on the way that no fetched answer justified. On real servers; the same rules are
walked through exhaustively in `tests/unit`.
"""

from itertools import pairwise
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.payment import NOTHING, PaymentStatus, Provider, Snapshot, state_of
from stores import payments
from stores.payments import Payment, Ticket
from tasks.settlement import apply, fetch
from tests.faults.paying import AMOUNT, Till

EXAMPLES: Final = 50
CHANGES: Final = {
    Provider.TOSS: ("DONE", "ABORTED", "WAITING_FOR_DEPOSIT", "EXPIRED", "part", "all"),
    Provider.STRIPE: ("succeeded", "canceled", "processing", "part", "refund fails"),
}
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("changes"), st.integers(0, 5)),
        st.tuples(st.just("delivers"), st.integers(0, 9)),
        st.tuples(st.just("begins"), st.just(0)),
        st.tuples(st.just("replies"), st.integers(0, 9)),
        st.tuples(st.just("commits"), st.integers(0, 9)),
    ),
    min_size=4,
    max_size=16,
)


class Play:
    """One payment, step by step. What a number picks is whatever there is, counted round."""

    def __init__(self, till: Till, provider: Provider) -> None:
        self.till, self.asked = till, till.ask(provider)
        self.transaction_id = begin(till, self.asked)
        self.begun: list[Ticket] = []
        self.replied: list[tuple[Ticket, Snapshot]] = []
        self.justified = {(PaymentStatus.PENDING, NOTHING)}

    def changes(self, number: int) -> None:
        """Something happens at the provider, if it can."""
        words = CHANGES[self.asked.provider]
        happen(self.till, self.asked, self.transaction_id, words[number % len(words)])

    def delivers(self, number: int) -> None:
        """A webhook comes: early, late, again, in any order. Nobody hears the bell yet."""
        if events := self.till.events(self.asked):
            self.till.keep(self.asked.provider, events[number % len(events)].body)

    def begins(self, _: int) -> None:
        """A worker takes a ticket."""
        self.begun.append(payments.take_ticket(self.till.stores.postgres, self.asked.id))

    def replies(self, number: int) -> None:
        """Its reply comes, of what is true now."""
        if self.begun:
            ticket = self.begun.pop(number % len(self.begun))
            self.replied.append((ticket, self.seen(fetch(ticket, self.transaction_id))))

    def commits(self, number: int) -> None:
        """It is stored. Those that are never stored died."""
        if self.replied:
            apply(self.till.stores, *self.replied.pop(number % len(self.replied)))

    def seen(self, snapshot: Snapshot) -> Snapshot:
        self.justified.add(state_of(snapshot))
        return snapshot

    def truth(self) -> Snapshot:
        """What the provider says now."""
        return self.seen(fetch(Ticket(0, self.asked, ()), self.transaction_id))

    def ends(self) -> None:
        """Its last webhook comes at last, and the sweep does what is left."""
        truth = self.truth()
        if events := self.till.events(self.asked):
            self.till.keep(self.asked.provider, events[-1].body + " ")
        self.till.heal()
        told = self.till.told(self.asked.id)
        assert self.till.state(self.asked.id) == state_of(truth)
        assert {(one.status, one.refunded_amount) for one in told} <= self.justified
        assert all(before[1:] != after[1:] for before, after in pairwise(told)), told


def begin(till: Till, asked: Payment) -> str:
    """Somebody begins to pay."""
    if asked.provider is Provider.TOSS:
        return till.fakes.toss.begin(asked.order_id, AMOUNT).payment_key
    return till.fakes.stripe.begin(asked.order_id, int(AMOUNT), "KRW").id


def happen(till: Till, asked: Payment, transaction_id: str, word: str) -> None:
    """A status that the provider gives it, or money that goes back, as far as there is any."""
    toss, stripe = till.fakes.toss, till.fakes.stripe
    if asked.provider is Provider.TOSS:
        (payment,) = toss.payments(asked.order_id)
        can_give = payment.status in ("DONE", "PARTIAL_CANCELED") and payment.balance_amount > 0
        match word:
            case "part" | "all" if can_give:
                part = min(payment.balance_amount, AMOUNT / 4)
                toss.give_back(transaction_id, part if word == "part" else payment.balance_amount)
            case "DONE" | "ABORTED" | "WAITING_FOR_DEPOSIT" | "EXPIRED":
                toss.become(transaction_id, word)
        return
    given_back = stripe.refunds(transaction_id)
    left = int(AMOUNT) - sum(refund.amount for refund in given_back if refund.status != "failed")
    match word:
        case "part" if is_paid(till, transaction_id) and left:
            stripe.give_back(transaction_id, min(left, int(AMOUNT) // 2))
        case "refund fails" if given_back:
            stripe.refund_becomes(given_back[0].id, "failed")
        case "succeeded" | "canceled" | "processing":
            stripe.become(transaction_id, word)


def is_paid(till: Till, intent_id: str) -> bool:
    """Has Stripe a charge of it?"""
    return any('"payment_intent.succeeded"' in event.body for event in till.fakes.stripe.events(intent_id))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(provider=st.sampled_from(Provider), steps=STEPS)
def test_in_whatever_order_all_happens_the_payment_ends_as_its_provider_says(
    till: Till, provider: Provider, steps: list[tuple[str, int]]
) -> None:
    """P8."""
    play = Play(till, provider)
    for step, number in steps:
        getattr(play, step)(number)
    play.ends()
    assert till.faults() == []
