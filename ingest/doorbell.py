"""Rings for a drain beside the answer: a broker that hangs must not delay a 202, and a lost ring loses nothing."""

import threading
from collections.abc import Callable

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from domain.errors import Away

log = structlog.get_logger()


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
