"""Waiting in tests: for a condition, with a limit. The only place that sleeps."""

import time
from collections.abc import Callable
from typing import Final

POLL_S: Final = 0.02
WAIT_S_MAX: Final = 30.0
"""What a busy machine with two cores surely does in time."""


def wait_until(what: str, is_so: Callable[[], object], seconds: float = WAIT_S_MAX) -> None:
    """Return as soon as it is so; fail, saying what was waited for, when it is not in time."""
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit, f"after {seconds} s still not: {what}"
        time.sleep(POLL_S)
