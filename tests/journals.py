"""A journal of a test's own on a real Valkey, and a caller of its functions."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from domain.operations import Create, Operation, encode
from domain.submissions import REPEAT_WINDOW_MS, Receipt, Submission, body_hash, idempotency_key
from local import valkey
from local.probes import LOOPBACK
from local.supervisor import Supervisor
from stores.consumer_group import ConsumerGroup, open_sync
from stores.journal import CLOCK, STREAM, Appended, append_answer, append_call, register
from stores.journal_functions import APPEND, SEED

APP: Final = 1
EVENT: Final = 7
PASSWORD: Final = "secret"
_once: Final = count(1)


def in_database(journal_urls: str, number: int) -> str:
    """The same server, another database: no worker of the stack looks at it."""
    return urlsplit(journal_urls)._replace(path=f"/{number}").geturl()


def said(
    event_id: int = EVENT,
    text: str = "안녕",
    *,
    client_id: str = "",
    actor_id: int | None = 42,
    random: int | None = None,
) -> Submission:
    """A message as ingest hands it over; without a `client_id` it has one of its own."""
    number = next(_once)
    create = Create(event_id, number if random is None else random, actor_id, "민지", "", text, "text")
    return Submission(
        event_id=event_id,
        operation=encode(create),
        creates=True,
        names_seq=0,
        random=create.random,
        idempotency_key=idempotency_key(APP, event_id, actor_id, client_id or f"own-{number}"),
        body_hash=body_hash(text),
        remember_ms=REPEAT_WINDOW_MS,
    )


def asked(operation: Operation, names_seq: int = 0) -> Submission:
    """Anything but a message, as ingest hands it over."""
    key = idempotency_key(APP, operation.event_id, None, f"own-{next(_once)}")
    return Submission(
        operation.event_id, encode(operation), False, names_seq, 0, key, body_hash(operation), REPEAT_WINDOW_MS
    )


class Caller:
    """Calls the journal's functions as ingest does, one call at a time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.redis = open_sync(url)

    def start_anew(self) -> None:
        """An empty journal, with its clock, group and functions."""
        self.redis.flushdb()
        self.redis.set(CLOCK, 0)
        with self.consumer("") as group:
            group.prepare()

    def append(self, *submissions: Submission) -> Appended:
        """Raises SeedNeeded."""
        number, arguments = append_call(submissions)
        return append_answer(self.redis.fcall(APPEND, number, *arguments))

    def seed(self, event_id: int, seq: int = 0, redis_up_s: int = 0) -> list[object]:
        """What `seed` answers."""
        reply: list[object] = self.redis.fcall(SEED, 1, register(event_id), seq, redis_up_s)
        return reply

    def say(self, messages: int, event_id: int = EVENT) -> list[Receipt]:
        """Take so many messages in, each an entry of its own."""
        self.seed(event_id)
        answers = [self.append(said(event_id)).answers[0] for _ in range(messages)]
        return [answer for answer in answers if isinstance(answer, Receipt)]

    @contextmanager
    def consumer(self, name: str) -> "Iterator[ConsumerGroup]":
        """The journal as a process of this name consumes it."""
        group = ConsumerGroup(0, open_sync(self.url), name)
        try:
            yield group
        finally:
            group.close()

    def entries(self) -> list[tuple[str, dict[bytes, bytes]]]:
        """What the stream holds: ids and fields."""
        held: list[Any] = self.redis.execute_command("XRANGE", STREAM, "-", "+")
        return [(entry_id.decode(), fields) for entry_id, fields in held]

    def everything(self) -> dict[object, object]:
        """All that the database holds, to see that nothing was written."""
        return {key: self.redis.dump(key) for key in self.redis.scan_iter()}

    def close(self) -> None:
        self.redis.close()


class OwnValkey:
    """A journal's server of a test's own, which may be filled, restarted and killed."""

    def __init__(self, supervisor: Supervisor, port: int) -> None:
        self._supervisor = supervisor
        self.port = port
        self.url = f"redis://:{PASSWORD}@{LOOPBACK}:{port}/0"

    def restart(self) -> None:
        """Stop it as it likes and start it on what it kept."""
        self._supervisor.stop("journal")
        self._supervisor.start("journal")

    def kill(self) -> None:
        """SIGKILL, and start it on what it kept."""
        self._supervisor.kill("journal")
        self._supervisor.wait_ready("journal")


@contextmanager
def own_valkey(folder: Path) -> Iterator[OwnValkey]:
    """A server with the flags of the stack's journal."""
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    service = valkey.journal(folder / "journal", port, PASSWORD)
    with Supervisor([service], folder / "logs", lambda *_: None, lambda _: None) as supervisor:
        supervisor.start("journal")
        yield OwnValkey(supervisor, port)
