"""`python -m bench.peers.enqueue MODULE MESSAGES`: fill a peer's queue, one task a message, before its clock runs."""

import importlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from bench.peers.four_writes import Message
from bench.script import Cast, Script

CAST: Final = Cast(tuple(range(1, 5_001)), tuple(range(1, 401)))
IN_A_ROW: Final = 10


def messages(count: int) -> Iterator[Message]:
    """What the tasks are to store."""
    seqs: Counter[int] = Counter()
    for said in Script(CAST, count, IN_A_ROW, seed=time.time_ns()):
        seqs[said.event_id] += 1
        yield said.event_id, said.sender_id, said.text, time.time_ns() // 1_000, seqs[said.event_id]


if __name__ == "__main__":
    importlib.import_module(sys.argv[1]).enqueue(messages(int(sys.argv[2])))
