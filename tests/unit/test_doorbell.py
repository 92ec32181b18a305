"""Rings about rows happen beside the answer, and a broker that is away holds up nobody."""

import threading
import time
from collections.abc import Iterator

import pytest
from kombu.exceptions import OperationalError

from ingest.doorbell import ROW_RINGS_MAX, RowBell
from tests.waiting import wait_until

AT_ONCE_S_MAX = 2.0
"""For ten thousand, on a busy machine."""


@pytest.fixture
def bell() -> Iterator[RowBell]:
    made = RowBell()
    yield made
    made.close()


def test_rows_are_rung_for_in_their_order(bell: RowBell) -> None:
    rung: list[tuple[int]] = []
    for row_id in range(100):
        bell.ring(rung.append, row_id)
    wait_until("all rung", lambda: rung == [(row_id,) for row_id in range(100)])


def test_while_the_broker_hangs_a_ring_is_asked_for_at_once_and_as_many_as_may_wait_wait(bell: RowBell) -> None:
    """P10. What does not fit is left to the sweep."""
    rung: list[tuple[int]] = []
    begun, goes_on = threading.Event(), threading.Event()

    def hang(arguments: tuple[int]) -> None:
        begun.set()
        goes_on.wait()
        rung.append(arguments)

    bell.ring(hang, 0)
    assert begun.wait(10)
    asked = time.monotonic()
    for row_id in range(1, ROW_RINGS_MAX + 100):
        bell.ring(hang, row_id)
        assert time.monotonic() - asked < AT_ONCE_S_MAX
    goes_on.set()
    wait_until("all that waited", lambda: len(rung) == ROW_RINGS_MAX + 1)


def test_those_behind_a_ring_that_the_broker_did_not_take_do_not_wait_for_it_to_time_out_too(bell: RowBell) -> None:
    rung: list[tuple[int]] = []
    begun, fails = threading.Event(), threading.Event()

    def away(_: tuple[int]) -> None:
        begun.set()
        fails.wait()
        raise OperationalError

    bell.ring(away, 0)
    assert begun.wait(10)
    for row_id in range(1, 50):
        bell.ring(rung.append, row_id)
    fails.set()
    wait_until("forgotten", bell._asked.empty)

    def is_rung_again() -> bool:
        bell.ring(rung.append, 50)
        return bool(rung)

    wait_until("rung again", is_rung_again)
    assert set(rung) == {(50,)}
