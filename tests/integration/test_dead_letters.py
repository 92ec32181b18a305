"""Dead letters: kept once, by ids, encrypted; and replayed they end like operations that never failed (P10, P11)."""

import asyncio
from uuid import UUID

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.entries import Entry, Placed, UnreadableEntry, message_id
from domain.errors import NotThere
from domain.keyring import NotDecryptable
from domain.message import INT8_MAX
from domain.operations import Create, Delete, Edit, Operation, React, Read
from domain.plan import Refusal
from stores import dead_letters
from stores.dead_letters import State
from tests.integration.own import BEYOND_INT8, CANARY, Own, refusal, saying

ALL_STATES = list(State)
NAMED = UUID("0193611c-d2a0-7abc-8000-000040000001")
"""A message, as a change names it."""
OF_A_CREATE = UUID("00000000-03e8-7000-8000-000300000001")
"""What the version 1,000,000, the seq 12 and the random bits 1 make."""


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
    assert own.keep(refused) == 1
    (letter,) = own.dead_letters()
    assert (letter.kind, letter.journal, letter.version, letter.entry_id) == (kind, 0, 1_000_000, "1000-0")
    assert (letter.event_id, letter.message_id, letter.seq, letter.actor_id) == ids
    assert (letter.cause_class, letter.cause_code, letter.state) == ("wrong", "InvalidRequest", State.OPEN)
    assert letter.entry(own.stores.keys) == Entry("1000-0", (refused.placed,))
    assert dead_letters.get(own.stores.postgres, letter.id) == letter


def test_an_unreadable_entry_is_kept_whole(own: Own) -> None:
    entry = UnreadableEntry("17-0", 17_000, {b"f": b"9", b"v": b"17000", b"o": CANARY.encode(), b"x": b"\xff"})
    assert own.keep(unreadable=(entry,)) == 1
    (letter,) = own.dead_letters()
    assert (letter.kind, letter.event_id, letter.cause_code) == ("unreadable", None, "unreadable")
    assert letter.entry(own.stores.keys) == entry


def test_an_operation_that_fails_again_is_kept_once(own: Own) -> None:
    first = refusal(saying(7, "a"), 5)
    assert own.keep(first) == 1
    assert own.keep(first, refusal(saying(7, "b"), 6)) == 1
    assert own.keep() == 0
    assert [letter.version for letter in own.dead_letters()] == [6, 5]


def test_the_same_version_of_another_journal_is_another_letter(own: Own) -> None:
    own.sql("INSERT INTO journals (id) VALUES (1) ON CONFLICT DO NOTHING")
    assert own.keep(refusal(saying(7, "a"), 5)) == 1
    assert own.keep(refusal(saying(7, "a"), 5), journal_id=1) == 1


def test_nothing_that_was_said_can_be_read_in_the_table(own: Own) -> None:
    """P11. Not in a column, not in the payload, however it is looked at."""
    own.keep(refusal(saying(7, CANARY), 5), refusal(Edit(7, NAMED, 3, CANARY), 6))
    ((table,),) = own.sql("SELECT string_agg(encode(convert_to(d::text, 'UTF8'), 'hex'), '') FROM dead_letters AS d")
    ((payloads,),) = own.sql("SELECT string_agg(encode(payload, 'hex'), '') FROM dead_letters")
    for text in ("canary", "카나리아", "Minji", "example.org"):
        assert text.encode().hex() not in f"{table}{payloads}"
        assert text.encode().hex().encode().hex() not in f"{table}"


def test_a_payload_moved_to_another_row_does_not_decrypt(own: Own) -> None:
    own.keep(refusal(saying(7, "mine"), 5), refusal(saying(7, "yours"), 6))
    own.sql("UPDATE dead_letters SET payload = (SELECT payload FROM dead_letters WHERE version = 5)")
    yours, mine = own.dead_letters()
    assert isinstance(mine.entry(own.stores.keys), Entry)
    with pytest.raises(NotDecryptable):
        yours.entry(own.stores.keys)


