"""Dead letters put in their place, once the cause is mended (P10)."""

import time
from collections.abc import Sequence
from itertools import groupby

from domain.entries import Entry, EntryId
from domain.errors import Away
from domain.keyring import NotDecryptable
from stores import dead_letters
from stores.connections import Stores
from stores.dead_letters import DeadLetter, State
from tasks.messages import apply


class Replay:
    """Stores what dead letters ask for, as the drain would have, and closes them once that is on the store's disk.

    A create takes the place that its stub kept: its cells are a version newer. Killed anywhere, it may begin again.
    """

    def __init__(self, stores: Stores) -> None:
        """Raises Away, also while one node of several is down: then nothing can be said to be on disk."""
        self._stores = stores
        self._generations = self._look()
        self.stored: list[int] = []
        """The ids of what is written and not yet closed."""

    def store(self, letters: Sequence[DeadLetter]) -> dict[int, set[str]]:
        """Store what these ask for; the causes, by id, of those that are refused again. Raises Away.

        In the order of their versions: a change finds its message, said in this call or in an earlier one.
        """
        causes: dict[int, set[str]] = {}
        for _, of_one_journal in groupby(letters, key=lambda letter: letter.journal):
            causes |= self._store_of_journal(list(of_one_journal))
        self.stored += [letter.id for letter in letters if letter.id not in causes]
        return causes

    def close(self) -> set[int]:
        """Mark as replayed what was stored, after `journal_keep_s`; the ids marked. Raises Away: then replay again.

        Until then a node that is killed may lose it, and no journal holds it any more: so the letter stays open.
        """
        if not self.stored:
            return set()
        time.sleep(self._stores.journal_keep_s)
        if self._look() != self._generations:
            raise Away("ScyllaDB", "a node restarted meanwhile")
        return dead_letters.resolve(self._stores.postgres, self.stored, State.REPLAYED)

    def _store_of_journal(self, letters: Sequence[DeadLetter]) -> dict[int, set[str]]:
        causes: dict[int, set[str]] = {}
        entries: dict[int, Entry] = {}
        for letter in letters:
            try:
                entry = letter.entry(self._stores.keys)
            except NotDecryptable as error:
                causes[letter.id] = {type(error).__name__}
            else:
                if isinstance(entry, Entry):
                    entries[letter.id] = entry
                else:
                    causes[letter.id] = {letter.cause_code}
        letter_of = {placed.version: id_ for id_, entry in entries.items() for placed in entry.operations}
        settled = max(EntryId.parse(letter.entry_id) for letter in letters)
        refused, _ = apply(self._stores.scylla, entries.values(), settled)
        for refusal in refused:
            causes.setdefault(letter_of[refusal.placed.version], set()).add(refusal.cause_code)
        return causes

    def _look(self) -> str:
        generations = self._stores.scylla.generations()
        if not generations:
            raise Away("ScyllaDB", "a node is down")
        return generations
