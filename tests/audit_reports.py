"""Audit reports for tests, the benchmark and docs/: a salon's appointment, with all that can happen to one."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from pypdfium2 import PdfDocument

from domain.audit_report import (
    AuditReport,
    Language,
    ReportedChain,
    ReportedEvent,
    ReportedParticipant,
    ReportedPayment,
)
from domain.event_state import moment
from domain.event_status import EventStatus
from domain.history import GENESIS, Change, ChangeType, Entry
from local.install import FONTS
from reports.document import render
from tests.histories import entry_of

EVENT_ID: Final = 4711
REPORT_ID: Final = 128
PICTURE_SCALE: Final = 1.7
"""Pixels a point: sharp in a README, and small."""
PROPOSED_AT: Final = datetime(2026, 11, 16, 1, 12, 41, 220_000, UTC)
STARTS, MOVED = datetime(2026, 11, 21, 5, tzinfo=UTC), datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
ENDS, MOVED_END = datetime(2026, 11, 21, 7, tzinfo=UTC), datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TITLE: Final = "레이어드 컷과 뿌리 염색"
DESCRIPTION: Final = (
    "어깨 아래까지 오는 머리입니다. 지난번보다 한 톤 어둡게 해 주세요. 두피가 예민해서 저자극 제품으로 부탁드려요."
)
PLACE: Final = "살롱 드 마포, 서울 마포구 와우산로 21길 3, 2층"
REASON: Final = "아이가 갑자기 열이 나서 병원에 가야 합니다. 당일에 죄송합니다."


class Who(NamedTuple):
    """Somebody who acts, and from where."""

    user_id: int
    name: str
    ip_address: str
    user_agent: str


SALON: Final = Who(1001, "한서연 원장", "203.0.113.24", "timingle-business/5.2 (iPad; iPadOS 26.1)")
CUSTOMER: Final = Who(2002, "김민지", "2001:db8:4f::1c07", "timingle/5.2 (Android 16; SM-S938N)")
FRIEND: Final = Who(2003, "مريم الحسن", "198.51.100.7", "timingle/5.1 (iPhone; iOS 26.1)")
PEOPLE: Final = {who.user_id: who for who in (SALON, CUSTOMER, FRIEND)}


class Step(NamedTuple):
    """A change, when and by whom."""

    after: timedelta
    actor: Who | None
    change: Change


def participant(user_id: int, *, confirmed: bool = False) -> dict[str, object]:
    """A participant as an entry tells of him."""
    return {"user_id": user_id, "confirmed": confirmed, "joined_seq": 0}


def payment(status: str, refunded: str = "0.00") -> dict[str, object]:
    """The payment as an entry tells of it."""
    return {
        "payment_id": 900,
        "payer_id": CUSTOMER.user_id,
        "receiver_id": SALON.user_id,
        "amount": "160000.00",
        "currency": "KRW",
        "refunded_amount": refunded,
        "status": status,
    }


def people(kind: ChangeType, old: object, new: object, **texts: str) -> Change:
    """A change of a participant."""
    return Change(change_type=kind, field_name="participants", old_value=old, new_value=new, texts=texts)


def text(field: str, old: str, new: str) -> Change:
    """A change of a text."""
    return Change(change_type=ChangeType.UPDATED, field_name=field, texts={"old_value": old, "new_value": new})


def time(field: str, old: datetime, new: datetime) -> Change:
    """A moved start or end."""
    return Change(change_type=ChangeType.UPDATED, field_name=field, old_value=moment(old), new_value=moment(new))


def paid(kind: ChangeType, old: object, new: object) -> Change:
    """A change of the payment."""
    return Change(change_type=kind, field_name="payments", old_value=old, new_value=new)


def confirms(who: Who) -> Change:
    """Somebody agrees."""
    old, new = participant(who.user_id), participant(who.user_id, confirmed=True)
    return people(ChangeType.PARTICIPANT_CONFIRMED, old, new)


def added(who: Who, *, confirmed: bool = False) -> Change:
    """Somebody is let in."""
    return people(ChangeType.PARTICIPANT_ADDED, None, participant(who.user_id, confirmed=confirmed), name=who.name)


def at(days: int = 0, hours: int = 0, minutes: int = 0, seconds: float = 0) -> timedelta:
    """After the proposal."""
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def story() -> Iterator[Step]:
    """Proposed, moved, confirmed by all, paid, and cancelled by the customer three hours before the start."""
    created = {
        "creator_id": SALON.user_id,
        "start_time": moment(STARTS),
        "end_time": moment(ENDS),
        "status": "PROPOSED",
        "open_slot_id": None,
    }
    texts = {"title": "컷과 염색", "location": PLACE, "description": DESCRIPTION}
    yield Step(at(), SALON, Change(change_type=ChangeType.CREATED, new_value=created, texts=texts))
    yield Step(at(), SALON, added(SALON, confirmed=True))
    yield Step(at(), SALON, added(CUSTOMER))
    yield Step(at(minutes=4), SALON, added(FRIEND))
    yield Step(at(hours=1, minutes=9), CUSTOMER, confirms(CUSTOMER))
    yield Step(at(hours=5), SALON, text("title", "컷과 염색", TITLE))
    yield Step(at(days=1, hours=2), SALON, time("start_time", STARTS, MOVED))
    yield Step(at(days=1, hours=2), SALON, time("end_time", ENDS, MOVED_END))
    yield Step(
        at(days=1, hours=2),
        SALON,
        people(
            ChangeType.PARTICIPANT_UNCONFIRMED,
            participant(CUSTOMER.user_id, confirmed=True),
            participant(CUSTOMER.user_id),
        ),
    )
    yield Step(at(days=1, hours=3), CUSTOMER, confirms(CUSTOMER))
    yield Step(at(days=1, hours=6, seconds=2.4), FRIEND, confirms(FRIEND))
    yield Step(
        at(days=1, hours=6, seconds=2.4),
        FRIEND,
        Change(change_type=ChangeType.CONFIRMED, field_name="status", old_value="PROPOSED", new_value="CONFIRMED"),
    )
    yield Step(at(days=1, hours=6, minutes=11), CUSTOMER, paid(ChangeType.PAYMENT_CREATED, None, payment("PENDING")))
    yield Step(
        at(days=1, hours=6, minutes=12),
        None,
        paid(ChangeType.PAYMENT_CHANGED, payment("PENDING"), payment("COMPLETED")),
    )
    canceled = Change(
        change_type=ChangeType.CANCELED,
        old_value={"status": "CONFIRMED"},
        new_value={"status": "CANCELED"},
        texts={"canceled_reason": REASON},
    )
    yield Step(MOVED - timedelta(hours=3, minutes=4) - PROPOSED_AT, CUSTOMER, canceled)
    yield Step(
        MOVED - timedelta(hours=1) - PROPOSED_AT,
        None,
        paid(ChangeType.PAYMENT_CHANGED, payment("COMPLETED"), payment("COMPLETED", "112000.00")),
    )


def long_story(entries: int) -> Iterator[Step]:
    """The story, and then as many more changes as are wanted: texts, moves, confirmations, payments."""
    steps = list(story())
    yield from steps[:entries]
    for place in range(entries - len(steps)):
        step = steps[3 + place % (len(steps) - 3)]
        change = step.change
        if change.field_name == "title":
            change = text("title", f"{TITLE} {place}", f"{TITLE} {place + 1}")
        yield Step(at(days=5, minutes=place), step.actor, change)


def chained(steps: Iterator[Step]) -> Iterator[Entry]:
    """Steps as PostgreSQL chains them."""
    prev = GENESIS
    last = PROPOSED_AT - timedelta(milliseconds=1)
    for seq, step in enumerate(steps, 1):
        last = max(PROPOSED_AT + step.after, last + timedelta(milliseconds=1))
        actor_id = step.actor and step.actor.user_id
        entry = entry_of(step.change, EVENT_ID, seq, prev, actor_id, last, named(step.actor))
        prev = entry.entry_hash
        yield entry


def named(actor: Who | None) -> dict[str, str]:
    """What an entry keeps of whoever acts."""
    if actor is None:
        return {}
    return {"actor_name": actor.name, "ip_address": actor.ip_address, "user_agent": actor.user_agent}


def report(language: Language = Language.KOREAN, entries: Sequence[Entry] | None = None) -> AuditReport:
    """The salon's report; of other entries if they are given."""
    given = tuple(chained(story())) if entries is None else entries
    agreed = {SALON.user_id: at(), CUSTOMER.user_id: at(days=1, hours=3), FRIEND.user_id: at(days=1, hours=6)}
    phones = {SALON.user_id: "+82******0021", CUSTOMER.user_id: "+82******5678", FRIEND.user_id: "+971******4410"}
    return AuditReport(
        report_id=REPORT_ID,
        language=language,
        requested_at=datetime(2026, 11, 25, 7, 40, 12, tzinfo=UTC),
        requested_by=SALON.user_id,
        event=ReportedEvent(
            id=EVENT_ID,
            title=TITLE,
            description=DESCRIPTION,
            location=PLACE,
            start_time=MOVED,
            end_time=MOVED_END,
            status=EventStatus.CANCELED,
            canceled_reason=REASON,
            creator_id=SALON.user_id,
        ),
        participants=tuple(
            ReportedParticipant(
                user_id=who.user_id,
                name=who.name,
                phone=phones[who.user_id],
                confirmed_at=PROPOSED_AT + agreed[who.user_id],
            )
            for who in PEOPLE.values()
        ),
        payments=(
            ReportedPayment(
                id=900,
                amount=Decimal("160000.00"),
                currency="KRW",
                refunded=Decimal("112000.00"),
                status="COMPLETED",
                method="TOSS",
                created_at=PROPOSED_AT + at(days=1, hours=6, minutes=11),
            ),
        ),
        chain=ReportedChain(length=len(given), head=given[-1].entry_hash if given else GENESIS, faults=()),
        entries=lambda: given,
    )


def with_event(given: AuditReport, **changes: object) -> AuditReport:
    """The report of an event that differs in these fields."""
    return replace(given, event=replace(given.event, **changes))  # type: ignore[arg-type]


def draw_picture(out: Path) -> None:
    """Page 1 of the salon's report as a picture: docs/audit-report.png."""
    content = io.BytesIO()
    render(report(), content, FONTS, lambda *_: None)
    page = PdfDocument(content.getvalue())[0].render(scale=PICTURE_SCALE).to_pil()
    page.quantize(256).save(out, optimize=True)


if __name__ == "__main__":
    draw_picture(Path(__file__).parents[1] / "docs" / "audit-report.png")
