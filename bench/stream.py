"""The journal as an onlooker sees it: how much waits, when all is stored, what it weighs."""

import time
from collections.abc import Callable
from typing import Any, Final

import redis

from stores.journal import GROUP, STREAM

POLL_S: Final = 0.02
STORED_S_MAX: Final = 600.0
SETTLE_POLL_S: Final = 0.5
SETTLED_S_MAX: Final = 180.0
"""Entries are kept for 20 s, idempotency keys for a minute."""


class Stream:
    """One journal's Redis."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    def close(self) -> None:
        self._redis.close()

    def waiting(self) -> int:
        """Entries that are not acknowledged yet."""
        groups: list[dict[str, Any]] = self._redis.xinfo_groups(STREAM)
        return sum(g["lag"] + g["pending"] for g in groups if g["name"] == GROUP.encode())

    def taken(self) -> int:
        """Entries that were ever taken."""
        info: dict[str, Any] = self._redis.xinfo_stream(STREAM)
        return int(info["entries-added"])

    def wait_stored(self, beside: Callable[[], None] = lambda: None) -> float:
        """Return when all that was taken is stored: that time, of time.monotonic(). TimeoutError after long."""
        limit = time.monotonic() + STORED_S_MAX
        while self.waiting():
            if time.monotonic() > limit:
                raise TimeoutError(f"The journal was not drained within {STORED_S_MAX:.0f} s.")
            beside()
            time.sleep(POLL_S)
        return time.monotonic()

    def settle(self) -> None:
        """Return when all is trimmed, no idempotency key is left to expire, and the file is rewritten to its least."""
        limit = time.monotonic() + SETTLED_S_MAX
        while self._redis.xlen(STREAM) or next(self._redis.scan_iter("once:*", count=1_000), None):
            if time.monotonic() > limit:
                raise TimeoutError(f"The journal was not trimmed within {SETTLED_S_MAX:.0f} s.")
            time.sleep(SETTLE_POLL_S)
        self._redis.bgrewriteaof()
        while self._redis.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(SETTLE_POLL_S)

    def weight(self) -> dict[str, int]:
        """Bytes: all memory in use, the stream's share of it, the append-only file."""
        info: dict[str, Any] = self._redis.info()
        stream: int = self._redis.memory_usage(STREAM, samples=0) or 0
        return {"used": info["used_memory"], "stream": stream, "file": info["aof_current_size"]}
