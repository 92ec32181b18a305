"""(k) Webhooks: accepted, and applied with a provider that answers in 20 ms; how late; a burst with nothing lost."""

import time
from collections.abc import Sequence
from typing import Final

from bench.apart import Start, together
from bench.event_stage import Connection, owner
from bench.payers import Payer, ask_for_payments, hint, pay_all, slowed
from bench.results import Cell, Section, percentile
from bench.sender import Pace, SenderError, Sent, send
from bench.stage import Stage

ANSWER_MS: Final = 20
"""What Toss takes within Korea."""
CONNECTIONS: Final = 32
LATE_SHARE: Final = 0.5
"""Of what is applied in a burst: with more, waiting grows without end."""
APPLIED_S_MAX: Final = 1_800.0
LOOK_S: Final = 0.1
COUNT_LEFT: Final = "SELECT count(*) FROM payment_webhooks WHERE state = 'waiting'"
SELECT_SPEED: Final = """
    SELECT (count(*) / extract(epoch FROM max(processed_at) - min(received_at)))::FLOAT8 FROM payment_webhooks
    WHERE order_id = ANY(%s) AND state = 'done'"""
SELECT_LATE_MS: Final = """
    SELECT extract(epoch FROM processed_at - received_at)::FLOAT8 * 1000 FROM payment_webhooks
    WHERE order_id = ANY(%s) AND state = 'done'"""
COUNT_COMPLETED: Final = "SELECT count(*) FROM payments WHERE order_id = ANY(%s) AND status = 'COMPLETED'"


def measure(stage: Stage) -> list[Section]:
    """Row k."""
    sizes = stage.sizes
    with stage.show.part("k: webhooks", 3), owner(stage) as connection, slowed(stage, ANSWER_MS):
        burst = paid(stage, sizes.webhooks)
        accepted = post(stage, burst)
        applied_per_s = wait_applied(connection, burst)
        stage.show.step(f"  {accepted:,.0f} accepted/s, {applied_per_s:,.0f} applied/s")
        lost = len(burst) - completed(connection, burst)
        stage.show.step(f"  of {len(burst):,} in a burst {lost} lost")
        steady = paid(stage, int(sizes.window_s * applied_per_s * LATE_SHARE))
        post(stage, steady, applied_per_s * LATE_SHARE)
        wait_applied(connection, steady)
        late_ms = [float(row[0]) for row in connection.execute(SELECT_LATE_MS, (orders(steady),))]
        stage.show.step(f"  late: p50 {percentile(late_ms, 50):.0f} ms, p99 {percentile(late_ms, 99):.0f} ms")
    if lost:
        raise SenderError(f"{lost} of {len(burst)} webhooks were answered 200 and did not count.")
    return [_section(len(burst), accepted, applied_per_s, late_ms)]


def paid(stage: Stage, count: int) -> list[Payer]:
    """So many payments, made through the API, which the provider has been paid by now; nobody has told us."""
    stage.show.say(f"making {count:,} payments")
    payers = ask_for_payments(stage, count)
    pay_all(stage, payers)
    return payers


def post(stage: Stage, payers: Sequence[Payer], per_second: float | None = None) -> float:
    """Send a hint about each, by a process of its own; how many were accepted a second. Raises SenderError."""
    (done,) = together(_send, [(stage.port, list(payers), per_second)])
    sent = done.value
    if sent.statuses != {200: len(payers)}:
        raise SenderError(f"Some webhooks were refused: {sent.statuses}")
    return sent.requests / sent.seconds


def wait_applied(connection: Connection, payers: Sequence[Payer]) -> float:
    """Wait until all are done with; how many were a second, from the first one's receipt. Raises SenderError."""
    limit = time.monotonic() + APPLIED_S_MAX
    while connection.execute(COUNT_LEFT).fetchone() != (0,):
        if time.monotonic() > limit:
            raise SenderError(f"After {APPLIED_S_MAX:.0f} s webhooks still wait.")
        time.sleep(LOOK_S)
    row = connection.execute(SELECT_SPEED, (orders(payers),)).fetchone()
    return float(row[0]) if row and row[0] else 0.0


def completed(connection: Connection, payers: Sequence[Payer]) -> int:
    """How many payments are what the provider says."""
    row = connection.execute(COUNT_COMPLETED, (orders(payers),)).fetchone()
    return int(row[0]) if row else 0


def orders(payers: Sequence[Payer]) -> list[str]:
    """What the provider knows them by."""
    return [payer.order_id for payer in payers]


def _send(start: Start, port: int, payers: Sequence[Payer], per_second: float | None) -> Sent:
    requests = [hint(payer) for payer in payers]
    start()
    return send(port, requests, Pace(CONNECTIONS, per_second=per_second))


def _section(count: int, accepted: float, applied: float, late_ms: list[float]) -> Section:
    p50, p99 = percentile(late_ms, 50), percentile(late_ms, 99)
    line: Sequence[Cell] = (count, accepted, applied, p50, p99, 0)
    return Section(
        row="k",
        title="webhooks accepted and applied a second",
        about=f"""\
{count:,} webhooks of Toss about as many payments, in a burst over {CONNECTIONS} connections: each is stored before it
is answered. Then the provider is asked (a fake that answers in {ANSWER_MS} ms), and payment, history entry and chat
follow, by the two children on queue `payments`. Lateness is from receipt to state, at {LATE_SHARE:.0%} of the rate that
is applied in the burst.""",
        columns=("webhooks", "accepted/s", "applied/s", "p50 ms", "p99 ms", "lost"),
        lines=[line],
        samples={"late ms": late_ms},
    )
