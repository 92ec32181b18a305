"""`timingle dead-letters` as an operator calls it."""

import json

import pytest

from cli import dead_letters as commands
from cli.exit_codes import ExitCode
from domain.errors import BadInput
from domain.operations import Delete
from stores.dead_letters import State
from tests.integration.own import BEYOND_INT8, CANARY, Own, a_column_is_missing, id_of, new_event, rows_of, saying


def test_they_are_listed_and_shown_by_ids_and_their_text_only_on_demand(own: Own) -> None:
    event = new_event()
    (said,) = own.append(saying(event, CANARY, sender_id=BEYOND_INT8))
    own.drain()
    (letter,) = own.dead_letters()
    table = own.output_of("dead-letters", "list")
    assert rows_of(table)[0][:8] == [
        str(letter.id), "open", "create", "wrong/OverflowError", str(event), str(id_of(said)), "1", "-"
    ]  # fmt: skip
    shown = own.output_of("dead-letters", "show", str(letter.id))
    assert str(id_of(said)) in shown
    for text in ("canary", "Minji", "example.org"):
        assert text not in table + shown
    ended = own.timingle("dead-letters", "show", str(letter.id), "--payload")
    assert (ended.stdout.startswith(shown), "personal text" in ended.stderr) == (True, True)
    (asked,) = json.loads(ended.stdout.removeprefix(shown))
    assert (asked["kind"], asked["message"], asked["sender_id"]) == ("create", CANARY, BEYOND_INT8)


def test_an_unreadable_entry_can_be_looked_at_too(own: Own) -> None:
    own.add_entry({b"f": b"9", b"v": b"17", b"o": CANARY.encode()})
    own.drain()
    (letter,) = own.dead_letters()
    shown, payload = (own.output_of("dead-letters", "show", str(letter.id), *more) for more in ((), ("--payload",)))
    assert json.loads(payload.removeprefix(shown))["f"] == "OQ=="


def test_a_replay_waits_for_its_cause_to_be_mended_and_then_takes_its_place(own: Own) -> None:
    event = new_event()
    own.append(saying(event, "before"))
    own.drain()
    with a_column_is_missing(own):
        (said,) = own.append(saying(event, CANARY))
        own.append(Delete(event, id_of(said), 1), saying(event, "after"))
        own.drain()
        (first,) = [letter for letter in own.dead_letters() if letter.kind == "create" and letter.seq == 2]
        code, says = own.failure_of("dead-letters", "replay", str(first.id))
        assert code == ExitCode.FAILED
        assert says == "timingle: ScyllaDB refuses this (InvalidRequest)."
    assert {letter.state for letter in own.dead_letters()} == {State.OPEN}
    replayed = own.timingle("dead-letters", "replay", str(first.id))
    assert (replayed.returncode, replayed.stdout) == (ExitCode.DONE, "2 replayed, 0 refused again\n"), replayed
    assert "on disk" in replayed.stderr
    assert [(m.seq, m.message, m.is_deleted) for m in own.page(event)] == [
        (1, "before", False), (2, "", True), (3, "", True)
    ]  # fmt: skip
    assert own.output_of("dead-letters", "replay", "--all") == "1 replayed, 0 refused again\n"
    assert [(m.seq, m.message) for m in own.page(event)] == [(1, "before"), (2, ""), (3, "after")]
    assert CANARY not in replayed.stdout + replayed.stderr


def test_what_is_refused_again_says_its_cause_and_stays_open(own: Own) -> None:
    event = new_event()
    own.append(saying(event, CANARY, sender_id=BEYOND_INT8))
    own.drain()
    (letter,) = own.dead_letters()
    ended = own.timingle("dead-letters", "replay", "--all")
    assert ended.returncode == ExitCode.FAILED
    assert ended.stdout == f"{letter.id}: refused again (OverflowError); stays open\n0 replayed, 1 refused again\n"
    assert own.dead_letters() == [letter]


def test_a_discarded_letter_is_closed_for_good_and_its_stub_stays(own: Own) -> None:
    event = new_event()
    own.append(saying(event, CANARY, sender_id=BEYOND_INT8))
    own.drain()
    (letter,) = own.dead_letters()
    assert own.output_of("dead-letters", "discard", str(letter.id)) == "1 discarded\n"
    assert rows_of(own.output_of("dead-letters", "list")) == []
    assert rows_of(own.output_of("dead-letters", "list", "--state", "discarded"))[0][0] == str(letter.id)
    code, line = own.failure_of("dead-letters", "replay", str(letter.id))
    assert code == ExitCode.FAILED
    assert f"No open dead letter {letter.id};" in line
    assert [(m.seq, m.is_deleted) for m in own.page(event)] == [(1, True)]


@pytest.mark.parametrize(("ids", "every"), [([], False), (None, False), ([1], True)])
def test_a_replay_must_say_which_are_meant(ids: list[int] | None, every: bool) -> None:
    with pytest.raises(BadInput, match=r"replay ID\.\.\., or --all"):
        commands.replay(ids, every)


def test_of_many_the_newest_hundred_are_listed_and_all_on_demand(own: Own) -> None:
    event = new_event()
    for _ in range(2):
        own.append(*(saying(event, "x", sender_id=BEYOND_INT8) for _ in range(60)))
    own.drain()
    some = own.timingle("dead-letters", "list")
    assert (len(rows_of(some.stdout)), "--all" in some.stderr) == (100, True)
    assert len({row[0] for row in rows_of(own.output_of("dead-letters", "list", "--all"))}) == 120
