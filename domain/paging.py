"""How pages of an event's messages are cut."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Sequenced(Protocol):
    """Whatever has a place among an event's messages."""

    @property
    def seq(self) -> int: ...


S = TypeVar("S", bound=Sequenced)


def gapless(messages: Sequence[S], after_seq: int) -> list[S]:
    """The messages that follow this seq without a gap, oldest first (P3).

    A missing seq may still be on its way: who follows stops before it and asks again, and so never skips one.
    """
    for place, message in enumerate(messages, 1):
        if message.seq != after_seq + place:
            return list(messages[: place - 1])
    return list(messages)
