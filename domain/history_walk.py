"""A history read once, an entry at a time: whether it is whole, and where it leads (P6, P9).

For a chain of any length in little memory. Of a chain that is not whole `history_verify` names all that is wrong; both
agree on which are whole.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.history import GENESIS, ChangeType, Entry, Said, altered_columns, chain, old_and_new, said, seq_of
from domain.history_replay import PARTICIPANTS, Replay

AGREES: Final = frozenset({ChangeType.PARTICIPANT_ADDED, ChangeType.PARTICIPANT_CONFIRMED})


@dataclass(slots=True)
class Walk:
    """What has been read so far, in the order of the store's keys, oldest first."""

    length: int = 0
    head: bytes = GENESIS
    is_whole: bool = True
    """So far. What the entries tell is followed no further than this is true."""
    told: Replay = field(default_factory=Replay)
    names: dict[int, str | None] = field(default_factory=dict)
    """By user_id, of whoever was let in: as they were called then; None if that was erased."""
    agreed_at: dict[int, datetime] = field(default_factory=dict)
    """By user_id, when they agreed to the time as it stands."""

    def read(self, entry: Entry) -> None:
        """Go on to the next entry."""
        bytes_say = said(entry.hashed_bytes)
        self.is_whole = self.is_whole and bytes_say is not None and self._follows(entry, bytes_say)
        self.length += 1
        self.head = entry.entry_hash
        if self.is_whole and bytes_say is not None:
            old, new = old_and_new(entry, bytes_say)
            self.told.read(entry, bytes_say, old, new)
            self._note(entry, bytes_say, new)

    def user_ids(self) -> list[int]:
        """Who takes part, as far as it has been told."""
        return [user_id for user_id in self.told.people if isinstance(user_id, int)]

    def leads_to(self, length: int, head: bytes) -> bool:
        """Is it whole, and does it end here?"""
        return self.is_whole and (self.length, self.head) == (length, head)

    def _follows(self, entry: Entry, bytes_say: Said) -> bool:
        """Is it what was chained after the entries before it, with every column as it was?"""
        return (
            bytes_say.chain_seq == seq_of(bytes_say.change_id) == self.length + 1
            and entry.prev_hash == self.head
            and entry.entry_hash == chain(self.head, entry.hashed_bytes)
            and not any(altered_columns(entry, bytes_say))
        )

    def _note(self, entry: Entry, bytes_say: Said, new: object) -> None:
        """Of whoever takes part: as whom they were let in, and when they agreed."""
        match bytes_say.field, new:
            case (name, {"user_id": int() as user_id, "confirmed": confirmed}) if name == PARTICIPANTS:
                if bytes_say.type == ChangeType.PARTICIPANT_ADDED:
                    self.names[user_id] = entry.metadata.get("name") or None
                if not confirmed:
                    self.agreed_at.pop(user_id, None)
                elif bytes_say.type in AGREES:
                    self.agreed_at[user_id] = entry.changed_at
            case _:
                pass
