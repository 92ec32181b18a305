"""A dead letter from end to end: split off by the drain, and replayed it ends like what never failed (P10, P11)."""

import msgspec
import pytest

from domain import entries
from domain.entries import Placed
from domain.errors import Away
from domain.operations import Delete, Edit, React, Read
from stores import dead_letters
from stores.dead_letters import State
from tasks.replay import Replay
from tests.integration.own import BEYOND_INT8, CANARY, Own, a_column_is_missing, id_of, new_event, refusal, saying

UNSENDABLE = "OverflowError"
"""What the driver raises for a sender that no BIGINT holds."""


def test_one_bad_message_is_split_off_and_its_neighbours_are_stored(own: Own) -> None:
    """P10, P3. A stub takes its place, the head stands at the last one, and nobody is marked by what was not said."""
    event = new_event()
    bad = saying(event, CANARY, sender_id=BEYOND_INT8)
    said = own.append(saying(event, "one"), bad, saying(event, "three", 2), saying(event, "four", 2))
    own.drain()
    assert [(m.seq, m.message, m.is_deleted, m.sender_id) for m in own.page(event)] == [
        (1, "one", False, 1), (2, "", True, None), (3, "three", False, 2), (4, "four", False, 2)
    ]  # fmt: skip
    assert (own.head(event), own.read_seq(event, 1), own.read_seq(event, 2)) == (4, 1, 4)
    (letter,) = own.dead_letters()
    assert (letter.event_id, letter.seq, letter.message_id) == (event, 2, id_of(said[1]))
    assert (letter.cause_class, letter.cause_code) == ("wrong", UNSENDABLE)
    assert own.stores.groups[0].has_work() is False


def test_a_bad_last_message_still_raises_the_head(own: Own) -> None:
    event = new_event()
    own.append(saying(event, "one"), saying(event, CANARY, sender_id=BEYOND_INT8))
    own.drain()
    assert [(m.seq, m.is_deleted) for m in own.page(event)] == [(1, False), (2, True)]
    assert own.head(event) == 2


@pytest.mark.parametrize("field", ["event_id", "actor_id"])
def test_a_change_that_no_row_can_hold_is_split_off_too(own: Own, field: str) -> None:
    """An id that no BIGINT holds fails before a row is looked for."""
    event = new_event()
    (said,) = own.append(saying(event, "one"))
    own.drain()
    good = Edit(event, id_of(said), 1, "edited")
    own.append(msgspec.structs.replace(good, **{field: BEYOND_INT8}), React(event, id_of(said), BEYOND_INT8, "!"), good)
    while own.stores.groups[0].has_work():
        own.stores.groups[0].sweep(0.001, own.stores.scylla.generations())
        own.drain()
    assert [m.message for m in own.page(event)] == ["edited"]
    assert {letter.kind for letter in own.dead_letters()} == {"edit", "react"}


def test_delivered_again_it_is_one_letter_and_the_same_rows(own: Own) -> None:
    event = new_event()
    own.append(saying(event, "one"), saying(event, CANARY, sender_id=BEYOND_INT8))
    own.drain()
    rows, letters = own.rows(event), own.dead_letters()
    own.deliver_all_again()
    own.drain()
    assert (own.rows(event), own.dead_letters()) == (rows, letters)


def test_replayed_after_the_cause_is_mended_it_takes_its_place_as_if_it_had_never_failed(own: Own) -> None:
    """P10. The rows are then those of the clean run: delivering the entry itself once more changes no cell."""
    event = new_event()
    own.append(saying(event, "before"))
    own.drain()  # and the statement is prepared, as a worker's is
    with a_column_is_missing(own):
        own.append(saying(event, "one", 1), saying(event, "two", 2), Read(event, 2, 1))
        own.drain()
        own.append(saying(event, "three", 1))
        own.drain()
    assert [(m.seq, m.message, m.is_deleted) for m in own.page(event)] == [
        (1, "before", False), (2, "", True), (3, "", True), (4, "", True)
    ]  # fmt: skip
    replaying = Replay(own.stores)
    letters = own.dead_letters(State.OPEN)
    assert sorted(letter.seq or 0 for letter in letters) == [2, 3, 4]
    assert replaying.store(letters[::-1]) == {}
    assert replaying.close() == {letter.id for letter in letters}
    replayed = own.rows(event)
    assert [(row.seq, row.message, row.is_deleted, row.sender_id) for row in reversed(replayed)] == [
        (1, "before", False, 1), (2, "one", False, 1), (3, "two", False, 2), (4, "three", False, 1)
    ]  # fmt: skip
    assert (own.head(event), own.read_seq(event, 1), own.read_seq(event, 2)) == (4, 4, 3)
    own.deliver_all_again()
    own.drain()
    assert own.rows(event) == replayed
    assert {letter.state for letter in own.dead_letters()} == {State.REPLAYED}


