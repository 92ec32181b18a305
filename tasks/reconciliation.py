"""A day's payments against what their provider lists of it. It tells, and changes nothing."""

from collections.abc import Iterator
from datetime import date

from domain.payment import PaymentStatus, Provider, Snapshot
from domain.reconciliation import Difference, compare, unknown_to_provider, unknown_to_us
from providers import stripe, toss
from providers.errors import ProviderUnknown
from stores import payments
from stores.connections import Stores
from stores.payments import Payment


class Reconciliation:
    """One provider's day."""

    def __init__(self, stores: Stores, provider: Provider, day: date) -> None:
        """Raises Away."""
        self._pool = stores.postgres
        is_toss = provider is Provider.TOSS
        self._fetch_by_order = toss.fetch_by_order if is_toss else stripe.fetch_by_order
        self.listed: list[Snapshot] = list(toss.list_day(day) if is_toss else stripe.list_day(day))
        """What the provider lists, each as it is now."""
        orders = {snapshot.order_id for snapshot in self.listed}
        made = payments.of_day(stores.postgres, provider, day)
        self.unlisted: list[Payment] = [one for one in made if one.order_id not in orders]
        """Ours of that day that it does not list: paid on another day, or not at all."""

    @property
    def count(self) -> int:
        """How many are compared."""
        return len(self.listed) + len(self.unlisted)

    def differences(self) -> Iterator[list[Difference]]:
        """What differs of each, in turn; nothing where all is the same. Raises Away."""
        for snapshot in self.listed:
            ours = payments.of_order(self._pool, snapshot.order_id)
            yield [unknown_to_us(snapshot)] if ours is None else list(compare(ours.expected, snapshot))
        for payment in self.unlisted:
            yield self._differences_of(payment)

    def _differences_of(self, ours: Payment) -> list[Difference]:
        try:
            return list(compare(ours.expected, self._fetch_by_order(ours.order_id)))
        except ProviderUnknown:
            return [] if ours.status is PaymentStatus.PENDING else [unknown_to_provider(ours.expected)]
