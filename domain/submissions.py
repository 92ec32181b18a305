"""What ingest hands to the journal, and what the journal answers."""

from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Final, NamedTuple

from domain.ids import MessageId
from domain.operations import encode

REPEAT_WINDOW_MS: Final = 10 * 60 * 1_000
"""How long a client_id is remembered (P2): longer than an app retries one request."""
RESEND_WINDOW_MS: Final = 60 * 1_000
"""How long an id of ingest's own is remembered: it serves only ingest's one resend, seconds later."""
REPEAT_WINDOW_SYSTEM_MS: Final = 7 * 24 * 3_600 * 1_000
"""How long a system message's client_id is remembered: a relay that was down for days says it once."""


class Submission(NamedTuple):
    """One operation on its way into the journal."""

    event_id: int
    operation: bytes
    creates: bool
    """It makes a message and takes a seq."""
    names_seq: int
    """The seq of the message that it names, 0 if none: one beyond the event's last is refused."""
    random: int
    """The random bits of the new message's id; 0 if it makes none."""
    idempotency_key: str
    body_hash: bytes
    """16 bytes; the same key with another hash is a conflict."""
    remember_ms: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """An operation that was taken: durable in the journal. A repeat gets the receipt of the first time."""

    version: int
    seq: int
    random: int

    @property
    def message_id(self) -> MessageId:
        """The id of the new message; only for an operation that makes one."""
        return MessageId(self.version, self.seq, self.random)


class Rejection(Enum):
    """Why the journal did not take an operation; nothing was written."""

    CONFLICT = "CONFLICT"
    """The same client_id with another body."""
    BEYOND = "BEYOND"
    """It names a message beyond the event's last."""


Answer = Receipt | Rejection


def idempotency_key(app_id: int, event_id: int, actor_id: int | None, client_id: str) -> str:
    """The journal's key of a client_id, which is scoped by calling app, event and actor."""
    return f"once:{app_id}:{event_id}:{'' if actor_id is None else actor_id}:{client_id}"


def body_hash(*body: object) -> bytes:
    """16 bytes that tell one body from another; maps are alike whatever their order."""
    return blake2b(encode(body), digest_size=16).digest()
