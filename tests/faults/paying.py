"""Payments of a test's own: rows in PostgreSQL, the fakes of Toss and Stripe, and what a worker does, at hand.

Nobody rings here but the test: what happens, and in what order, is its to say.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import uuid4

import psycopg
from celery import Celery

import providers
import settings
from bench.confirmed_events import make_users
from domain.history_verify import Fault, verify
from domain.payment import NOTHING, PaymentStatus, Provider
from domain.payment_history import PAYMENTS, PaymentState, creation
from domain.payment_ticket import Hint
from providers import ProviderSettings
from providers.http import Pace
from providers.webhooks import parse_stripe, parse_toss
from stores import connections, payments
from stores.connections import Stores
from stores.payments import Payment
from stores.waiting import Jobs
from stores.webhooks_async import INSERT_WEBHOOK, Arrived, row_of
from tasks.payments import apply_confirm, apply_refund, apply_webhook
from tasks.upkeep import ring_for
from tests.addresses import addresses_of
from tests.fakes.control import Fakes, Sent
from tests.fakes.deliveries import sign
from tests.integration.chained import (
    Connection,
    acting,
    chain,
    make_event,
    read_chain,
    read_event,
    read_payments,
    value,
)
from tests.integration.databases import ROOT
from tests.integration.own import Own

AMOUNT: Final = Decimal(12_000)
METHODS: Final = {Provider.TOSS: "CARD", Provider.STRIPE: "STRIPE"}
QUICK: Final = Pace(connect_s=1.0, read_s=0.3, between_s=0.01, breaker_open_s=0.05)
"""What a provider may take here: a test waits for all of it."""
ROUNDS_MAX: Final = 12
"""More than any webhook is looked at."""
INSERT_PAYMENT: Final = """
    INSERT INTO payments (event_id, payer_id, receiver_id, amount, currency, status, payment_method)
    VALUES (%s, %s, %s, %s, 'KRW', 'PENDING', %s) RETURNING id"""
INSERT_CONFIRM: Final = "INSERT INTO payment_confirms (payment_id, payment_key) VALUES (%s, %s) RETURNING id"
INSERT_REFUND: Final = """
    INSERT INTO payment_refunds (payment_id, key, actor_id, amount) VALUES (%s, %s, %s, %s) RETURNING id"""
FREE: Final = "UPDATE {} SET held_until = now(), next_try_at = now() WHERE state = 'waiting'"
COUNT_WAITING: Final = "SELECT count(*) FROM {} WHERE state = 'waiting'"
FORGET: Final = (
    "UPDATE payment_webhooks SET state = 'done', outcome = 'resolved', processed_at = now() WHERE state = 'waiting'",
    "UPDATE payment_confirms SET state = 'failed', cause = 'left', ended_at = now() WHERE state = 'waiting'",
    "UPDATE payment_refunds SET state = 'failed', cause = 'left', ended_at = now() WHERE state = 'waiting'",
)
"""What earlier tests have left."""
WORKER: Final = """
import sys
from worker import app, process
app.loader.import_default_modules()
process.begin()
app.tasks[sys.argv[1]](int(sys.argv[2]))
"""
"""A worker's child that does one task."""
TASKS: Final = {Jobs.WEBHOOKS: apply_webhook, Jobs.CONFIRMS: apply_confirm, Jobs.REFUNDS: apply_refund}


class Told(NamedTuple):
    """What an entry of the history says of a payment."""

    change_type: str
    status: PaymentStatus
    refunded_amount: Decimal


