"""What is said in a run. Whoever stores it, the scylla-driver alone, our road or a peer, stores the same messages."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

TALKERS: Final = 4
"""Participants of an event."""
TEXT_BYTES: Final = (300, 500)
"""A long chat message; Korean has 3 bytes a syllable."""
_CORPUS_WORDS: Final = 60_000
_VOCABULARY: Final = 4_000


class Said(NamedTuple):
    """A message that somebody says."""

    event_id: int
    sender_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Events and users. Users take part in events so that each has about as many."""

    event_ids: tuple[int, ...]
    user_ids: tuple[int, ...]

    def talkers(self, place: int) -> list[int]:
        """Who takes part in the event at this place."""
        users = self.user_ids
        return [users[(place * TALKERS + n) % len(users)] for n in range(TALKERS)]


@dataclass(frozen=True, slots=True)
class Script:
    """`messages` messages, `in_a_row` of them by one sender before the next event has its turn."""

    cast: Cast
    messages: int
    in_a_row: int
    seed: int
    text_bytes: tuple[int, int] = TEXT_BYTES

    def __iter__(self) -> Iterator[Said]:
        chance = random.Random(self.seed)
        events = list(enumerate(self.cast.event_ids))
        chance.shuffle(events)
        said = 0
        while said < self.messages:
            turn = said // self.in_a_row
            place, event_id = events[turn % len(events)]
            sender_id = self.cast.talkers(place)[turn // len(events) % TALKERS]
            for _ in range(min(self.in_a_row, self.messages - said)):
                yield Said(event_id, sender_id, text(chance, self.text_bytes))
                said += 1


def text(chance: random.Random, size: tuple[int, int]) -> str:
    """A text of about so many bytes of UTF-8. It compresses as chat does, about by half."""
    written = corpus()
    wanted = chance.randint(*size)
    begin = chance.randrange(len(written) - wanted)
    return written[begin : begin + wanted].decode(errors="ignore")


@cache
def corpus() -> bytes:
    """Words in UTF-8, Korean ones mostly."""
    chance = random.Random(0)
    hangul = [chr(chance.randrange(0xAC00, 0xD7A4)) for _ in range(900)]
    latin = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = [
        "".join(chance.choices(hangul if chance.random() < 0.8 else latin, k=chance.randint(1, 5)))
        for _ in range(_VOCABULARY)
    ]
    return " ".join(chance.choices(words, k=_CORPUS_WORDS)).encode()
