"""ScyllaDB: event_heads and unread_message_counts. Max registers, one per event and one per (user, event) (P4).

Each is written with the seq as its CQL timestamp: the highest stands in any order of delivery, and on a tie the larger
value does. Never DELETEd: such a tombstone carries a clock's time and would swallow every later write.
"""

from typing import Final

from domain.entries import Placed, message_id
from domain.operations import Create, Read
from domain.plan import read_up_to
from stores.scylla import Rows

ADVANCE_HEAD: Final = "UPDATE event_heads USING TIMESTAMP ? SET last_seq = ?, last_message_id = ? WHERE event_id = ?"
ADVANCE_READ_SEQ: Final = """
    UPDATE unread_message_counts USING TIMESTAMP ? SET read_seq = ?, last_read_at = ?
    WHERE user_id = ? AND event_id = ?"""


def head_rows(placed: Placed[Create]) -> Rows:
    """An event's last message."""
    yield ADVANCE_HEAD, (placed.seq, placed.seq, message_id(placed).uuid, placed.operation.event_id)


def mark_rows(placed: Placed[Create] | Placed[Read]) -> Rows:
    """How far a user has read an event."""
    operation = placed.operation
    user_id = operation.sender_id if isinstance(operation, Create) else operation.actor_id
    seq, _ = read_up_to(placed)
    yield ADVANCE_READ_SEQ, (seq, seq, placed.created_at_ms, user_id, operation.event_id)
