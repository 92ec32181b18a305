"""PATCH, DELETE of a message, PUT and DELETE of a reaction: what is changed, and who may not."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

import httpx
import pytest

from domain.ids import MessageId
from tests.e2e.answers import Nothing, Sent
from tests.e2e.app import Chat, read, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

MINUTE_US = 60_000_000


def edit(chat: Chat, message_id: UUID | str, actor_id: int, text: str = "고친 말") -> httpx.Response:
    return chat.app.call("PATCH", f"{chat.path}/{message_id}", {"actor_id": actor_id, "message": text})


def delete(chat: Chat, message_id: UUID | str, actor_id: int) -> httpx.Response:
    return chat.app.call("DELETE", f"{chat.path}/{message_id}", query={"actor_id": actor_id})


def react(chat: Chat, message_id: UUID | str, actor_id: int, emoji: str = "🎉") -> httpx.Response:
    return chat.app.call("PUT", f"{chat.path}/{message_id}/reactions", {"actor_id": actor_id, "emoji": emoji})


def take_back(chat: Chat, message_id: UUID | str, actor_id: int) -> httpx.Response:
    return chat.app.call("DELETE", f"{chat.path}/{message_id}/reactions", query={"actor_id": actor_id})


Change = Callable[[Chat, UUID | str, int], httpx.Response]
CHANGES: list[Change] = [edit, delete, react, take_back]


def taken(answer: httpx.Response) -> None:
    read(answer, HTTPStatus.ACCEPTED, Nothing)


def reactions(chat: Chat, sent: Sent) -> list[tuple[int, str]]:
    return [(one.user_id, one.emoji) for one in chat.message(sent).reactions]


def test_an_edit_changes_the_text_and_says_when_and_nothing_else(chat: Chat) -> None:
    sent = chat.said("처음", message_type="image", attachments=["https://a.example/1"], metadata={"a": "1"})
    before = chat.message(sent)
    taken(edit(chat, sent.message_id, chat.author))
    wait_until("edited", lambda: chat.message(sent).message == "고친 말")
    after = chat.message(sent)
    assert after.edited_at is not None
    assert after.edited_at >= after.created_at == before.created_at
    assert (after.attachments, after.metadata, after.message_type, after.is_deleted) == (
        ["https://a.example/1"],
        {"a": "1"},
        "image",
        False,
    )
    assert [one.message for one in chat.app.activity(chat.author).messages] == ["고친 말"]


def test_the_last_of_many_edits_stands(chat: Chat) -> None:
    sent = chat.say()
    for n in range(20):
        taken(edit(chat, sent.message_id, chat.author, f"{n}"))
    wait_until("edited to the last", lambda: chat.wait_stored(1)[0].message == "19")


def test_an_edit_and_a_deletion_are_taken_before_their_message_is_stored(chat: Chat) -> None:
    kept, gone = chat.say("하나"), chat.say("둘")
    taken(edit(chat, kept.message_id, chat.author))
    taken(delete(chat, gone.message_id, chat.author))
    wait_until(
        "edited and deleted",
        lambda: [(m.message, m.is_deleted) for m in chat.messages()] == [("고친 말", False), ("", True)],
    )


def test_a_deleted_message_keeps_its_place_and_shows_nothing_of_what_was_said(chat: Chat) -> None:
    """P5."""
    sent = chat.said("비밀", attachments=["https://a.example/1"], metadata={"a": "비밀"})
    last = chat.said("끝")
    taken(delete(chat, sent.message_id, chat.author))
    wait_until("deleted", lambda: chat.message(sent).is_deleted)
    shown = chat.message(sent)
    assert (shown.seq, shown.message, shown.attachments, shown.metadata) == (1, "", [], {})
    assert [one.message_id for one in chat.app.activity(chat.author).messages] == [last.message_id]
    assert chat.app.page(chat.event_id, chat.friend).seqs == [2, 1]


def test_an_edit_after_the_deletion_brings_nothing_back(chat: Chat) -> None:
    """P5."""
    sent = chat.said("비밀")
    taken(delete(chat, sent.message_id, chat.author))
    taken(edit(chat, sent.message_id, chat.author, "다시"))
    taken(react(chat, sent.message_id, chat.friend))
    wait_until("all done", lambda: reactions(chat, sent) == [(chat.friend, "🎉")])
    assert (chat.message(sent).message, chat.message(sent).is_deleted) == ("", True)
    assert chat.app.activity(chat.author).messages == []


def test_a_user_has_one_reaction_the_last(chat: Chat) -> None:
    sent = chat.said()
    for user, emoji in ((chat.author, "🎉"), (chat.friend, "❤️"), (chat.friend, "👨‍👩‍👧‍👦")):
        taken(react(chat, sent.message_id, user, emoji))
    wait_until(
        "reacted", lambda: sorted(reactions(chat, sent)) == sorted([(chat.author, "🎉"), (chat.friend, "👨‍👩‍👧‍👦")])
    )


def test_a_reaction_taken_back_is_gone_and_may_come_again(chat: Chat) -> None:
    sent = chat.said()
    taken(react(chat, sent.message_id, chat.friend))
    wait_until("reacted", lambda: reactions(chat, sent) == [(chat.friend, "🎉")])
    taken(take_back(chat, sent.message_id, chat.friend))
    wait_until("taken back", lambda: reactions(chat, sent) == [])
    taken(take_back(chat, sent.message_id, chat.author))  # there was none
    taken(react(chat, sent.message_id, chat.friend, "👍🏽"))
    wait_until("reacted again", lambda: reactions(chat, sent) == [(chat.friend, "👍🏽")])


@pytest.mark.parametrize("change", [edit, delete])
def test_only_the_author_changes_a_message(chat: Chat, change: Change) -> None:
    sent = chat.said()
    assert refusal(change(chat, sent.message_id, chat.friend)) == (403, "")


def test_what_ingest_cannot_know_yet_the_worker_refuses_and_keeps(chat: Chat, behind: Behind) -> None:
    """The message is not stored yet when another's edit of it comes: 202, and then a dead letter."""
    kept = "SELECT count(*) FROM dead_letters WHERE event_id = %s AND cause_code = 'not_the_author'"
    tries = (chat.say("제 말") for _ in range(50))
    sent = next(one for one in tries if edit(chat, one.message_id, chat.friend).status_code == HTTPStatus.ACCEPTED)
    wait_until("refused by the worker", lambda: behind.sql(kept, chat.event_id) == [(1,)])
    chat.wait_stored(sent.seq)
    assert (chat.message(sent).message, chat.message(sent).is_deleted) == ("제 말", False)


@pytest.mark.parametrize("change", CHANGES)
def test_who_takes_no_part_changes_nothing(chat: Chat, change: Change) -> None:
    sent = chat.said()
    assert refusal(change(chat, sent.message_id, chat.stranger)) == (403, "")


@pytest.mark.parametrize("change", CHANGES)
def test_a_message_that_is_surely_not_of_the_event_is_not_there(chat: Chat, change: Change) -> None:
    """Its id is older than a minute, or its seq beyond the event's last."""
    real = MessageId.of(chat.said().message_id)
    old = MessageId(real.version - 2 * MINUTE_US, 1, real.random).uuid
    beyond = MessageId(real.version, 2, real.random).uuid
    for named in (old, beyond):
        assert refusal(change(chat, named, chat.author)) == (404, "message_id")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "named", ["zzz", "%ff", "0", "00000000-0000-0000-0000-000000000000", str(UUID(int=2**128 - 1))]
)
def test_what_is_no_id_of_a_message_is_refused(chat: Chat, change: Change, named: str) -> None:
    assert refusal(change(chat, named, chat.author)) == (422, "message_id")
