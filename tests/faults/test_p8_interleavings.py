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
DIES: Final = 2
"""The worker that dies with its reply in hand, and its ticket with it."""
HAPPENINGS: Final = st.tuples(
    st.permutations(["changes"] * 4 + ["delivers"] * 4 + [0, 0, 0, 1, 1, 1, DIES, DIES]),
    st.lists(st.integers(0, 59), min_size=8, max_size=8),
)
"""What happens in which order, a worker's number once for each step of its own; and what becomes, or is delivered."""


class Play:
    """One payment, step by step."""

    def __init__(self, till: Till, provider: Provider, picks: list[int]) -> None:
        till.start_over()
        self.till, self.asked, self.picks = till, till.ask(provider), picks
        self.transaction_id = begin(till, self.asked)
        self.workers: dict[int, tuple[Ticket, Snapshot | None]] = {}
        self.justified = {(PaymentStatus.PENDING, NOTHING)}
        self.applied, self.expected = 0, (PaymentStatus.PENDING, NOTHING)

    def changes(self) -> None:
        """Something happens at the provider, if it can."""
        words = CHANGES[self.asked.provider]
        happen(self.till, self.asked, self.transaction_id, words[self.picks.pop() % len(words)])

    def delivers(self) -> None:
        """A webhook comes: early, late, again, in any order. Nobody hears the bell yet."""
        pick = self.picks.pop()
        if events := self.till.events(self.asked):
            self.till.keep(self.asked.provider, events[pick % len(events)].body)

    def steps(self, number: int) -> None:
        """A worker takes its ticket; then its reply comes, of what is true now; then it stores that."""
        match self.workers.get(number):
            case None:
                self.workers[number] = (payments.take_ticket(self.till.stores.postgres, self.asked.id), None)
            case (ticket, None):
                self.workers[number] = (ticket, self.seen(fetch(ticket, self.transaction_id)))
            case (ticket, reply):
                apply(self.till.stores, ticket, reply)
                if ticket.number > self.applied:
                    self.applied, self.expected = ticket.number, state_of(reply)
                assert self.till.state(self.asked.id) == self.expected, "an older reply does not undo a newer one"

    def seen(self, snapshot: Snapshot) -> Snapshot:
        self.justified.add(state_of(snapshot))
        return snapshot

    def ends(self) -> None:
        """Its last webhook comes at last, and the sweep does what is left."""
        truth = self.seen(fetch(Ticket(0, self.asked, ()), self.transaction_id))
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
@given(provider=st.sampled_from(Provider), happenings=HAPPENINGS)
def test_in_whatever_order_all_happens_the_payment_ends_as_its_provider_says(
    till: Till, provider: Provider, happenings: tuple[list[str | int], list[int]]
) -> None:
    """P8."""
    order, picks = happenings
    play = Play(till, provider, list(picks))
    for what in order:
        match what:
            case "changes":
                play.changes()
            case "delivers":
                play.delivers()
            case int(number):
                play.steps(number)
    play.ends()
    assert till.faults() == []
