"""What is loaded, and how far it is: a plan that a run which was cut goes on with."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from bench.script import TALKERS, Cast, Said, text

BULK_MESSAGES: Final = 500
TURN_MESSAGES: Final = 10
TEXT_BYTES: Final = (495, 505)
EVENTS_A_USER: Final = 50
LONG_SHARE: Final = 0.03
"""Of all messages, those of the one long event: 300,000 of 10,000,000."""


class Plan(msgspec.Struct):
    """Sizes, and how far they are reached. Kept in a file of the state directory."""

    events: int
    messages: int
    user_ids: tuple[int, ...] = ()
    event_ids: tuple[int, ...] = ()
    bulks_done: int = 0
    """What is before this one was taken. A few behind it may have been, too, and are sent again."""
    loading_s: float = 0.0

    @property
    def users(self) -> int:
        """So many that each takes part in EVENTS_A_USER events."""
        return max(TALKERS, self.events * TALKERS // EVENTS_A_USER)

    @property
    def bulks(self) -> int:
        return self.messages // BULK_MESSAGES

    @property
    def long_bulks(self) -> int:
        """The first ones; all they hold is said in the event at place 0."""
        return int(self.bulks * LONG_SHARE)

    @property
    def cast(self) -> Cast:
        return Cast(self.event_ids, self.user_ids)

    def bulk(self, number: int) -> Iterator[Said]:
        """The messages of one bulk, always the same: some events are much livelier than others."""
        chance = random.Random(number)
        cast, talked = self.cast, 0
        while talked < BULK_MESSAGES:
            place = 0 if number < self.long_bulks else int(self.events * chance.random() ** 2)
            sender_id = chance.choice(cast.talkers(place))
            for _ in range(TURN_MESSAGES):
                yield Said(cast.event_ids[place], sender_id, text(chance, TEXT_BYTES))
            talked += TURN_MESSAGES

    def save(self, path: Path) -> None:
        """Keep how far it is, in one step."""
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self))
        fresh.replace(path)


def resumed(path: Path, events: int, messages: int) -> Plan:
    """The plan of this file, or a new one."""
    return msgspec.json.decode(path.read_bytes(), type=Plan) if path.exists() else Plan(events, messages)
