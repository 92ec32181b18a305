"""What an entry says, for a reader: what happened, and the values before and after it.

Told from the entry's bytes, which are what was hashed, and from what they committed to (domain.history). An entry of a
broken chain may say anything: what cannot be read as it should be is shown as it is.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from domain.history import Entry, Said, old_and_new, said
from domain.history_replay import PARTICIPANTS
from domain.payment_history import PAYMENTS
from reports.characters import Shown, cut, within
from reports.moments import day_and_minute, money
from reports.text_runs import code_points
from reports.words import Words

CHARACTERS_SHOWN: Final = 1_500
CHARACTERS_SHOWN_MAX: Final = 2_000
"""Half a page. What is longer is cut to CHARACTERS_SHOWN: a value of 5 MB would fill 1,500 pages."""
assert CHARACTERS_SHOWN < CHARACTERS_SHOWN_MAX, "what is cut is at least a line long"
TIMES: Final = frozenset({"start_time", "end_time"})
LABELS: Final[Mapping[str, str]] = {
    "title": "event_title",
    "canceled_reason": "reason",
    "location": "where",
    "description": "about",
    "status": "status",
    "name": "name",
    "start_time": "start",
    "end_time": "end",
    "creator_id": "by",
}


class Told(NamedTuple):
    """An entry in words."""

    what: Shown
    code: str
    """The same by the names of the data: UPDATED title."""
    before: tuple[str, ...]
    """A paragraph each; none where there was nothing."""
    after: tuple[str, ...]
    notes: tuple[Shown, ...]
    """What a reader could not see of the values."""


def tell(entry: Entry, words: Words) -> Told:
    """An entry in words."""
    bytes_say = said(entry.hashed_bytes)
    if bytes_say is None:
        return Told(words("UNREADABLE"), entry.change_type, (), (words("unreadable_text"),), ())
    old, new = _values(entry, bytes_say)
    code = f"{bytes_say.type} {bytes_say.field or ''}"
    notes: list[Shown] = []
    before = _paragraphs(bytes_say.field, old, words, None, notes)
    after = _paragraphs(bytes_say.field, new, words, _name(entry, bytes_say), notes)
    if points := code_points(" ".join((entry.actor_name or "", *before, *after))):
        notes.append(words("code_points", points=points[:CHARACTERS_SHOWN]))
    return Told(words.find(code, bytes_say.type) or Shown(code.strip()), code.strip(), before, after, tuple(notes))


def _paragraphs(
    field: str | None, value: object, words: Words, name: str | None, notes: list[Shown]
) -> tuple[str, ...]:
    """A value as it is printed; what it would fill too many pages with is noted."""
    shown = (
        _fields(value, words) if field is None and isinstance(value, dict) else [value_text(field, value, words, name)]
    )
    paragraphs = []
    for text in shown:
        if text is not None:
            paragraph, note = shortened(text, words)
            paragraphs.append(paragraph)
            notes += [note] if note else []
    return tuple(paragraphs)


def _values(entry: Entry, bytes_say: Said) -> tuple[object, object]:
    try:
        return old_and_new(entry, bytes_say)
    except msgspec.DecodeError:  # a column of a broken chain: the bytes still say what they say
        return msgspec.json.decode(bytes_say.old), msgspec.json.decode(bytes_say.new)


def _name(entry: Entry, bytes_say: Said) -> str | None:
    return entry.metadata.get("name") if "name" in bytes_say.commitments else None


def value_text(field: str | None, value: object, words: Words, name: str | None = None) -> str | None:
    """A value as a reader knows it; None where there is none."""
    match field, value:
        case _, None:
            return None
        case (str() as field_name, str() as text) if field_name in TIMES:
            return moment_text(text, words)
        case ("creator_id", int() as user_id):
            return words("user", id=user_id)
        case ("status", str() as status):
            return words.find(status) or status
        case (_, {"user_id": int() as user_id, "confirmed": bool() as confirmed}) if field == PARTICIPANTS:
            who = words("who", name=name, id=user_id) if name else words("user", id=user_id)
            return within("{who} · {agreed}", who=who, agreed=words("CONFIRMED" if confirmed else "not_confirmed"))
        case (_, {"payment_id": int()}) if field == PAYMENTS and isinstance(value, dict):
            return payment_text(value, words)
        case _, str():
            return value
        case _:
            return msgspec.json.encode(value).decode()


def _fields(values: Mapping[str, object], words: Words) -> Iterator[str]:
    """What a creation or a cancellation sets, one field a line."""
    for name, value in values.items():
        label = words.find(LABELS.get(name, "")) if name in LABELS else None
        shown = value_text(name, value, words)
        if shown is not None:
            yield within("{label}: {shown}", label=label or name, shown=shown)


def moment_text(text: str, words: Words) -> str:
    """A time of an entry's bytes, in Korea; as it is if it is none."""
    try:
        at = datetime.fromisoformat(text)
        return f"{day_and_minute(at, words.language)} KST" if at.tzinfo else text
    except ValueError:
        return text


def payment_text(payment: Mapping[str, object], words: Words) -> str:
    """A payment's state in a line: what, how much, how far, how much went back."""
    try:
        amount = Decimal(str(payment["amount"]))
        refunded = Decimal(str(payment["refunded_amount"]))
        currency, status = str(payment["currency"]), str(payment["status"])
    except (KeyError, InvalidOperation):
        return msgspec.json.encode(payment).decode()
    parts = [
        f"{words('payment')} {payment['payment_id']}",
        money(amount, currency, words.language),
        status_text(status, amount, refunded, words),
    ]
    if refunded:
        parts.append(f"{words('refunded')} {money(refunded, currency, words.language)}")
    return " · ".join(parts)


def status_text(status: str, amount: Decimal, refunded: Decimal, words: Words) -> str:
    """A payment's status; a part that went back is a status of its own."""
    if status == "COMPLETED" and 0 < refunded < amount:
        return words("partly")
    return words.find(status) or status


def shortened(text: str, words: Words) -> tuple[str, Shown | None]:
    """A text, cut visibly if it is very long; then how long it was and its hash, so that nobody swaps the rest."""
    if len(text) <= CHARACTERS_SHOWN_MAX:
        return text, None
    whole = text.encode("utf-8", "surrogatepass")
    note = words(
        "shortened",
        hidden=f"{len(text) - CHARACTERS_SHOWN:,}",
        characters=f"{len(text):,}",
        bytes=f"{len(whole):,}",
        digest=sha256(whole).hexdigest(),
    )
    return cut(text, CHARACTERS_SHOWN), note
