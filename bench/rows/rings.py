"""(h) Rings a second, the broker's queue, and how late the sweep is, from a trickle to flat out.

Rings and sweeps are counted from the events that the workers and ingest send for Flower.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from celery import Celery

from bench.load import Load, beside, checked
from bench.results import Cell, Section
from bench.stage import Stage
from schedules import SCHEDULES

RATES_PER_S: Final = (200, 1_000, 3_000)
QUEUE: Final = "messages"
"""Celery's name of a queue is its key in Redis."""
LOOK_S: Final = 0.05
RING: Final = "tasks.messages.persist"
SWEEP: Final = "tasks.messages.sweep"
SWEEP_EVERY_S: Final = next(schedule.every_s for schedule in SCHEDULES if schedule.task == SWEEP)
WINDOWS: Final = 2


@dataclass(slots=True)
class Heard:
    """What was seen of the broker over a time."""

    rings: int = 0
    queue_longest: int = 0
    sweeps_at: list[float] = field(default_factory=list)
    """When each sweep began, by its worker's clock."""

    def note(self, event: dict[str, Any]) -> None:
        """One event of Celery's."""
        kind, name = event["type"], event.get("name")
        if kind == "task-sent" and name == RING:
            self.rings += 1
        elif kind == "task-received" and name == SWEEP:
            self.sweeps_at.append(event["timestamp"])

    @property
    def latest_ms(self) -> float | None:
        """How much later than planned the latest sweep came after the one before it."""
        gaps = [b - a for a, b in zip(self.sweeps_at, self.sweeps_at[1:], strict=False)]
        return (max(gaps) - SWEEP_EVERY_S) * 1_000 if gaps else None


def measure(stage: Stage) -> list[Section]:
    """Row h."""
    seconds = stage.sizes.window_s * WINDOWS
    loads = {
        **{f"{rate:,}": stage.singles_load(rate, seconds) for rate in RATES_PER_S},
        "single requests flat out": stage.singles_load(None, seconds),
        "bulks flat out": stage.bulk_load(math.inf, seconds),
    }
    lines: list[tuple[Cell, ...]] = []
    with stage.show.part("h: rings", len(loads)):
        for label, load in loads.items():
            heard, reached = _listen_under(stage, load)
            rings = heard.rings / seconds
            lines.append((label, reached, rings, heard.queue_longest, len(heard.sweeps_at), heard.latest_ms))
            stage.show.step(f"  {label}: {rings:.1f} rings/s, longest queue {heard.queue_longest}")
    section = Section(
        row="h",
        title="rings, the broker's queue, and the sweep",
        about=f"""\
A ring is one Celery task; a sweep is due every {SWEEP_EVERY_S:g} s. {seconds:.0f} s each, single requests
at a fixed rate or as fast as 64 connections go, and bulks of 50.""",
        columns=("messages/s asked", "taken/s", "rings/s", "longest queue", "sweeps", "latest sweep, ms late"),
        lines=list(lines),
    )
    return [section]


def _listen_under(stage: Stage, load: Load) -> tuple[Heard, float]:
    """What was heard under a load, and the messages taken a second."""
    heard = Heard()
    with _listening(stage.settings.broker_url, heard), beside(load) as sending:
        sent = checked(sending.done())
    stage.stream.wait_stored()
    return heard, sent.accepted / sent.seconds


@contextmanager
def _listening(broker_url: str, heard: Heard) -> Iterator[None]:
    """Note events and the queue's length until the context ends."""
    over = threading.Event()
    app = Celery(broker=broker_url)
    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": heard.note})
        # In one go: a receiver that is called again and again hears nothing in between.
        hear = threading.Thread(target=receiver.capture, kwargs={"limit": None, "timeout": None, "wakeup": False})
        look = threading.Thread(target=_look, args=(broker_url, heard, over))
        hear.start()
        look.start()
        try:
            yield
        finally:
            over.set()
            receiver.should_stop = True
            hear.join()
            look.join()


def _look(broker_url: str, heard: Heard, over: threading.Event) -> None:
    with closing(redis.Redis.from_url(broker_url)) as broker:
        while not over.wait(LOOK_S):
            heard.queue_longest = max(heard.queue_longest, int(broker.llen(QUEUE)))