def test_a_message_deleted_while_it_was_a_dead_letter_is_never_seen(own: Own) -> None:
    """P5. Replaying the message alone brings its deletion with it, and an edit of somebody else stays refused."""
    event = new_event()
    own.append(saying(event, "before"))
    own.drain()
    with a_column_is_missing(own):
        (said,) = own.append(saying(event, CANARY))
        own.append(Delete(event, id_of(said), 1), Edit(event, id_of(said), 2, "forged"))
        own.drain()
    by_kind = {letter.kind: letter for letter in own.dead_letters()}
    assert {kind: letter.cause_code for kind, letter in by_kind.items()} == {
        "create": "InvalidRequest", "delete": "not_the_author", "edit": "not_the_author"
    }  # fmt: skip
    replaying = Replay(own.stores)
    causes = replaying.store(dead_letters.open_named(own.stores.postgres, [by_kind["create"].id]))
    assert causes == {by_kind["edit"].id: {"not_the_author"}}
    assert replaying.close() == {by_kind["create"].id, by_kind["delete"].id}
    assert [(row.message, row.is_deleted) for row in own.rows(event)] == [("", True), ("before", False)]


def test_refused_again_it_stays_open_and_its_neighbours_are_replayed(own: Own) -> None:
    event = new_event()
    own.append(saying(event, "before"))
    own.drain()
    with a_column_is_missing(own):
        own.append(saying(event, "good"), saying(event, CANARY, sender_id=BEYOND_INT8))
        own.drain()
    good, bad = sorted(own.dead_letters(), key=lambda letter: letter.version)
    replaying = Replay(own.stores)
    assert replaying.store([good, bad]) == {bad.id: {UNSENDABLE}}
    assert replaying.close() == {good.id}
    assert [letter.id for letter in own.dead_letters(State.OPEN)] == [bad.id]
    assert [(m.seq, m.message) for m in own.page(event)] == [(1, "before"), (2, "good"), (3, "")]


def test_until_it_is_on_disk_a_replayed_letter_stays_open(own: Own) -> None:
    """P1. A node may lose what it has acknowledged; no journal holds a replayed operation any more."""
    own.keep(refusal(saying(new_event(), "a"), 5_000, seq=1))
    replaying = Replay(own.stores)
    assert replaying.store(own.dead_letters()) == {}
    assert [letter.state for letter in own.dead_letters()] == [State.OPEN]
    replaying._generations = "a node's generation before it was killed"
    with pytest.raises(Away, match="a node restarted"):
        replaying.close()
    assert [letter.state for letter in own.dead_letters()] == [State.OPEN]


def test_an_entry_of_a_later_format_is_replayed_whole_by_the_release_that_reads_it(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = new_event()
    own.append(saying(event, "one"))
    fields = entries.fields_of(Placed(saying(event, "two"), 1_764_000_000_000_000, 2, ""))
    own.add_entry({**fields, b"f": b"2"})
    own.drain()
    (letter,) = own.dead_letters()
    assert Replay(own.stores).store([letter]) == {letter.id: {"unreadable"}}
    monkeypatch.setattr(entries, "ENTRY_FORMAT", 2)
    replaying = Replay(own.stores)
    assert replaying.store([letter]) == {}
    assert replaying.close() == {letter.id}
    assert [(row.seq, row.message) for row in own.rows(event)] in ([(2, "two"), (1, "one")], [(1, "one"), (2, "two")])


def test_a_letter_whose_key_is_lost_does_not_hold_up_the_others(own: Own) -> None:
    event = new_event()
    own.keep(refusal(saying(event, "lost"), 5_000, seq=1), refusal(saying(event, "kept"), 6_000, seq=2))
    own.sql("UPDATE dead_letters SET payload = decode('01', 'hex') WHERE version = 5000")
    kept, lost = own.dead_letters()
    replaying = Replay(own.stores)
    assert replaying.store([lost, kept]) == {lost.id: {"NotDecryptable"}}
    assert replaying.close() == {kept.id}
    assert [row.message for row in own.rows(event)] == ["kept"]
