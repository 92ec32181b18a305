"""A message's id is its address, its place and its cursor.

A UUIDv7 (RFC 9562, section 5.7) of the message's version and seq, so that the id alone gives the row:

    48 bits  milliseconds of the version        (unix_ts_ms)
     4 bits  7
    12 bits  microseconds within the millisecond, 0..999   (rand_a)
     2 bits  variant
    32 bits  seq, the place among the event's messages      (rand_b, high)
    30 bits  random                                         (rand_b, low)

A version is a time in microseconds since 1970 that one journal gives out once. Versions and seqs grow together
within an event, so ids sort as messages were said.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from uuid import UUID

from domain.errors import BadInput

SEQ_BITS: Final = 32
RANDOM_BITS: Final = 30
SEQ_MAX: Final = (1 << SEQ_BITS) - 1
RANDOM_MAX: Final = (1 << RANDOM_BITS) - 1
BUCKET_MESSAGES: Final = 5_000
"""Messages a partition holds. With at most 16 KiB each it stays under 100 MB whatever an event does."""
MESSAGE_BYTES_MAX: Final = 16_384
assert BUCKET_MESSAGES * MESSAGE_BYTES_MAX < 100_000_000

NIL: Final = UUID(int=0)
"""As a cursor: before the first message."""

_US_PER_MS: Final = 1_000
_VERSION_7: Final = 7 << 76
_VARIANT: Final = 0b10 << 62


def bucket_of(seq: int) -> int:
    """The partition of an event's message with this seq; seqs start at 1."""
    return (seq - 1) // BUCKET_MESSAGES


def year_of(created_at_ms: int) -> int:
    """The UTC year, which is part of the partition key of a user's activity."""
    return datetime.fromtimestamp(created_at_ms / 1_000, UTC).year


@dataclass(frozen=True, slots=True, order=True)
class MessageId:
    """The parts of a message's id; ordered as the messages were said."""

    version: int
    """Microseconds since 1970."""
    seq: int
    random: int

    @property
    def created_at_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.version // _US_PER_MS

    @property
    def bucket(self) -> int:
        return bucket_of(self.seq)

    @property
    def uuid(self) -> UUID:
        return UUID(int=self._number())

    def __str__(self) -> str:
        text = f"{self._number():032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _number(self) -> int:
        ms, us = divmod(self.version, _US_PER_MS)
        return ms << 80 | _VERSION_7 | us << 64 | _VARIANT | self.seq << RANDOM_BITS | self.random

    @classmethod
    def of(cls, uuid: UUID, field: str = "message_id") -> Self:
        """The parts of an id that came from outside; BadInput, naming the field, if timingle never made such a one."""
        number = uuid.int
        ms, us = number >> 80, number >> 64 & 0xFFF
        seq, random = number >> RANDOM_BITS & SEQ_MAX, number & RANDOM_MAX
        parts = cls(ms * _US_PER_MS + us, seq, random)
        if seq == 0 or parts._number() != number:  # 1,000 microseconds or more would be those of the next millisecond
            raise BadInput("This is no message's id.", field)
        return parts
