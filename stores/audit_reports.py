"""PostgreSQL: audit_reports, as workers make them. A row is the job; its task's message is but a doorbell (P9, P10).

Who works on a report holds its lock. What he writes counts only while the row says that it is his attempt.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import kwargs_row
from psycopg_pool import ConnectionPool

from domain.audit_report import Language
from domain.report_state import KEPT_DAYS
from stores.errors import postgres_errors
from stores.session_lock import session_lock

RING_S: Final = 15
"""A report that was rung for is left alone for this long, and a ring is worth nothing after it."""
SILENT_S: Final = 5
"""A worker that has said nothing for this long may be dead. If it is not, a ring finds the report locked."""
WAIT_S_MIN: Final = 2
WAIT_S_MAX: Final = 60
BEGIN_ATTEMPT: Final = f"""
    UPDATE audit_reports SET status = 'running', attempts = attempts + 1, progress = 0,
        next_try_at = now() + interval '{SILENT_S} seconds', object_key = 'audit-reports/' || id || '.pdf'
    WHERE id = %s AND status IN ('queued', 'running')
    RETURNING id, event_id, requested_by, language, history_length, history_head, object_key, attempts, created_at
"""  # noqa: S608
MINE: Final = "id = %(id)s AND status = 'running' AND attempts = %(attempt)s"
NOTE_STEP: Final = f"""
    UPDATE audit_reports SET progress = %(progress)s, step = %(step)s,
        next_try_at = now() + interval '{SILENT_S} seconds' WHERE {MINE}"""  # noqa: S608
# The longer it has waited the rarer it is tried.
HAND_BACK: Final = f"""
    UPDATE audit_reports SET status = 'queued', progress = 0, step = %(step)s, cause = %(cause)s,
        attempts = attempts - %(uncounted)s,
        next_try_at = now() + greatest(least((now() - created_at) / 4, interval '{WAIT_S_MAX} seconds'),
            interval '{WAIT_S_MIN} seconds')
    WHERE {MINE}"""  # noqa: S608
FINISH: Final = f"""
    UPDATE audit_reports SET status = 'ready', progress = 1, step = %(step)s, cause = NULL, sha256 = %(sha256)s,
        size_bytes = %(size_bytes)s, expires_at = now() + interval '{KEPT_DAYS} days' WHERE {MINE}"""  # noqa: S608
FAIL: Final = f"""
    UPDATE audit_reports SET status = 'failed', step = %(step)s, cause = %(cause)s WHERE {MINE}"""  # noqa: S608
# Whoever rings leaves word of it: what waits for its turn is not rung for by each sweep.
TAKE_WAITING: Final = f"""
    UPDATE audit_reports SET next_try_at = now() + interval '{RING_S} seconds'
    WHERE id IN (
        SELECT id FROM audit_reports
        WHERE status IN ('queued', 'running') AND next_try_at <= now() AND id > %s
        ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    ) RETURNING id"""  # noqa: S608
EXPIRE: Final = """
    UPDATE audit_reports SET status = 'expired' WHERE id IN (
        SELECT id FROM audit_reports WHERE status = 'ready' AND expires_at <= now()
        ORDER BY expires_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    )"""
SELECT_LEFTOVERS: Final = """
    SELECT id, object_key FROM audit_reports
    WHERE status IN ('failed', 'canceled', 'expired') AND object_key IS NOT NULL AND id > %s ORDER BY id LIMIT %s"""
FORGET_FILE: Final = """
    UPDATE audit_reports SET object_key = NULL WHERE id = %s AND status IN ('failed', 'canceled', 'expired')"""

SELECT_SHA256: Final = "SELECT sha256 FROM audit_reports WHERE id = %s AND event_id = %s"


class Superseded(Exception):
    """The report is somebody else's now, or nobody's: it was canceled, or another worker has begun it anew."""


@dataclass(frozen=True, slots=True)
class Job:
    """A report that is ours to make, in this attempt."""

    id: int
    event_id: int
    requested_by: int
    language: Language
    history_length: int
    """Of the chain as it is pinned."""
    history_head: bytes
    object_key: str
    """Where its file is to be."""
    attempts: int
    created_at: datetime

    def mine(self, **more: object) -> dict[str, object]:
        """Parameters of a statement that counts only in this attempt."""
        return {"id": self.id, "attempt": self.attempts, **more}


def locked(pool: ConnectionPool, report_id: int) -> AbstractContextManager[bool]:
    """Whether this report is ours alone until the end; False while somebody else works on it. Raises Away."""
    return session_lock(pool, "audit_reports", report_id)


def begin(pool: ConnectionPool, report_id: int) -> Job | None:
    """The next attempt at a report that one has locked; None if it needs none any more. Raises Away."""
    with postgres_errors(), pool.connection() as connection, connection.cursor(row_factory=kwargs_row(_job)) as cursor:
        return cursor.execute(BEGIN_ATTEMPT, (report_id,)).fetchone()


def note(pool: ConnectionPool, job: Job, progress: float, step: str) -> None:
    """Tell how far it is. Raises Superseded, Away."""
    _write(pool, NOTE_STEP, job.mine(progress=progress, step=step))


def hand_back(pool: ConnectionPool, job: Job, step: str, cause: str | None, *, counts: bool) -> None:
    """Leave it to be tried again after a while; `counts` if it was its own fault. Raises Superseded, Away."""
    _write(pool, HAND_BACK, job.mine(step=step, cause=cause, uncounted=0 if counts else 1))


def finish(pool: ConnectionPool, job: Job, step: str, sha256: bytes, size_bytes: int) -> None:
    """Its file is there. Raises Superseded, Away."""
    _write(pool, FINISH, job.mine(step=step, sha256=sha256, size_bytes=size_bytes))


def fail(pool: ConnectionPool, job: Job, step: str, cause: str) -> None:
    """It cannot be made. Raises Superseded, Away."""
    _write(pool, FAIL, job.mine(step=step, cause=cause))


def waiting_ids(pool: ConnectionPool, after: int, limit: int) -> list[int]:
    """Reports that wait for a worker or have lost theirs, beyond this id; whoever asks rings for them. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return sorted(row[0] for row in connection.execute(TAKE_WAITING, (after, limit)))


def expire(pool: ConnectionPool, limit: int) -> int:
    """Let so many reports go that were kept long enough; how many there were. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return connection.execute(EXPIRE, (limit,)).rowcount


def leftovers(pool: ConnectionPool, after: int, limit: int) -> list[tuple[int, str]]:
    """Reports that are over, beyond this id, and where a file of each may still be. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        return [(row[0], row[1]) for row in connection.execute(SELECT_LEFTOVERS, (after, limit))]


def forget_file(pool: ConnectionPool, report_id: int) -> None:
    """Note that a report which is over has no file any more. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        connection.execute(FORGET_FILE, (report_id,))


def sha256(pool: ConnectionPool, report_id: int, event_id: int) -> bytes | None:
    """What is on record of the file that was made, also when it is gone; None if none was. Raises Away."""
    with postgres_errors(), pool.connection() as connection:
        row = connection.execute(SELECT_SHA256, (report_id, event_id)).fetchone()
    return row[0] if row else None


def _job(*, language: str, **columns: Any) -> Job:
    return Job(language=Language(language), **columns)


def _write(pool: ConnectionPool, statement: str, parameters: dict[str, object]) -> None:
    with postgres_errors(), pool.connection() as connection:
        if connection.execute(statement, parameters).rowcount == 0:
            raise Superseded
