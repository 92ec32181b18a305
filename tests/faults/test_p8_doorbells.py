"""P8. A doorbell of each kind that nobody heard, in the running system: the sweep rings again."""

from contextlib import closing

from domain.payment import NOTHING, PaymentStatus, Provider
from local.stack import Stack
from stores.connections import Stores
from stores.waiting import Jobs
from tests.addresses import addresses_of
from tests.fakes.control import Fakes
from tests.faults.paying import AMOUNT, till_of
from tests.integration.own import Own
from tests.waiting import wait_until


def test_lost_doorbells_of_a_webhook_a_confirm_and_a_refund_lose_nothing(system: Stack, fakes: Fakes) -> None:
    """The rows are stored, and whoever was to ring died: beat, the sweep and the workers do the rest."""
    with closing(Stores(addresses_of(system.env))) as stores, till_of(Own(system.env, stores), fakes) as till:
        paid, _ = till.paid()
        heard, confirmed = till.ask(), till.ask()
        fakes.toss.begin(heard.order_id, AMOUNT, status="DONE")
        key = fakes.toss.begin(confirmed.order_id, AMOUNT).payment_key
        inbox_id = till.keep(Provider.TOSS, till.events(heard)[0].body) or 0
        confirm_id, refund_id = till.ask_confirm(confirmed, key), till.ask_refund(paid, AMOUNT)
        for jobs, job_id in ((Jobs.WEBHOOKS, inbox_id), (Jobs.CONFIRMS, confirm_id), (Jobs.REFUNDS, refund_id)):
            wait_until(f"{jobs} {job_id} is done", lambda: till.job(jobs, job_id, "state") == ("done",))  # noqa: B023
        assert till.state(heard.id) == till.state(confirmed.id) == (PaymentStatus.COMPLETED, NOTHING)
        assert till.state(paid.id) == (PaymentStatus.REFUNDED, AMOUNT)
        assert till.faults() == []
