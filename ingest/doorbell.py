"""Rings beside the answer: a broker that hangs must not delay it, and a lost ring loses nothing."""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Final

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from domain.errors import Away

log = structlog.get_logger()

ROW_RINGS_MAX: Final = 10_000
"""Rings that wait for the broker. Beyond that they are dropped: the sweep rings for whatever waits."""

RowTask = Callable[[tuple[int]], object]
"""Sends a task about one row: its `apply_async`."""


class Doorbell:
    """A thread that rings. While one ring is under way, however many are asked for become one more."""

    def __init__(self, ring: Callable[[], object], app: Celery) -> None:
        self._ring = ring
        self._app = app
        self._asked = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Ask for a ring, and return at once."""
        self._asked.set()

    def check(self) -> None:
        """Does the broker answer? Raises Away."""
        try:
            with self._app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, timeout=2)
        except (OperationalError, OSError) as error:
            raise Away("the broker", type(error).__name__) from None

    def close(self) -> None:
        """End the thread, unless it hangs: then it ends with the process."""
        self._closed = True
        self._asked.set()
        self._thread.join(timeout=1)

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._closed:
                return
            try:
                self._ring()
            except (OperationalError, OSError) as error:
                # Nothing to retry: the sweep rings for whatever waits.
                log.warning("the broker did not take a ring", action="ring_lost", code=type(error).__name__)


class RowBell:
    """A thread that rings for rows, each by its id. What the broker does not take at once is left to the sweep."""

    def __init__(self) -> None:
        self._asked: queue.Queue[tuple[RowTask, int] | None] = queue.Queue(ROW_RINGS_MAX)
        self._thread = threading.Thread(target=self._run, name="row-bell", daemon=True)
        self._thread.start()

    def ring(self, task: RowTask, row_id: int) -> None:
        """Ask for a ring about a row that is committed, and return at once."""
        try:
            self._asked.put_nowait((task, row_id))
        except queue.Full:
            log.debug("a ring is left to the sweep", action="ring_dropped")

    def close(self) -> None:
        """End the thread, unless it hangs: then it ends with the process."""
        self._empty()
        self._asked.put(None)
        self._thread.join(timeout=1)

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            task, row_id = asked
            try:
                task((row_id,))
            except (OperationalError, OSError) as error:
                # Those behind it would each wait as long, and be late for those who come when the broker is back.
                log.warning("the broker did not take a ring", action="ring_lost", code=type(error).__name__)
                self._empty()

    def _empty(self) -> None:
        """Forget who waits."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._asked.get_nowait()
