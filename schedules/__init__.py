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
)
