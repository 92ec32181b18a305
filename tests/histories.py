"""Histories for tests: chained in Python as PostgreSQL chains them, and whole or spoilt in one place."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from domain.event_state import Event, Participant, moment
from domain.event_status import EventStatus
from domain.history import COLUMNS_COMMITTED, GENESIS, Change, ChangeType, Entry, chain, commitment

EVENT_ID: Final = 7
SALT_BYTES: Final = 32
"""As PostgreSQL makes them."""
BEGAN: Final = datetime(2026, 11, 25, 1, 2, 3, 456_000, UTC)
ACTOR_TEXTS: Final = {"actor_name": "민지", "ip_address": "2001:db8::7", "user_agent": "timingle/1 (테스트)"}
STARTS, MOVED, ENDS = (datetime(2099, 1, 1, hour, tzinfo=UTC) for hour in (1, 2, 3))


def entries_of(changes: Iterable[Change], event_id: int = EVENT_ID, actor_id: int | None = 11) -> list[Entry]:
    """These changes, chained: each a second after the one before."""
    entries: list[Entry] = []
    prev = GENESIS
    for seq, change in enumerate(changes, 1):
        entry = entry_of(change, event_id, seq, prev, actor_id)
        entries.append(entry)
        prev = entry.entry_hash
    return entries


def entry_of(
    change: Change,
    event_id: int,
    seq: int,
    prev: bytes,
    actor_id: int | None,
    changed_at: datetime | None = None,
    actor_texts: Mapping[str, str] = ACTOR_TEXTS,
) -> Entry:
    """A change as the entry that follows this hash; so many seconds after the beginning, unless a time is given."""
    changed_at = changed_at or BEGAN + timedelta(seconds=seq)
    change_id = UUID(int=int(changed_at.timestamp() * 1_000) << 80 | 7 << 76 | 2 << 62 | seq << 30 | seq)
    texts = {**change.texts, **(actor_texts if actor_id else {})}
    salts = {name: bytes([seq % 256, place]) * (SALT_BYTES // 2) for place, name in enumerate(texts)}
    hashed = msgspec.json.encode(
        {
            "event_id": event_id,
            "chain_seq": seq,
            "change_id": change_id,
            "changed_at": changed_at,
            "type": change.change_type,
            "field": change.field_name,
            "old": change.old_value,
            "new": change.new_value,
            "actor_id": actor_id,
            "commitments": {name: commitment(salts[name], text) for name, text in texts.items()},
        }
    )
    return Entry(
        event_id=event_id,
        changed_at=changed_at,
        change_id=change_id,
        actor_id=actor_id,
        actor_name=texts.get("actor_name"),
        change_type=change.change_type,
        field_name=change.field_name,
        old_value=column(change.old_value, texts.get("old_value")),
        new_value=column(change.new_value, texts.get("new_value")),
        ip_address=texts.get("ip_address"),
        user_agent=texts.get("user_agent"),
        metadata={name: text for name, text in texts.items() if name not in COLUMNS_COMMITTED},
        chain_seq=seq,
        prev_hash=prev,
        entry_hash=chain(prev, hashed),
        hashed_bytes=hashed,
        salts=salts,
    )


def column(plain: object, committed: str | None) -> str | None:
    """What stands in old_value or new_value."""
    value = committed if plain is None else plain
    return None if value is None else msgspec.json.encode(value).decode()


def participant(user_id: int, *, confirmed: bool = False, joined_seq: int = 0) -> dict[str, object]:
    """A participant as an entry tells of him."""
    return {"user_id": user_id, "confirmed": confirmed, "joined_seq": joined_seq}


def created(title: str = "컷") -> Change:
    return Change(
        change_type=ChangeType.CREATED,
        new_value={
            "creator_id": 11,
            "start_time": moment(STARTS),
            "end_time": moment(ENDS),
            "status": "PROPOSED",
            "open_slot_id": None,
        },
        texts={"title": title, "location": "마포점"},
    )


def people(kind: ChangeType, old: object, new: object, **texts: str) -> Change:
    return Change(change_type=kind, field_name="participants", old_value=old, new_value=new, texts=texts)


def whole() -> tuple[list[Entry], Event]:
    """A history of twelve entries, and the event that it leads to."""
    added, confirmed = ChangeType.PARTICIPANT_ADDED, ChangeType.PARTICIPANT_CONFIRMED
    updated, status = ChangeType.UPDATED, "status"
    changes = [
        created(),
        people(added, None, participant(11, confirmed=True), name="민지"),
        people(added, None, participant(12), name="도현"),
        people(added, None, participant(13, joined_seq=4)),
        Change(change_type=updated, field_name="title", texts={"old_value": "컷", "new_value": "컷과 염색"}),
        Change(change_type=updated, field_name="description", texts={"new_value": "두 시간"}),
        Change(change_type=updated, field_name="description", texts={"old_value": "두 시간"}),
        Change(change_type=updated, field_name="start_time", old_value=moment(STARTS), new_value=moment(MOVED)),
        people(confirmed, participant(12), participant(12, confirmed=True)),
        people(ChangeType.PARTICIPANT_REMOVED, participant(13, joined_seq=4), None),
        Change(change_type=ChangeType.CONFIRMED, field_name=status, old_value="PROPOSED", new_value="CONFIRMED"),
        Change(
            change_type=ChangeType.CANCELED,
            old_value={"status": "CONFIRMED"},
            new_value={"status": "CANCELED"},
            texts={"canceled_reason": "아파요"},
        ),
    ]
    entries = entries_of(changes)
    event = Event(
        id=EVENT_ID,
        title="컷과 염색",
        description=None,
        start_time=MOVED,
        end_time=ENDS,
        location="마포점",
        creator_id=11,
        status=EventStatus.CANCELED,
        journal=0,
        history_length=len(entries),
        history_head=entries[-1].entry_hash.hex(),
        canceled_reason="아파요",
        open_slot_id=None,
        created_at=BEGAN,
        updated_at=BEGAN,
        participants=(Participant(11, True, 0), Participant(12, True, 0)),
    )
    return entries, event


def erased(entry: Entry, *names: str) -> Entry:
    """The entry without these values and their salts."""
    columns = {name: None for name in names if name in COLUMNS_COMMITTED}
    beside = {name: text for name, text in entry.metadata.items() if name not in names}
    salts = {name: salt for name, salt in entry.salts.items() if name not in names}
    return msgspec.structs.replace(entry, **columns, metadata=beside, salts=salts)


def other_values(entry: Entry) -> Iterator[tuple[str, object]]:
    """Each column of an entry with a value that it does not have."""
    yield "event_id", entry.event_id + 1
    yield "changed_at", entry.changed_at + timedelta(milliseconds=1)
    yield "change_id", UUID(int=entry.change_id.int ^ 1)
    yield "actor_id", 99
    yield "change_type", "DONE" if entry.change_type != "DONE" else "UPDATED"
    yield "field_name", "location"
    for name in ("actor_name", "ip_address", "user_agent"):
        yield name, "x"
    for name in ("old_value", "new_value"):
        yield name, '"x"'
    yield "metadata", {**entry.metadata, "title": "x"}
    yield "salts", {**entry.salts, "actor_name": bytes(SALT_BYTES)}
    yield "prev_hash", bytes(31) + b"\1"
    yield "entry_hash", bytes(31) + b"\1"
