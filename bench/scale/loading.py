"""Loads a plan through the road: users and events by their calls, messages in bulks, never far ahead of the drain."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.apart import Apart, Start
from bench.load import checked
from bench.scale.plan import BULK_MESSAGES, Plan
from bench.sender import Pace, Sent, send
from bench.stage import Stage, make_events, make_users
from bench.stream import Stream
from bench.wire import bulks
from domain.operations import ENTRY_OPERATIONS_MAX

EVENTS_AT_ONCE: Final = 1_000
CONNECTIONS: Final = 8
WAITING_ENTRIES_MAX: Final = 1_000
"""The sender waits while more than this wait for the drain: a journal that is full would refuse."""
LOOK_EVERY: Final = 20
"""Bulks between two looks at what waits."""
LOOK_S: Final = 1.0
ENTRIES_A_BULK: Final = BULK_MESSAGES // ENTRY_OPERATIONS_MAX


def load(stage: Stage, plan: Plan, file: Path) -> None:
    """Bring a plan to its end, from where it is."""
    if not plan.user_ids:
        stage.show.say(f"making {plan.users:,} users")
        plan.user_ids = make_users(stage, plan.users)
        plan.save(file)
    with stage.show.part("making events", plan.events):
        stage.show.step(by=len(plan.event_ids))
        while (made := len(plan.event_ids)) < plan.events:
            places = range(made, min(made + EVENTS_AT_ONCE, plan.events))
            plan.event_ids += make_events(stage, plan.user_ids, places)
            plan.save(file)
            stage.show.step(by=len(places))
    with stage.show.part("loading messages", plan.messages):
        stage.show.step(by=plan.bulks_done * BULK_MESSAGES)
        if plan.bulks_done < plan.bulks:
            _load_messages(stage, plan, file)


def _load_messages(stage: Stage, plan: Plan, file: Path) -> None:
    first, before_s = plan.bulks_done, plan.loading_s
    taken_before, began = stage.stream.taken(), time.monotonic()
    journal_url = stage.stack.env["TIMINGLE_JOURNAL_URLS"]
    with Apart(send_bulks, stage.port, stage.key, plan, journal_url) as sending:
        sending.prepared()
        sending.go()
        while not sending.is_over(LOOK_S):
            taken = (stage.stream.taken() - taken_before) // ENTRIES_A_BULK - CONNECTIONS
            done = max(plan.bulks_done, first + taken)
            stage.show.step(by=(done - plan.bulks_done) * BULK_MESSAGES)
            plan.bulks_done, plan.loading_s = done, before_s + time.monotonic() - began
            plan.save(file)
        checked(sending.done())
    plan.loading_s = before_s + stage.stream.wait_stored() - began
    plan.bulks_done = plan.bulks
    plan.save(file)


def send_bulks(start: Start, port: int, key: str, plan: Plan, journal_url: str) -> Sent:
    """The bulks that are not done yet. For a process of its own."""
    start()
    with closing(Stream(journal_url)) as stream:
        return send(port, _requests(key, plan, stream), Pace(CONNECTIONS))


def _requests(key: str, plan: Plan, stream: Stream) -> Iterator[bytes]:
    for number in range(plan.bulks_done, plan.bulks):
        while number % LOOK_EVERY == 0 and stream.waiting() > WAITING_ENTRIES_MAX:
            time.sleep(LOOK_S / 50)
        yield from bulks(plan.bulk(number), key, BULK_MESSAGES)
