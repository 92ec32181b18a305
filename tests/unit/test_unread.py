"""P4. How many messages a user has not read: the last less what was read or said before joining."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.unread import unread_count

seqs = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("last_seq", "read_seq", "joined_seq", "unread"),
    [
        (0, 0, 0, 0),
        (10, 0, 0, 10),
        (10, 7, 0, 3),
        (10, 9, 0, 1),
        (10, 10, 0, 0),
        (10, 11, 0, 0),  # the mark is stored already, the message not yet
        (10, 0, 4, 6),
        (10, 0, 10, 0),
        (10, 4, 7, 3),
        (10, 7, 4, 3),
        (10, 7, 7, 3),
    ],
)
def test_unread_is_the_last_less_the_larger_of_read_and_joined(
    last_seq: int, read_seq: int, joined_seq: int, unread: int
) -> None:
    assert unread_count(last_seq, read_seq, joined_seq) == unread


@given(seqs, seqs, seqs)
def test_unread_is_how_many_seqs_lie_above_both_marks(last_seq: int, read_seq: int, joined_seq: int) -> None:
    first_unread = max(read_seq, joined_seq) + 1
    assert unread_count(last_seq, read_seq, joined_seq) == len(range(first_unread, last_seq + 1))
