"""What happens by the clock: one table.

Each job is harmless when doubled, late or missed, so any number of beats may run.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Schedule:
    """One job that beat fires."""

    task: str
    every_s: float
    queue: str
    why: str


SCHEDULES: Final = (
    Schedule(
        task="tasks.messages.sweep",
        every_s=2.0,
        queue="upkeep",
        why="Rings for work that nobody rang for, trims the journal. On `messages` it would wait behind drains.",
    ),
    Schedule(
        task="tasks.events.complete_due",
        every_s=2.0,
        queue="events",
        why="An event is DONE within 5 s of its end (P7): two looks fit in, so one may be missed.",
    ),
    Schedule(
        task="tasks.events.relay_history",
        every_s=2.0,
        queue="events",
        why="Relays what nobody rang for. One relay runs at a time: the other child stays free for DONE.",
    ),
    Schedule(
        task="tasks.events.trim_history",
        every_s=3_600.0,
        queue="upkeep",
        why="Lets go what has been kept for 35 days. A little each hour is nobody's burden.",
    ),
    Schedule(
        task="tasks.upkeep.ring_waiting",
        every_s=2.0,
        queue="upkeep",
        why="Rings for rows that wait: a ring was lost, whoever heard it died, or a report waits for the relay. "
        "Somebody may be watching.",
    ),
    Schedule(
        task="tasks.payments.reconcile_pending",
        every_s=60.0,
        queue="payments",
        why="Asks about payments that no webhook tells of. They have waited for ten minutes: one more is nothing.",
    ),
    Schedule(
        task="tasks.upkeep.trim_inbox",
        every_s=3_600.0,
        queue="upkeep",
        why="Lets webhooks go that have been kept for 400 days. A little each hour is nobody's burden.",
    ),
    Schedule(
        task="tasks.upkeep.trim_idempotency_keys",
        every_s=3_600.0,
        queue="upkeep",
        why="Lets answers to repeated requests go, with the names in them, that have been kept for 24 hours.",
    ),
    Schedule(
        task="tasks.reports.clear",
        every_s=60.0,
        queue="reports",
        why="Lets files go that were kept 30 days, and removes those of canceled reports. Only who serves reports "
        "need reach them.",
    ),
)
