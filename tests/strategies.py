"""hypothesis strategies: operations as ingest fixes them, in the places that a journal gives."""

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from domain.entries import Entry, Placed
from domain.ids import RANDOM_MAX, SEQ_MAX, MessageId
from domain.message import INT8_MAX
from domain.operations import Create, Delete, Edit, Operation, React, Read

VERSION_MAX: Final = ((1 << 48) - 1) * 1_000 + 999
"""The last microsecond that 48 bits of milliseconds can tell, in the year 10889."""

row_ids: Final = st.integers(1, INT8_MAX)
texts: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50)
message_ids: Final = st.builds(
    MessageId, st.integers(0, VERSION_MAX), st.integers(1, SEQ_MAX), st.integers(0, RANDOM_MAX)
)
uuids: Final = message_ids.map(lambda message_id: message_id.uuid)

creates: Final = st.builds(
    Create,
    event_id=row_ids,
    random=st.integers(0, RANDOM_MAX),
    sender_id=st.none() | row_ids,
    sender_name=texts,
    sender_profile_url=texts,
    message=texts,
    message_type=st.sampled_from(["text", "image", "file", "system"]),
    attachments=st.lists(texts, max_size=3).map(tuple),
    reply_to=st.none() | uuids,
    metadata=st.dictionaries(texts, texts, max_size=3),
)
edits: Final = st.builds(Edit, row_ids, uuids, row_ids, texts)
deletes: Final = st.builds(Delete, row_ids, uuids, row_ids)
reacts: Final = st.builds(React, row_ids, uuids, row_ids, texts)
reads: Final = st.builds(Read, row_ids, row_ids, st.integers(1, SEQ_MAX))
operations: Final[st.SearchStrategy[Operation]] = st.one_of(creates, edits, deletes, reacts, reads)


def entries_of(groups: Sequence[Sequence[Operation]], version: int = 1_764_000_000_000_000) -> list[Entry]:
    """Entries as a journal makes them: versions and the seqs of each event grow by one, ids by entry."""
    seqs: dict[int, int] = {}
    entries = []
    for number, group in enumerate(groups, 1):
        placed = []
        for operation in group:
            seq = 0
            if isinstance(operation, Create):
                seq = seqs[operation.event_id] = seqs.get(operation.event_id, 0) + 1
            placed.append(Placed(operation, version, seq, f"{number}-0"))
            version += 1
        entries.append(Entry(f"{number}-0", tuple(placed)))
    return entries
