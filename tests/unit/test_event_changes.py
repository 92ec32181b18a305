"""domain.event_changes: who may do what to an event, when, and what its history says of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, Conflict, NotAllowed, NotThere, Refused
from domain.event import EventChange
from domain.event_changes import Changed, cancel, complete, confirm, creation, edit, invite, remove
from domain.event_state import Event, Participant, moment
from domain.event_status import ALLOWED, EventStatus
from domain.history import Change, ChangeType
from domain.history_verify import verify
from tests.histories import BEGAN, entries_of

CREATOR, GUEST, OTHER, STRANGER = 1, 2, 3, 4
NOW = datetime(2026, 11, 25, tzinfo=UTC)
STARTS, ENDS = NOW + timedelta(days=1), NOW + timedelta(days=1, hours=1)
P, C = EventStatus.PROPOSED, EventStatus.CONFIRMED


def event(status: EventStatus = P, **confirmed: bool) -> Event:
    """An event of the creator, a guest and another, or of those who are named, with who has confirmed."""
    users = {"creator": CREATOR, "guest": GUEST, "other": OTHER}
    people = confirmed or {"creator": True, "guest": status is not P, "other": status is not P}
    return Event(
        id=7,
        title="컷",
        description=None,
        start_time=STARTS,
        end_time=ENDS,
        location="마포점",
        creator_id=CREATOR,
        status=status,
        journal=0,
        history_length=0,
        history_head=None,
        canceled_reason=None,
        open_slot_id=None,
        created_at=BEGAN,
        updated_at=BEGAN,
        participants=tuple(Participant(users[name], agreed, 0) for name, agreed in people.items()),
    )


def asked(actor_id: int = CREATOR, **wanted: object) -> EventChange:
    return msgspec.convert({"actor_id": actor_id, **wanted}, EventChange)


def told(changed: Changed) -> list[tuple[ChangeType, str | None]]:
    return [(one.change_type, one.field_name) for one in changed.changes]


def agreed(changed: Changed) -> dict[int, bool]:
    return {one.user_id: one.confirmed for one in changed.event.participants}


def test_a_creation_tells_of_the_event_and_of_each_participant() -> None:
    first, *others = creation(event())
    assert first == Change(
        change_type=ChangeType.CREATED,
        new_value={
            "creator_id": CREATOR,
            "start_time": moment(STARTS),
            "end_time": moment(ENDS),
            "status": P,
            "open_slot_id": None,
        },
        texts={"title": "컷", "location": "마포점"},
    )
    assert [(one.change_type, one.field_name, one.old_value, one.new_value) for one in others] == [
        (ChangeType.PARTICIPANT_ADDED, "participants", None, {"user_id": u, "confirmed": c, "joined_seq": 0})
        for u, c in ((CREATOR, True), (GUEST, False), (OTHER, False))
    ]


def test_the_last_to_confirm_confirms_the_event_and_nobody_before() -> None:
    first = confirm(event(), GUEST)
    assert (first.event.status, told(first)) == (P, [(ChangeType.PARTICIPANT_CONFIRMED, "participants")])
    last = confirm(first.event, OTHER)
    assert (last.event.status, told(last)) == (
        C,
        [(ChangeType.PARTICIPANT_CONFIRMED, "participants"), (ChangeType.CONFIRMED, "status")],
    )
    assert (last.changes[1].old_value, last.changes[1].new_value) == (P, C)


@pytest.mark.parametrize("status", [P, C])
def test_a_second_confirm_changes_nothing(status: EventStatus) -> None:
    before = event(status, creator=True, guest=True, other=status is C)
    assert confirm(before, GUEST) == Changed(before, ())


def test_an_event_of_its_creator_alone_is_never_confirmed() -> None:
    alone = event(creator=True)
    assert confirm(alone, CREATOR).event.status is P
    left = remove(event(creator=True, guest=False), CREATOR, GUEST, None)
    assert (left.event.status, told(left)) == (P, [(ChangeType.PARTICIPANT_REMOVED, "participants")])


def test_removing_the_last_who_had_not_confirmed_confirms_the_event() -> None:
    done = remove(event(creator=True, guest=True, other=False), CREATOR, OTHER, None)
    assert (done.event.status, told(done)) == (
        C,
        [(ChangeType.PARTICIPANT_REMOVED, "participants"), (ChangeType.CONFIRMED, "status")],
    )
    assert remove(event(), CREATOR, OTHER, None).event.status is P


def test_the_last_to_take_part_does_not_leave() -> None:
    with pytest.raises(Conflict, match="PROPOSED"):
        remove(event(creator=True), CREATOR, CREATOR, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "염색"), ("description", "두 시간"), ("location", None)],
)
@pytest.mark.parametrize("status", [P, C])
def test_texts_change_while_proposed_or_confirmed_each_as_its_own_entry(
    status: EventStatus, field: str, value: str | None
) -> None:
    before = event(status)
    changed = edit(before, asked(GUEST, **{field: value}), NOW)
    assert changed.event == replace(before, **{field: value})  # type: ignore[arg-type]
    (change,) = changed.changes
    old = getattr(before, field)
    texts = {name: text for name, text in (("old_value", old), ("new_value", value)) if text is not None}
    assert (change.field_name, change.old_value, change.new_value, change.texts) == (field, None, None, texts)


def test_several_fields_are_several_entries_in_a_fixed_order() -> None:
    later = ENDS + timedelta(hours=1)
    changed = edit(event(), asked(end_time=later.isoformat(), location="홍대점", title="염색"), NOW)
    assert told(changed) == [(ChangeType.UPDATED, name) for name in ("title", "location", "end_time")]
    assert (changed.changes[2].old_value, changed.changes[2].new_value) == (moment(ENDS), moment(later))


def test_a_moved_time_takes_back_all_confirmations_but_the_movers() -> None:
    before = event(creator=True, guest=True, other=False)
    moved = edit(before, asked(GUEST, start_time=(STARTS + timedelta(minutes=30)).isoformat()), NOW)
    assert agreed(moved) == {CREATOR: False, GUEST: True, OTHER: False}
    assert told(moved) == [
        (ChangeType.UPDATED, "start_time"),
        (ChangeType.PARTICIPANT_UNCONFIRMED, "participants"),
    ]
    assert agreed(edit(event(creator=True, guest=True), asked(GUEST, title="x"), NOW)) == {CREATOR: True, GUEST: True}


def test_a_mover_who_had_not_agreed_has_not_by_moving() -> None:
    moved = edit(event(), asked(GUEST, end_time=(ENDS + timedelta(minutes=1)).isoformat()), NOW)
    assert agreed(moved) == {CREATOR: False, GUEST: False, OTHER: False}


def test_a_moved_event_has_its_times_in_utc() -> None:
    seoul = timezone(timedelta(hours=9))
    moved = edit(
        event(), asked(start_time=STARTS.astimezone(seoul).isoformat(), end_time="2099-01-01T09:00:00+09:00"), NOW
    )
    assert told(moved)[0] == (ChangeType.UPDATED, "end_time")
    assert moved.event.start_time.utcoffset() == moved.event.end_time.utcoffset() == timedelta(0)


def test_the_same_values_once_more_change_nothing() -> None:
    same = asked(title="컷", description=None, start_time=STARTS.isoformat(), end_time=ENDS.isoformat())
    assert edit(event(C), same, NOW) == Changed(event(C), ())


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"end_time": STARTS}, "end_time"),
        ({"start_time": ENDS}, "end_time"),
        ({"start_time": NOW - timedelta(seconds=1)}, "start_time"),
        ({"start_time": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))}, "start_time"),
        ({}, ""),
    ],
)
def test_a_move_that_makes_no_sense_is_refused_with_its_field(wanted: dict[str, datetime], field: str) -> None:
    with pytest.raises(BadInput) as raised:
        edit(event(), asked(CREATOR, **{name: at.isoformat() for name, at in wanted.items()}), NOW)
    assert raised.value.field == field


Act = Callable[[Event, int], Changed]
ACTS: dict[str, Act] = {
    "describe": lambda e, actor: edit(e, asked(actor, title="염색"), NOW),
    "move": lambda e, actor: edit(e, asked(actor, end_time=(ENDS + timedelta(hours=1)).isoformat()), NOW),
    "invite": lambda e, actor: invite(e, actor, 9, 5),
    "remove another": lambda e, actor: remove(e, actor, OTHER if actor != OTHER else GUEST, None),
    "leave": lambda e, actor: remove(e, actor, actor, None),
    "confirm": lambda e, actor: confirm(e, actor),
    "cancel": lambda e, actor: cancel(e, actor, "아파요"),
    "complete": lambda e, actor: complete(e, actor),
}
CREATORS_ONLY = {"invite", "remove another", "complete"}
WHILE = {
    P: {"describe", "move", "invite", "remove another", "leave", "confirm", "cancel"},
    C: {"describe", "confirm", "cancel", "complete"},
    EventStatus.CANCELED: set[str](),
    EventStatus.DONE: set[str](),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", EventStatus)
@pytest.mark.parametrize("actor", [CREATOR, GUEST, STRANGER])
def test_who_may_do_what_and_when(act: str, status: EventStatus, actor: int) -> None:
    before = event(status)
    if actor == STRANGER or (actor != CREATOR and act in CREATORS_ONLY):
        with pytest.raises(NotAllowed):
            ACTS[act](before, actor)
    elif act not in WHILE[status]:
        with pytest.raises(Conflict, match=f"The event is {status}"):
            ACTS[act](before, actor)
    else:
        after = ACTS[act](before, actor).event
        assert after.status is status or after.status in ALLOWED[status]


def test_who_takes_part_already_is_not_let_in_and_who_does_not_is_not_taken_out() -> None:
    with pytest.raises(Conflict, match="PROPOSED"):
        invite(event(), CREATOR, GUEST, 0)
    with pytest.raises(NotThere) as raised:
        remove(event(), CREATOR, STRANGER, None)
    assert raised.value.field == "user_id"


def test_who_is_let_in_has_not_confirmed_and_stands_where_the_talk_is() -> None:
    invited = invite(event(creator=True, other=True), CREATOR, GUEST, 41)
    assert invited.event.participants[1] == Participant(GUEST, False, 41)
    assert invited.changes[0].new_value == {"user_id": GUEST, "confirmed": False, "joined_seq": 41}


def test_a_cancellation_keeps_its_reason() -> None:
    canceled = cancel(event(C), GUEST, "아파요")
    assert (canceled.event.status, canceled.event.canceled_reason) == (EventStatus.CANCELED, "아파요")
    (change,) = canceled.changes
    assert (change.old_value, change.new_value) == ({"status": C}, {"status": EventStatus.CANCELED})
    assert change.texts == {"canceled_reason": "아파요"}


calls = st.tuples(st.sampled_from([*ACTS, "invite guest"]), st.integers(CREATOR, STRANGER))


@given(st.lists(calls, max_size=30))
def test_whatever_is_asked_in_whatever_order_the_history_leads_to_the_event(asked_for: list[tuple[str, int]]) -> None:
    """P6. Refused calls change nothing; each change of a state is one that the table allows."""
    now = event()
    changes = list(creation(now))
    acts: dict[str, Act] = {**ACTS, "invite guest": lambda e, actor: invite(e, actor, GUEST, 3)}
    for act, actor in asked_for:
        try:
            changed = acts[act](now, actor)
        except Refused:
            continue
        assert changed.event.status is now.status or changed.event.status in ALLOWED[now.status]
        assert bool(changed.changes) == (changed.event != now)
        now, changes = changed.event, [*changes, *changed.changes]
    entries = entries_of(changes)
    now = replace(now, history_length=len(entries), history_head=entries[-1].entry_hash.hex())
    assert verify(entries, now) == []
