"""Stacks of a test run's own: real servers, on fresh data and ports, in a state directory that no other run holds."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from local import record
from local.stack import DEFAULT_STATE, SERVERS, Stack

log = logging.getLogger("local")
RUNS_MAX: Final = 4
"""More at once do not fit one machine."""
WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER", "alone")
"""Which of the processes that share a run this is (`pytest -n 2`): each has stacks of its own."""
# A node of a test lives for seconds or minutes: Java's second compiler would take a third of the time of both cores.
os.environ["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1"


@contextmanager
def fresh_stack(name: str, environ: Mapping[str, str], *services: str) -> Iterator[Stack]:
    """The stores, migrated, and these services. What the caller's shell has of TIMINGLE_* does not count."""
    states = [DEFAULT_STATE / f"{name}-{WORKER}-{run}" for run in range(1, RUNS_MAX + 1)]
    state = next((state for state in states if not record.is_held(state)), states[0])
    with Stack(state, environ, lambda service, what: log.info("%s: %s", service, what), fresh=True) as stack:
        stack.start(*SERVERS, "migrate", *services)
        yield stack