def test_they_are_found_by_state_newest_first_and_a_page_at_a_time(own: Own) -> None:
    own.keep(*(refusal(saying(7, "a"), version) for version in range(1, 6)))
    ids = [letter.id for letter in own.dead_letters()]
    assert ids == sorted(ids, reverse=True)
    assert dead_letters.resolve(own.stores.postgres, ids[:2], State.DISCARDED) == set(ids[:2])
    assert dead_letters.resolve(own.stores.postgres, ids[1:3], State.REPLAYED) == {ids[2]}
    assert [letter.id for letter in own.dead_letters(State.DISCARDED)] == ids[:2]
    assert [letter.id for letter in own.dead_letters(State.OPEN, State.REPLAYED)] == ids[2:]
    assert [d.id for d in dead_letters.find(own.stores.postgres, ALL_STATES, before=ids[1], limit=2)] == ids[2:4]
    assert dead_letters.count_by_state(own.stores.postgres) == {State.OPEN: 2, State.REPLAYED: 1, State.DISCARDED: 2}
    with pytest.raises(NotThere):
        dead_letters.get(own.stores.postgres, INT8_MAX)


def test_a_resolved_letter_says_when(own: Own) -> None:
    own.keep(refusal(saying(7, "a"), 5))
    (letter,) = own.dead_letters()
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
    own.keep(refusal(saying(7, "a"), 4), journal_id=1)
    own.keep(*(refusal(saying(7, "a"), version) for version in (9, 2, 5, 7)))
    (closed,) = [letter.id for letter in own.dead_letters() if letter.version == 5]
    dead_letters.resolve(own.stores.postgres, [closed], State.DISCARDED)
    pages = [
        [(letter.journal, letter.version) for letter in page] for page in dead_letters.all_open(own.stores.postgres)
    ]
    assert pages == [[(0, 2), (0, 7)], [(0, 9), (1, 4)]]


def test_with_a_message_comes_what_was_asked_of_it_since_and_nothing_else(own: Own) -> None:
    create = Placed(saying(7, "a"), 5_000, 3, "5-0")
    message, other = message_id(create).uuid, NAMED
    own.keep(
        Refusal(Placed(Delete(7, message, 1), 9_000, 0, "9-0"), "refused", "not_the_author"),
        Refusal(create, "wrong", "InvalidRequest"),
        Refusal(Placed(React(7, message, 2, "!"), 8_000, 0, "8-0"), "wrong", "InvalidRequest"),
        Refusal(Placed(Edit(7, other, 1, "b"), 7_000, 0, "7-0"), "wrong", "InvalidRequest"),
        Refusal(Placed(Edit(8, message, 1, "b"), 6_000, 0, "6-0"), "wrong", "InvalidRequest"),
    )
    id_by_version = {letter.version: letter.id for letter in own.dead_letters()}

    def named(*versions: int) -> list[int]:
        ids = [id_by_version[version] for version in versions]
        return [letter.version for letter in dead_letters.open_named(own.stores.postgres, ids)]

    assert named(5_000) == [5_000, 8_000, 9_000]
    assert named(8_000) == [8_000]
    assert named(7_000, 5_000) == [5_000, 7_000, 8_000, 9_000]
    assert dead_letters.open_named(own.stores.postgres, [INT8_MAX]) == []


def test_a_seq_that_a_letter_holds_is_known_for_good_to_whoever_seeds_the_register(own: Own) -> None:
    own.keep(refusal(saying(7, "a"), 5, seq=41), refusal(saying(7, "a"), 6, seq=42), refusal(saying(8, "a"), 7, seq=99))
    dead_letters.resolve(own.stores.postgres, [own.dead_letters()[1].id], State.DISCARDED)

    async def ask() -> tuple[int, int, int]:
        async with AsyncConnectionPool(own.env["TIMINGLE_POSTGRES_URL"], min_size=1, open=False) as pool:
            known, none = await dead_letters.last_seq(pool, 7), await dead_letters.last_seq(pool, 6)
            return known, none, await dead_letters.count_open(pool)

    assert asyncio.run(ask()) == (42, 0, 2)
