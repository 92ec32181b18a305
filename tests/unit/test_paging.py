"""P3. Who follows an event stops before a gap, and so misses no message whatever the order they are stored in."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.paging import gapless


class Stored(NamedTuple):
    seq: int


@pytest.mark.parametrize(
    ("stored", "after", "shown"),
    [
        ([], 0, []),
        ([1], 0, [1]),
        ([1, 2, 3], 0, [1, 2, 3]),
        ([2, 3], 0, []),
        ([1, 3], 0, [1]),
        ([1, 2, 4, 5], 0, [1, 2]),
        ([8, 9], 7, [8, 9]),
        ([9], 7, []),
        ([8, 10], 7, [8]),
    ],
)
def test_a_page_ends_before_the_first_missing_seq(stored: list[int], after: int, shown: list[int]) -> None:
    assert [message.seq for message in gapless([Stored(seq) for seq in stored], after)] == shown


@given(order=st.integers(0, 30).flatmap(lambda n: st.permutations(range(1, n + 1))), limit=st.integers(1, 7))
def test_a_follower_sees_every_message_once_in_order_whatever_is_stored_first(order: list[int], limit: int) -> None:
    stored: set[int] = set()
    seen: list[int] = []

    def look() -> int:
        after = seen[-1] if seen else 0
        page = [Stored(seq) for seq in sorted(stored) if seq > after][:limit]
        found = gapless(page, after)
        seen.extend(message.seq for message in found)
        return len(found)

    for seq in order:
        stored.add(seq)
        look()
    while look():
        pass
    assert seen == sorted(order)
