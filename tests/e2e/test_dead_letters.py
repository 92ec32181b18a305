"""A message that the store refuses, met from outside: it keeps its place, and nobody misses another (P3, P10, P11)."""

import asyncio
from uuid import uuid4

import pytest

from domain.operations import Create, encode
from domain.submissions import RESEND_WINDOW_MS, Receipt, Submission, body_hash
from local.stack import Stack
from stores.journal import Journal, open_async
from tests.e2e.app import Chat
from tests.e2e.behind import Behind
from tests.waiting import wait_until

BEYOND_INT8 = 2**63
"""A sender that no BIGINT holds. Ingest lets none through, so it is handed to the journal itself."""

SELECT_LETTER = "SELECT d::text, d.payload, d.state, d.cause_code FROM dead_letters AS d WHERE event_id = %s"


def append_refused(stack: Stack, event_id: int, text: str) -> Receipt:
    """A message in the journal that the store will refuse."""
    create = Create(event_id, 1, BEYOND_INT8, "Minji", "", text, "text")
    submission = Submission(
        event_id, encode(create), True, 0, create.random, f"once:test:{uuid4().hex}", body_hash(), RESEND_WINDOW_MS
    )

    async def append() -> Receipt:
        journal = Journal(0, open_async(stack.env["TIMINGLE_JOURNAL_URLS"]))
        try:
            (receipt,) = (await journal.append([submission])).answers
        finally:
            await journal.close()
        assert isinstance(receipt, Receipt)
        return receipt

    return asyncio.run(append())


def test_a_message_that_cannot_be_stored_keeps_its_place_and_nobody_misses_another(system: Stack, chat: Chat) -> None:
    first = chat.say("one")
    refused = append_refused(system, chat.event_id, "two")
    chat.say("three")
    assert (first.seq, refused.seq) == (1, 2)
    shown = chat.wait_stored(3)
    assert [(m.seq, m.message, m.is_deleted) for m in shown] == [(1, "one", False), (2, "", True), (3, "three", False)]
    assert shown[1].message_id == refused.message_id.uuid
    newest = chat.app.page(chat.event_id, chat.friend).messages
    assert newest == shown[::-1]
    wait_until("all is counted", lambda: chat.unread(chat.friend) == 3)


def test_the_last_message_of_an_event_counts_even_if_it_cannot_be_stored(system: Stack, chat: Chat) -> None:
    chat.said("one")
    append_refused(system, chat.event_id, "two")
    chat.wait_stored(2)
    wait_until("it is counted", lambda: (chat.unread(chat.friend), chat.unread(chat.author)) == (2, 1))
    assert chat.say("three").seq == 3


def test_what_it_says_can_be_read_nowhere(system: Stack, chat: Chat, behind: Behind) -> None:
    """P11. Not in the dead letter's row, not in a log, not in a metric."""
    canary = f"카나리아{uuid4().hex}"
    refused = append_refused(system, chat.event_id, canary)
    chat.wait_stored(1)
    wait_until("its dead letter is kept", lambda: bool(behind.sql(SELECT_LETTER, chat.event_id)))
    ((row, payload, state, code),) = behind.sql(SELECT_LETTER, chat.event_id)
    assert (state, str(refused.message_id.uuid) in row, code.isidentifier()) == ("open", True, True)
    metrics = chat.app.http.get("/metrics").text
    assert "timingle_dead_letters_open" in metrics
    logs = "".join(
        path.read_text("utf-8", errors="replace") for path in (system.state / "logs").rglob("*") if path.is_file()
    )
    assert "messages@" in logs, "these are not the workers' logs"
    for place in (row, bytes(payload).hex(), metrics, logs):
        assert canary not in place
        assert canary.encode().hex() not in place


@pytest.mark.parametrize("call", ["PATCH", "DELETE"])
def test_what_stands_in_its_place_is_nobodys_to_change(system: Stack, chat: Chat, call: str) -> None:
    refused = append_refused(system, chat.event_id, "one")
    chat.wait_stored(1)
    body = {"actor_id": chat.author, "message": "mine"} if call == "PATCH" else None
    query = None if body else {"actor_id": chat.author}
    answer = chat.app.call(call, f"{chat.path}/{refused.message_id}", body, query=query)
    assert answer.status_code == 403
    assert [(m.message, m.is_deleted) for m in chat.messages()] == [("", True)]
