"""Dead letters: kept once, by ids, encrypted; and replayed they end like operations that never failed (P10, P11)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import msgspec
import pytest
from psycopg_pool import AsyncConnectionPool

from domain import entries
from domain.entries import Entry, Placed, UnreadableEntry, message_id
from domain.errors import Away, NotThere
from domain.keyring import NotDecryptable
from domain.message import INT8_MAX
from domain.operations import Create, Delete, Edit, Operation, React, Read
from domain.plan import Refusal, only_creates
from stores import dead_letters
from stores.dead_letters import DeadLetter, State
from tasks.replay import Replay
from tests.integration.own import Own, new_event, saying

CANARY = "카나리아 canary"
BEYOND_INT8 = 2**63
ALL_STATES = list(State)
NAMED = UUID("0193611c-d2a0-7abc-8000-000040000001")
"""A message, as a change names it."""
OF_A_CREATE = UUID("00000000-03e8-7000-8000-000300000001")
"""What the version 1,000,000, the seq 12 and the random bits 1 make."""
UNSENDABLE = "TypeError"
"""What the driver raises for a sender that no BIGINT holds."""


def keep(own: Own, *refusals: Refusal, journal_id: int = 0, unreadable: tuple[UnreadableEntry, ...] = ()) -> int:
    """Add dead letters as the drain does; how many are new."""
    return dead_letters.add(own.stores.postgres, own.stores.keys, journal_id, refusals, unreadable)


def refusal(operation: Operation, version: int, seq: int = 0) -> Refusal:
    return Refusal(Placed(operation, version, seq, f"{version // 1_000}-0"), "wrong", "InvalidRequest")


def listed(own: Own, *states: State) -> list[DeadLetter]:
    return dead_letters.find(own.stores.postgres, states or ALL_STATES)


def id_of(placed: Placed[Operation]) -> UUID:
    """The id of a new message."""
    (create,) = only_creates([placed])
    return message_id(create).uuid


@contextmanager
def a_column_is_missing(own: Own) -> Iterator[None]:
    """A cause that can be mended: rows that name the column are refused, all others are stored."""
    own.cql("ALTER TABLE chat_messages_by_event DROP sender_profile_url")
    try:
        yield
    finally:
        own.cql("ALTER TABLE chat_messages_by_event ADD sender_profile_url TEXT")


# Statements


@pytest.mark.parametrize(
    ("operation", "seq", "kind", "ids"),
    [
        (
            Create(7, 1, 3, "n", "", CANARY, "text"),
            12,
            "create",
            (7, OF_A_CREATE, 12, 3),
        ),
        (
            Create(7, 1, None, "", "", CANARY, "system"),
            12,
            "create",
            (7, OF_A_CREATE, 12, None),
        ),
        (
            Create(7, 1, BEYOND_INT8, "n", "", CANARY, "text"),
            12,
            "create",
            (7, OF_A_CREATE, 12, None),
        ),
        (Edit(7, NAMED, 3, CANARY), 0, "edit", (7, NAMED, None, 3)),
        (Delete(7, NAMED, 3), 0, "delete", (7, NAMED, None, 3)),
        (React(7, NAMED, 3, CANARY), 0, "react", (7, NAMED, None, 3)),
        (Read(BEYOND_INT8, 3, 9), 0, "read", (None, None, None, 3)),
    ],
)
def test_each_kind_is_kept_by_its_ids_and_comes_out_as_it_went_in(
    own: Own, operation: Operation, seq: int, kind: str, ids: tuple[object, ...]
) -> None:
    refused = refusal(operation, 1_000_000, seq)
    assert keep(own, refused) == 1
    (letter,) = listed(own)
    assert (letter.kind, letter.journal, letter.version, letter.entry_id) == (kind, 0, 1_000_000, "1000-0")
    assert (letter.event_id, letter.message_id, letter.seq, letter.actor_id) == ids
    assert (letter.cause_class, letter.cause_code, letter.state) == ("wrong", "InvalidRequest", State.OPEN)
    assert letter.entry(own.stores.keys) == Entry("1000-0", (refused.placed,))
    assert dead_letters.get(own.stores.postgres, letter.id) == letter


def test_an_unreadable_entry_is_kept_whole(own: Own) -> None:
    entry = UnreadableEntry("17-0", 17_000, {b"f": b"9", b"v": b"17000", b"o": CANARY.encode(), b"x": b"\xff"})
    assert keep(own, unreadable=(entry,)) == 1
    (letter,) = listed(own)
    assert (letter.kind, letter.event_id, letter.cause_code) == ("unreadable", None, "unreadable")
    assert letter.entry(own.stores.keys) == entry


def test_an_operation_that_fails_again_is_kept_once(own: Own) -> None:
    first = refusal(saying(7, "a"), 5)
    assert keep(own, first) == 1
    assert keep(own, first, refusal(saying(7, "b"), 6)) == 1
    assert keep(own) == 0
    assert [letter.version for letter in listed(own)] == [6, 5]


def test_the_same_version_of_another_journal_is_another_letter(own: Own) -> None:
    own.sql("INSERT INTO journals (id) VALUES (1) ON CONFLICT DO NOTHING")
    assert keep(own, refusal(saying(7, "a"), 5)) == 1
    assert keep(own, refusal(saying(7, "a"), 5), journal_id=1) == 1


def test_nothing_that_was_said_can_be_read_in_the_table(own: Own) -> None:
    """P11. Not in a column, not in the payload, however it is looked at."""
    keep(own, refusal(saying(7, CANARY), 5), refusal(Edit(7, NAMED, 3, CANARY), 6))
    ((table,),) = own.sql("SELECT string_agg(encode(convert_to(d::text, 'UTF8'), 'hex'), '') FROM dead_letters AS d")
    ((payloads,),) = own.sql("SELECT string_agg(encode(payload, 'hex'), '') FROM dead_letters")
    for text in ("canary", "카나리아", "Minji", "example.org"):
        assert text.encode().hex() not in f"{table}{payloads}"
        assert text.encode().hex().encode().hex() not in f"{table}"


def test_a_payload_moved_to_another_row_does_not_decrypt(own: Own) -> None:
    keep(own, refusal(saying(7, "mine"), 5), refusal(saying(7, "yours"), 6))
    own.sql("UPDATE dead_letters SET payload = (SELECT payload FROM dead_letters WHERE version = 5)")
    yours, mine = listed(own)
    assert isinstance(mine.entry(own.stores.keys), Entry)
    with pytest.raises(NotDecryptable):
        yours.entry(own.stores.keys)


def test_they_are_found_by_state_newest_first_and_a_page_at_a_time(own: Own) -> None:
    keep(own, *(refusal(saying(7, "a"), version) for version in range(1, 6)))
    ids = [letter.id for letter in listed(own)]
    assert ids == sorted(ids, reverse=True)
    assert dead_letters.resolve(own.stores.postgres, ids[:2], State.DISCARDED) == set(ids[:2])
    assert dead_letters.resolve(own.stores.postgres, ids[1:3], State.REPLAYED) == {ids[2]}
    assert [letter.id for letter in listed(own, State.DISCARDED)] == ids[:2]
    assert [letter.id for letter in listed(own, State.OPEN, State.REPLAYED)] == ids[2:]
    assert [d.id for d in dead_letters.find(own.stores.postgres, ALL_STATES, before=ids[1], limit=2)] == ids[2:4]
    assert dead_letters.count_by_state(own.stores.postgres) == {State.OPEN: 2, State.REPLAYED: 1, State.DISCARDED: 2}
    with pytest.raises(NotThere):
        dead_letters.get(own.stores.postgres, INT8_MAX)


def test_a_resolved_letter_says_when(own: Own) -> None:
    keep(own, refusal(saying(7, "a"), 5))
    (letter,) = listed(own)
    assert letter.resolved_at is None
    dead_letters.resolve(own.stores.postgres, [letter.id], State.DISCARDED)
    resolved = dead_letters.get(own.stores.postgres, letter.id)
    assert resolved.resolved_at is not None
    assert resolved.resolved_at >= letter.created_at


def test_all_open_ones_come_in_the_order_of_their_journal_across_pages(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "PAGE_LETTERS", 2)
    own.sql("INSERT INTO journals (id) VALUES (1) ON CONFLICT DO NOTHING")
    keep(own, refusal(saying(7, "a"), 4), journal_id=1)
    keep(own, *(refusal(saying(7, "a"), version) for version in (9, 2, 5, 7)))
    (closed,) = [letter.id for letter in listed(own) if letter.version == 5]
    dead_letters.resolve(own.stores.postgres, [closed], State.DISCARDED)
    pages = [
        [(letter.journal, letter.version) for letter in page] for page in dead_letters.all_open(own.stores.postgres)
    ]
    assert pages == [[(0, 2), (0, 7)], [(0, 9), (1, 4)]]


def test_with_a_message_comes_what_was_asked_of_it_since_and_nothing_else(own: Own) -> None:
    create = Placed(saying(7, "a"), 5_000, 3, "5-0")
    message, other = message_id(create).uuid, NAMED
    keep(
        own,
        Refusal(Placed(Delete(7, message, 1), 9_000, 0, "9-0"), "refused", "not_the_author"),
        Refusal(create, "wrong", "InvalidRequest"),
        Refusal(Placed(React(7, message, 2, "!"), 8_000, 0, "8-0"), "wrong", "InvalidRequest"),
        Refusal(Placed(Edit(7, other, 1, "b"), 7_000, 0, "7-0"), "wrong", "InvalidRequest"),
        Refusal(Placed(Edit(8, message, 1, "b"), 6_000, 0, "6-0"), "wrong", "InvalidRequest"),
    )
    id_by_version = {letter.version: letter.id for letter in listed(own)}

    def named(*versions: int) -> list[int]:
        ids = [id_by_version[version] for version in versions]
        return [letter.version for letter in dead_letters.open_named(own.stores.postgres, ids)]

    assert named(5_000) == [5_000, 8_000, 9_000]
    assert named(8_000) == [8_000]
    assert named(7_000, 5_000) == [5_000, 7_000, 8_000, 9_000]
    assert dead_letters.open_named(own.stores.postgres, [INT8_MAX]) == []


def test_a_seq_that_a_letter_holds_is_known_for_good_to_whoever_seeds_the_register(own: Own) -> None:
    keep(
        own, refusal(saying(7, "a"), 5, seq=41), refusal(saying(7, "a"), 6, seq=42), refusal(saying(8, "a"), 7, seq=99)
    )
    dead_letters.resolve(own.stores.postgres, [listed(own)[1].id], State.DISCARDED)

    async def ask() -> tuple[int, int, int]:
        async with AsyncConnectionPool(own.env["TIMINGLE_POSTGRES_URL"], min_size=1, open=False) as pool:
            known, none = await dead_letters.last_seq(pool, 7), await dead_letters.last_seq(pool, 6)
            return known, none, await dead_letters.count_open(pool)

    assert asyncio.run(ask()) == (42, 0, 2)


# The drain


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
    (letter,) = listed(own)
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
    assert {letter.kind for letter in listed(own)} == {"edit", "react"}


def test_delivered_again_it_is_one_letter_and_the_same_rows(own: Own) -> None:
    event = new_event()
    own.append(saying(event, "one"), saying(event, CANARY, sender_id=BEYOND_INT8))
    own.drain()
    rows, letters = own.rows(event), listed(own)
    own.deliver_all_again()
    own.drain()
    assert (own.rows(event), listed(own)) == (rows, letters)


# Replay


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
    letters = listed(own, State.OPEN)
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
    assert {letter.state for letter in listed(own)} == {State.REPLAYED}


def test_a_message_deleted_while_it_was_a_dead_letter_is_never_seen(own: Own) -> None:
    """P5. Replaying the message alone brings its deletion with it, and an edit of somebody else stays refused."""
    event = new_event()
    own.append(saying(event, "before"))
    own.drain()
    with a_column_is_missing(own):
        (said,) = own.append(saying(event, CANARY))
        own.append(Delete(event, id_of(said), 1), Edit(event, id_of(said), 2, "forged"))
        own.drain()
    by_kind = {letter.kind: letter for letter in listed(own)}
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
    good, bad = sorted(listed(own), key=lambda letter: letter.version)
    replaying = Replay(own.stores)
    assert replaying.store([good, bad]) == {bad.id: {UNSENDABLE}}
    assert replaying.close() == {good.id}
    assert [letter.id for letter in listed(own, State.OPEN)] == [bad.id]
    assert [(m.seq, m.message) for m in own.page(event)] == [(1, "before"), (2, "good"), (3, "")]


def test_until_it_is_on_disk_a_replayed_letter_stays_open(own: Own) -> None:
    """P1. A node may lose what it has acknowledged; no journal holds a replayed operation any more."""
    keep(own, refusal(saying(new_event(), "a"), 5_000, seq=1))
    replaying = Replay(own.stores)
    assert replaying.store(listed(own)) == {}
    assert [letter.state for letter in listed(own)] == [State.OPEN]
    replaying._generations = "a node's generation before it was killed"
    with pytest.raises(Away, match="a node restarted"):
        replaying.close()
    assert [letter.state for letter in listed(own)] == [State.OPEN]


def test_an_entry_of_a_later_format_is_replayed_whole_by_the_release_that_reads_it(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = new_event()
    own.append(saying(event, "one"))
    fields = entries.fields_of(Placed(saying(event, "two"), 1_764_000_000_000_000, 2, ""))
    own.add_entry({**fields, b"f": b"2"})
    own.drain()
    (letter,) = listed(own)
    assert Replay(own.stores).store([letter]) == {letter.id: {"unreadable"}}
    monkeypatch.setattr(entries, "ENTRY_FORMAT", 2)
    replaying = Replay(own.stores)
    assert replaying.store([letter]) == {}
    assert replaying.close() == {letter.id}
    assert [(row.seq, row.message) for row in own.rows(event)] in ([(2, "two"), (1, "one")], [(1, "one"), (2, "two")])


def test_a_letter_whose_key_is_lost_does_not_hold_up_the_others(own: Own) -> None:
    event = new_event()
    keep(own, refusal(saying(event, "lost"), 5_000, seq=1), refusal(saying(event, "kept"), 6_000, seq=2))
    own.sql("UPDATE dead_letters SET payload = decode('01', 'hex') WHERE version = 5000")
    kept, lost = listed(own)
    replaying = Replay(own.stores)
    assert replaying.store([lost, kept]) == {lost.id: {"NotDecryptable"}}
    assert replaying.close() == {kept.id}
    assert [row.message for row in own.rows(event)] == ["kept"]
