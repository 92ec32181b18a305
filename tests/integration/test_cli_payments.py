"""`timingle payments` as an operator calls it, and what `timingle audit` and `timingle health` tell of payments."""

from collections.abc import Iterator

import pytest

from cli.exit_codes import ExitCode
from domain.history_verify import FaultKind
from domain.korea import KOREA
from domain.payment import Provider
from local.stack import Stack
from stores.waiting import Jobs
from tasks.audit import audit
from tasks.payments import apply_webhook
from tests.fakes.control import Fakes
from tests.faults.paying import AMOUNT, Till, open_till
from tests.integration.chained import value
from tests.integration.own import Own, own_place, rows_of
from tests.integration.tampering import unguarded

CANARY = "010-1234-5678"


@pytest.fixture(scope="module")
def place(stack: Stack) -> Iterator[Own]:
    """Of this module's own: a day's payments are all of them."""
    with own_place(stack.env) as made:
        yield made


@pytest.fixture
def till(place: Own, fakes: Fakes) -> Iterator[Till]:
    with open_till(place, fakes) as made:
        yield made


def quarantined(till: Till) -> int:
    """A webhook of a payment that came with another amount; its body holds personal data."""
    asked = till.ask()
    till.fakes.toss.begin(asked.order_id, AMOUNT - 1, status="DONE")
    body = till.events(asked)[0].body.replace('"orderName":', f'"customerMobilePhone":"{CANARY}","orderName":')
    inbox_id = till.keep(Provider.TOSS, body) or 0
    apply_webhook(inbox_id)
    return inbox_id


def test_a_day_is_compared_with_what_each_provider_lists_of_it(till: Till) -> None:
    """P8. What differs is named by its kind, and the exit code tells a script."""
    day = str(value(till.owner, "SELECT (now() AT TIME ZONE 'Asia/Seoul')::date"))
    paid, key = till.paid()
    by_stripe, intent = till.paid(Provider.STRIPE)
    till.ask()  # nobody has begun to pay it: no difference
    agreed = till.own.timingle("payments", "reconcile", "--day", day)
    assert (agreed.returncode, agreed.stdout.splitlines()[-1]) == (ExitCode.DONE, "0 differ.")
    assert f"TOSS, {day}: 1 listed, 1 more of ours" in agreed.stdout
    till.fakes.toss.give_back(key, 2_000)
    till.fakes.stripe.give_back(intent, int(AMOUNT))
    till.fakes.toss.begin("not-one-of-ours", 500, status="DONE")
    unheard = till.ask()
    till.fakes.toss.begin(unheard.order_id, AMOUNT - 1, status="DONE")
    ended = till.own.timingle("payments", "reconcile", "--day", day)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (ExitCode.DIFFERENT, "4 differ.")
    found = [line.strip().split("  ")[0] for line in ended.stdout.splitlines()]
    for kind in ("refunded amount", "state", "unknown to us", "not what was asked for"):
        assert kind in found, ended.stdout
    one = till.own.timingle("payments", "reconcile", "--day", day, "--provider", "stripe")
    assert (one.returncode, str(by_stripe.id) in one.stdout, paid.order_id in one.stdout) == (
        ExitCode.DIFFERENT,
        True,
        False,
    )


def test_a_payment_that_the_provider_has_never_heard_of_differs(till: Till) -> None:
    paid, _ = till.paid()
    till.fakes.reset()
    ended = till.own.timingle("payments", "reconcile", "--day", f"{paid.created_at.astimezone(KOREA):%Y-%m-%d}")
    assert ended.returncode == ExitCode.DIFFERENT
    assert "unknown to the provider" in ended.stdout


def test_what_was_quarantined_is_listed_and_shown_by_ids_and_its_body_only_on_demand(till: Till) -> None:
    """P11."""
    inbox_id = quarantined(till)
    table = till.own.output_of("payments", "quarantine", "list")
    assert rows_of(table)[0][:4] == [str(inbox_id), "amount", "TOSS", "PAYMENT_STATUS_CHANGED"]
    shown = till.own.output_of("payments", "quarantine", "show", str(inbox_id))
    assert CANARY not in table + shown
    ended = till.own.timingle("payments", "quarantine", "show", str(inbox_id), "--payload")
    assert (CANARY in ended.stdout, "personal data" in ended.stderr) == (True, True)
    health = till.own.output_of("health")
    assert "payments: webhook, quarantined (amount)" in health


def test_what_was_looked_at_is_resolved_or_waits_again_and_nothing_else_can_be(till: Till) -> None:
    looked_at, mended = quarantined(till), quarantined(till)
    assert till.own.output_of("payments", "quarantine", "resolve", str(looked_at)) == "1 resolved\n"
    assert till.own.output_of("payments", "quarantine", "resolve", "--again", str(mended)) == "1 wait again\n"
    assert till.job(Jobs.WEBHOOKS, looked_at, "state, outcome, reason") == ("done", "resolved", "amount")
    assert till.job(Jobs.WEBHOOKS, mended, "state, outcome, reason") == ("waiting", None, None)
    code, line = till.own.failure_of("payments", "quarantine", "resolve", str(looked_at))
    assert (code, f"No quarantined webhook {looked_at}" in line) == (ExitCode.FAILED, True)


@pytest.mark.parametrize(
    "change", ["status = 'REFUNDED'", "refunded_amount = 1", "amount = 1", "receiver_id = payer_id"]
)
def test_a_payment_that_an_administrator_altered_is_found_by_its_events_history(till: Till, change: str) -> None:
    """P6, P8. With all triggers off."""
    paid, _ = till.paid()
    _, whole = audit(till.stores, till.event_id, {})
    assert whole == []
    with unguarded(till.owner):
        till.owner.execute(f"UPDATE payments SET {change} WHERE id = %s", [paid.id])
    _, findings = audit(till.stores, till.event_id, {})
    assert {(fault.kind, fault.detail) for _, fault in findings} == {(FaultKind.PRESENT_ROW, f"payment {paid.id}")}
