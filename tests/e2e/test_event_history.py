"""A page of an event's history by HTTP, of which somebody altered an entry in ScyllaDB."""

from collections.abc import Iterator
from contextlib import closing

import pytest

import settings
from domain.history import made_at_ms
from local.stack import Stack
from stores.scylla import Scylla
from tests.e2e.answers import History
from tests.e2e.app import App
from tests.waiting import wait_until

UNREADABLE = "UNREADABLE"
DEEP = b'{"old":' + b"[" * 100_000


@pytest.fixture(scope="module")
def copy(system: Stack) -> Iterator[Scylla]:
    """Where the copies of histories are."""
    given = settings.parse(system.env)
    with closing(Scylla(given.contact_points, given.scylla_keyspace)) as made:
        yield made


@pytest.mark.parametrize(
    "altered",
    ["old_value = 'x'", "old_value = '5'", "hashed_bytes = 0x00", f"hashed_bytes = 0x{DEEP.hex()}"],
    ids=["no JSON", "no text", "no entry", "too deep"],
)
def test_an_altered_entry_is_shown_as_unreadable_and_hides_no_other(app: App, copy: Scylla, altered: str) -> None:
    """P6."""
    creator = app.user()
    event_id = app.event(creator)
    length = app.edit(event_id, creator, title="염색").history_length + 1
    app.edit(event_id, creator, title="펌")

    def page() -> History:
        return app.get(History, f"/events/{event_id}/history", as_user=creator)

    wait_until("the history is relayed", lambda: len(page().entries) == length)
    before = page().entries
    change_id = before[1].change_id
    copy._session.execute(
        f"UPDATE event_history SET {altered} WHERE event_id = {event_id}"
        f" AND changed_at = {made_at_ms(change_id)} AND change_id = {change_id}"
    )
    last, shown, *others = page().entries
    assert (shown.change_id, shown.change_type, shown.old_value, shown.new_value) == (change_id, UNREADABLE, None, None)
    assert [last, *others] == [before[0], *before[2:]]
    assert (last.old_value, last.new_value) == ("염색", "펌")
