"""Redis: the journal's append as tasks use it, for what the system has to say; `stores.journal` is ingest's.

A register that is missing is seeded first, as ingest does: with the highest seq that ScyllaDB's head and the event's
dead letters know.
"""

from collections.abc import Sequence
from typing import Final

from psycopg_pool import ConnectionPool

from domain.errors import Away
from domain.submissions import Submission
from stores import dead_letters, journals
from stores.consumer_group import ConsumerGroup
from stores.journal import CLOCK, WRITE_S_MAX, SeedNeeded, append_answer, append_call, register
from stores.journal_functions import APPEND, SEED, SEED_CLOCK
from stores.pages import SELECT_HEAD
from stores.scylla import Scylla

SEED_ROUNDS_MAX: Final = 2
"""What was seeded is there for 30 days: that it is missing again at once means that Redis has just lost it."""


def append(group: ConsumerGroup, pool: ConnectionPool, scylla: Scylla, submissions: Sequence[Submission]) -> bool:
    """Take messages into a journal, all of them in one entry; whether to ring. One that it remembers counts once.

    The group must be prepared. Raises JournalFull, Away: then it may or may not have been done; ask again with the same
    keys.
    """
    count, arguments = append_call(submissions)
    for _ in range(SEED_ROUNDS_MAX):
        try:
            return append_answer(group.call([(APPEND, count, *arguments)])[0]).ring
        except SeedNeeded as needed:
            _seed(group, pool, scylla, needed)
    raise Away("the journal", "registers keep vanishing")


def _seed(group: ConsumerGroup, pool: ConnectionPool, scylla: Scylla, needed: SeedNeeded) -> None:
    if needed.clock:
        noted = journals.last_clock(pool, group.journal_id)
        group.call([(SEED_CLOCK, 1, CLOCK, noted + journals.SWEEP_US)])
    refused = dead_letters.last_seqs(pool, needed.event_ids)
    heads = scylla.read_many(SELECT_HEAD, ((event_id,) for event_id in needed.event_ids))
    seqs = [
        max(rows[0][0] if rows else 0, refused.get(event_id, 0))
        for event_id, rows in zip(needed.event_ids, heads, strict=True)
    ]
    registers = map(register, needed.event_ids)
    for reply in group.call([(SEED, 1, key, seq, WRITE_S_MAX) for key, seq in zip(registers, seqs, strict=True)]):
        if reply[0] == b"EARLY":
            raise Away("the journal", "register after a restart", retry_after_s=float(reply[1]))
