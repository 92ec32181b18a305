"""The relay: entries of histories from PostgreSQL to ScyllaDB, and what the chats are told of them (P6)."""

from collections.abc import Sequence

import msgspec
import structlog

from domain import system_messages
from domain.errors import Away, BadInput
from domain.history import Entry
from domain.operations import ENTRY_OPERATIONS_MAX
from domain.submissions import Submission
from stores import history_copy, history_outbox, history_relay, journal_append, journals
from stores.connections import Stores
from stores.history_outbox import BEGINNING, PAGE_ROWS, Key, key
from tasks.messages import generations, persist

log = structlog.get_logger()


def relay(stores: Stores) -> None:
    """Relay all that is not, until a look finds nothing that can be moved; nothing while another does. Raises Away."""
    with history_relay.turn(stores.postgres, lambda: generations(stores), stores.journal_keep_s) as is_ours:
        while is_ours and relay_all(stores):
            pass


def relay_all(stores: Stores, page_rows: int = PAGE_ROWS) -> int:
    """One look at everything that is not relayed; how many entries are now. What cannot be moved hides nothing behind
    it: the look goes on by key. Raises Away."""
    moved, after = 0, BEGINNING
    away: set[int] = set()
    while page := history_outbox.unrelayed(stores.postgres, after, page_rows):
        after = key(page[-1])
        moved += relay_page(stores, page, away)
    return moved


def relay_page(stores: Stores, page: Sequence[Entry], away: set[int]) -> int:
    """Store entries, tell of them, mark them: a kill before the last line loses nothing and doubles nothing."""
    refused = history_copy.relay(stores.scylla, page)
    for (event_id, chain_seq), code in refused.items():
        log.warning("an entry is refused", action="relay_refused", event_id=event_id, chain_seq=chain_seq, code=code)
    stored = [entry for entry in page if key(entry) not in refused]
    untold = tell(stores, [entry for entry in stored if system_messages.is_told(entry)], away)
    relayed = [entry for entry in stored if key(entry) not in untold]
    history_outbox.mark_relayed(stores.postgres, relayed)
    return len(relayed)


def tell(stores: Stores, entries: Sequence[Entry], away: set[int]) -> set[Key]:
    """Say in each event's chat what changed; those that could not be said now.

    A journal in `away` is not asked; one that is found to be is added. Raises Away of the other stores.
    """
    journal_of = journals.of_events(stores.postgres, {entry.event_id for entry in entries})
    waiting: dict[int, list[tuple[Key, Submission]]] = {}
    untold: set[Key] = set()
    for entry in entries:
        try:
            message = system_messages.submission(entry)
        except (msgspec.DecodeError, BadInput, OverflowError):  # the last: a time beyond Korea's calendar
            place = {"event_id": entry.event_id, "chain_seq": entry.chain_seq}
            log.warning("an entry says no time or no sum", action="tell_refused", **place)
            untold.add(key(entry))
        else:
            waiting.setdefault(journal_of[entry.event_id], []).append((key(entry), message))
    for journal_id, said in waiting.items():
        if journal_id not in away and not say(stores, journal_id, [message for _, message in said]):
            away.add(journal_id)
        if journal_id in away:
            untold |= {place for place, _ in said}
    return untold


def say(stores: Stores, journal_id: int, messages: Sequence[Submission]) -> bool:
    """Take messages of the system into a journal, and ring. Each counts once, however often. False if the journal is
    away."""
    group = stores.groups[journal_id]
    try:
        group.prepare()
        for start in range(0, len(messages), ENTRY_OPERATIONS_MAX):
            chunk = messages[start : start + ENTRY_OPERATIONS_MAX]
            if journal_append.append(group, stores.postgres, stores.scylla, chunk):
                persist.apply_async()
    except Away as error:
        log.warning("a store is away", action="tell_stopped", store=error.store, code=error.code)
        return False
    return True