@dataclass(frozen=True)
class Till:
    """An event with somebody who pays and somebody who is paid."""

    own: Own
    fakes: Fakes
    api: Connection
    owner: Connection
    event_id: int
    payer: int
    receiver: int

    @property
    def stores(self) -> Stores:
        return self.own.stores

    def start_over(self) -> None:
        """The fakes know nothing of what was, and send nothing by themselves."""
        self.fakes.reset()
        for fake in (self.fakes.toss, self.fakes.stripe):
            fake.hold()

    def ask(self, provider: Provider = Provider.TOSS, amount: Decimal = AMOUNT) -> Payment:
        """A payment, as POST /payments makes it."""
        with acting(self.api, self.payer):
            row = (self.event_id, self.payer, self.receiver, amount, METHODS[provider])
            payment_id = value(self.api, INSERT_PAYMENT, *row)
            state = PaymentState(payment_id, self.payer, self.receiver, amount, "KRW", NOTHING, PaymentStatus.PENDING)
            chain(self.api, self.event_id, [creation(state)])
        return self.present(payment_id)

    def present(self, payment_id: int) -> Payment:
        """As it stands."""
        return payments.get(self.stores.postgres, payment_id)

    def state(self, payment_id: int) -> tuple[PaymentStatus, Decimal]:
        """How far it has come."""
        present = self.present(payment_id)
        return present.status, present.refunded_amount

    def paid(self, provider: Provider = Provider.TOSS) -> tuple[Payment, str]:
        """A payment that has been paid, and its transaction."""
        asked = self.ask(provider)
        if provider is Provider.TOSS:
            transaction_id = self.fakes.toss.begin(asked.order_id, AMOUNT, status="DONE").payment_key
        else:
            transaction_id = self.fakes.stripe.begin(asked.order_id, int(AMOUNT), "KRW", status="succeeded").id
        self.hear_all(asked)
        assert self.state(asked.id) == (PaymentStatus.COMPLETED, NOTHING)
        return self.present(asked.id), transaction_id

    def events(self, payment: Payment) -> list[Sent]:
        """The webhooks about a payment, in the order in which they came about."""
        if payment.provider is Provider.TOSS:
            return self.fakes.toss.events(payment.order_id)
        known = self.fakes.stripe.events(payment.order_id)
        intents = {json.loads(event.body)["data"]["object"]["id"] for event in known}
        return [event for event in self.fakes.stripe.events() if any(intent in event.body for intent in intents)]

    def keep(self, provider: Provider, body: str) -> int | None:
        """Put a webhook into the inbox, as ingest does; None if it is there already."""
        content = body.encode()
        arrived = Arrived(self.hint(provider, content), content, {}, is_verified=provider is Provider.STRIPE)
        found = self.api.execute(INSERT_WEBHOOK, row_of(self.stores.keys, arrived)).fetchone()
        return None if found is None else int(found[0])

    def hint(self, provider: Provider, body: bytes) -> Hint:
        if provider is Provider.TOSS:
            return parse_toss(body)
        secret = settings.parse(self.own.env).stripe_secrets[0]
        return parse_stripe(body, sign(body, [secret], time.time())["stripe-signature"], [secret])

    def hear(self, payment: Payment, event: Sent) -> None:
        """A webhook comes, and a worker hears the bell."""
        inbox_id = self.keep(payment.provider, event.body)
        if inbox_id is not None:
            apply_webhook(inbox_id)

    def hear_all(self, payment: Payment) -> None:
        """All that were not heard yet."""
        for event in self.events(payment):
            self.hear(payment, event)

    def ask_confirm(self, payment: Payment, payment_key: str) -> int:
        """As POST /payments/{id}/confirm does."""
        with acting(self.api, self.payer):
            return int(value(self.api, INSERT_CONFIRM, payment.id, payment_key))

    def ask_refund(self, payment: Payment, amount: Decimal | int) -> int:
        """As POST /payments/{id}/refund does."""
        with acting(self.api, self.receiver):
            return int(value(self.api, INSERT_REFUND, payment.id, uuid4(), self.receiver, amount))

    def job(self, jobs: Jobs, job_id: int, columns: str = "state, cause") -> tuple[Any, ...]:
        """What has become of a job."""
        (row,) = self.own.sql(f"SELECT {columns} FROM {jobs} WHERE id = %s", job_id)
        return row

    def waiting(self) -> int:
        """How many rows wait."""
        return sum(int(str(self.own.sql(COUNT_WAITING.format(jobs))[0][0])) for jobs in Jobs)

    def free(self) -> None:
        """Time passes: nobody holds anything any more, and all that waits is due."""
        for jobs in Jobs:
            self.own.sql(FREE.format(jobs))

    def sweep(self) -> None:
        """What waits is rung for, and each ring is heard."""
        self.free()
        for jobs, task in TASKS.items():
            ring_for(self.stores, jobs, heard_by(task))

    def heal(self) -> None:
        """As long as anything waits."""
        for _ in range(ROUNDS_MAX):
            if not self.waiting():
                return
            self.sweep()
        raise AssertionError(f"after {ROUNDS_MAX} sweeps there still waits something")

    def told(self, payment_id: int) -> list[Told]:
        """What the event's history says of a payment, oldest first."""
        found = [entry for entry in read_chain(self.owner, self.event_id) if entry.field_name == PAYMENTS]
        entries = [(entry, json.loads(entry.new_value or "")) for entry in found]
        return [
            Told(entry.change_type, PaymentStatus(new["status"]), Decimal(new["refunded_amount"]))
            for entry, new in entries
            if new["payment_id"] == payment_id
        ]

    def faults(self) -> list[Fault]:
        """What is wrong with the event's history, and with what it leads to."""
        event, rows = read_event(self.owner, self.event_id), read_payments(self.owner, self.event_id)
        return verify(read_chain(self.owner, self.event_id), event, None, rows)

    @contextmanager
    def worker(self, jobs: Jobs, job_id: int) -> "Iterator[subprocess.Popen[bytes]]":
        """A process of a worker that does one job; it is killed if it has not ended."""
        command = [sys.executable, "-c", WORKER, TASKS[jobs].name, str(job_id)]
        with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **self.own.env}) as process:
            try:
                yield process
            finally:
                process.kill()


def heard_by(task: Callable[[int], object]) -> Callable[[tuple[int]], object]:
    """A ring that is heard at once."""
    return lambda arguments: task(*arguments)


@contextmanager
def open_till(own: Own, fakes: Fakes) -> Iterator[Till]:
    """A till at a place where nobody else works."""
    for statement in FORGET:
        own.sql(statement)
    with till_of(own, fakes) as made:
        yield made


@contextmanager
def till_of(own: Own, fakes: Fakes) -> Iterator[Till]:
    """A till. The fakes send nothing by themselves, and what this process rings for is heard by nobody."""
    configure(own)
    Celery("till", broker="memory://").set_current()
    with (
        psycopg.connect(own.env["TIMINGLE_POSTGRES_URL"], autocommit=True) as owner,
        psycopg.connect(own.env["TIMINGLE_POSTGRES_API_URL"], autocommit=True) as api,
    ):
        payer, receiver = make_users(owner, 2)
        till = Till(own, fakes, api, owner, make_event(api, receiver, payer), payer, receiver)
        till.start_over()
        yield till
    connections.stores().close()


def configure(own: Own, **others: str) -> None:
    """Let this process work at this place, as a worker's child does after its fork."""
    env = {**own.env, **others}
    given = settings.parse(env)
    connections.configure(addresses_of(env))
    providers.configure(
        ProviderSettings(
            toss_secret_key=given.toss_secret_key,
            toss_base_url=given.toss_base_url,
            stripe_secret_key=given.stripe_secret_key,
            stripe_base_url=given.stripe_base_url,
            pace=QUICK,
        )
    )
