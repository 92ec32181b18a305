"""What a test does with a journal's consumers, and what it sees of them."""

from collections.abc import Iterable
from typing import Any, Final

from stores.consumer_group import IDLE_MS_MAX, Batch, ConsumerGroup
from stores.journal import GROUP, STREAM
from tests.journals import Caller, said

AGES_S: Final = 30.0
"""Longer than any drain here takes."""


def say(caller: Caller, entries: int) -> list[str]:
    """So many entries of one message each; their ids."""
    known = len(caller.entries())
    caller.say(entries)
    return [entry_id for entry_id, _ in caller.entries()][known:]


def say_quickly(caller: Caller, entries: int) -> list[str]:
    """The same in one trip to the server, which does not number them."""
    pipeline = caller.redis.pipeline(transaction=False)
    for seq in range(entries):
        pipeline.xadd(STREAM, {"f": "1", "v": str(seq + 1), "s": str(seq + 1), "o": b"\x91" + said().operation})
    return [entry_id.decode() for entry_id in pipeline.execute()]


def taken(group: ConsumerGroup) -> list[list[str]]:
    """The ids of each batch, all acknowledged."""
    batches = []
    for batch in group.take(AGES_S):
        batches.append(batch.ids)
        group.ack(batch.ids)
    return batches


def first(group: ConsumerGroup) -> Batch:
    """One batch, and no word of what became of it: as if its worker had been killed."""
    return next(group.take(AGES_S))


def age(caller: Caller, holder: str, ids: Iterable[str], idle_ms: int = IDLE_MS_MAX + 1_000) -> None:
    """As if its holder had not moved for so long."""
    caller.redis.xclaim(STREAM, GROUP, holder, 0, list(ids), idle=idle_ms, justid=True)


def pending(caller: Caller) -> list[dict[str, Any]]:
    """Redis's list of the entries that were delivered and not acknowledged."""
    found: list[dict[str, Any]] = caller.redis.xpending_range(STREAM, GROUP, "-", "+", 10_000)
    return found


def held(caller: Caller) -> dict[str, tuple[str, int]]:
    """Who holds each of them, and how often it was delivered."""
    return {e["message_id"].decode(): (e["consumer"].decode(), e["times_delivered"]) for e in pending(caller)}
