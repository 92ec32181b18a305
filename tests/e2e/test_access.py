"""Who may call: keys, scopes, rates; and 403 told apart from 404."""

import os
import subprocess
import sys
from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

import httpx
import pytest

from ingest.clients import SCOPES
from local.stack import ROOT, Stack
from tests.e2e.answers import Event, Sent
from tests.e2e.app import NIL, TIMES, App, Chat, calling_app, new_chat, new_phone, read, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

KNOWN_S_MAX = 15.0
"""A key is remembered for 5."""
Call = tuple[str, str, dict[str, object] | None]
"""Method, path and body."""


def calls(chat: Chat) -> list[tuple[str, *Call]]:
    """Every call behind its scope."""
    event, user = f"/events/{chat.event_id}", f"/users/{chat.author}"
    message = f"{event}/messages/{UUID(int=0)}"
    actor: dict[str, object] = {"actor_id": chat.author}
    business, start = chat.app.user(role="BUSINESS"), TIMES["start_time"]
    body = {**actor, "message": "a"}
    return [
        ("messages:write", "POST", f"{event}/messages", body),
        ("messages:write", "POST", "/messages:batch", {"messages": [{"event_id": chat.event_id, **body}]}),
        ("messages:write", "PATCH", message, body),
        ("messages:write", "DELETE", f"{message}?actor_id={chat.author}", None),
        ("messages:write", "PUT", f"{message}/reactions", {**actor, "emoji": "🎉"}),
        ("messages:write", "DELETE", f"{message}/reactions?actor_id={chat.author}", None),
        ("messages:write", "PUT", f"{event}/typing", actor),
        ("messages:write", "POST", f"{event}/read", {**actor, "up_to": str(NIL)}),
        ("messages:read", "GET", f"{event}/typing?as_user={chat.author}", None),
        ("messages:read", "GET", f"{event}/messages?as_user={chat.author}", None),
        ("messages:read", "GET", f"{user}/activity", None),
        ("messages:read", "GET", f"{user}/unread", None),
        ("users:write", "POST", "/users", {"phone": new_phone()}),
        ("users:write", "PATCH", user, {"name": "a"}),
        ("users:write", "DELETE", f"/users/{2**62}", None),
        ("users:read", "GET", user, None),
        (
            "events:write",
            "POST",
            "/open-slots",
            {"business_user_id": business, "service_type": "a", "start_time": start},
        ),
        ("events:write", "PATCH", f"/open-slots/{2**62}", {"business_user_id": business}),
        ("events:write", "POST", f"/open-slots/{2**62}/book", actor),
        ("events:read", "GET", "/open-slots?region=a", None),
        ("events:write", "POST", "/events", {**actor, "title": "a", **TIMES}),
        ("events:read", "GET", f"{event}?as_user={chat.author}", None),
        ("events:write", "PATCH", event, {**actor, "title": "a"}),
        ("events:write", "POST", f"{event}/participants", {**actor, "user_id": chat.stranger}),
        ("events:write", "DELETE", f"{event}/participants/{chat.stranger}?actor_id={chat.author}", None),
        ("events:write", "POST", f"{event}/confirm", actor),
        ("events:write", "POST", f"{event}/done", actor),
        ("events:write", "POST", f"{event}/cancel", {**actor, "reason": "a"}),
        ("events:read", "GET", f"{event}/history?as_user={chat.author}", None),
        ("events:read", "GET", f"{user}/events/upcoming", None),
        ("payments:write", "POST", "/payments", chat.asks_for()),
        ("payments:read", "GET", f"/payments/{2**62}?as_user={chat.author}", None),
        ("payments:write", "POST", f"/payments/{2**62}/confirm", {"payment_key": "a"}),
        ("payments:write", "POST", f"/payments/{2**62}/refund", {**actor, "amount": "1", "reason": "a"}),
        ("reports:write", "POST", f"{event}/audit-reports", actor),
        ("reports:read", "GET", f"/audit-reports/{2**62}?as_user={chat.author}", None),
        ("reports:read", "GET", f"/audit-reports/{2**62}/pdf?as_user={chat.author}", None),
        ("reports:write", "DELETE", f"/audit-reports/{2**62}?as_user={chat.author}", None),
    ]


def test_a_call_needs_its_scope_and_no_other(system: Stack, app: App) -> None:
    chat = new_chat(app)
    for scope in SCOPES:
        with (
            calling_app(system, [scope]) as only,
            calling_app(system, [other for other in SCOPES if other != scope]) as without,
        ):
            for needed, method, path, body in calls(chat):
                if needed == scope:
                    assert only.call(method, path, body).status_code not in (
                        HTTPStatus.FORBIDDEN,
                        HTTPStatus.UNAUTHORIZED,
                    )
                    assert refusal(without.call(method, path, body)) == (403, "")


def test_without_a_key_of_ours_no_call_is_answered(system: Stack, app: App, behind: Behind) -> None:
    every_call = calls(new_chat(app))
    before = behind.stored()
    headers: list[dict[str, str | bytes]] = [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {app.key[:-1]}"},
        {"authorization": f"Bearer {app.key}x"},
        {"authorization": f"Basic {app.key}"},
        {"authorization": app.key},
        {"authorization": b"Bearer \xff\xfe"},
        {"authorization": f"Bearer {'x' * 8_000}"},
        {"x-api-key": app.key},
    ]
    with httpx.Client(base_url=f"{system.ingest_url}/v1") as stranger:
        for _, method, path, body in every_call:
            for given in headers:
                answer = stranger.request(method, path, json=body, headers=given)  # type: ignore[arg-type]  # bytes are sent as they are
                assert refusal(answer) == (401, "")
                assert answer.headers["www-authenticate"] == "Bearer"
    assert behind.stored() == before


def test_a_key_works_as_soon_as_the_command_line_has_made_it_and_no_longer_once_it_is_revoked(
    system: Stack, chat: Chat
) -> None:
    made = timingle(system, "clients", "create", "--name", f"cli-{chat.event_id}", "--scopes", "messages:read")
    headers = {"authorization": f"Bearer {made.splitlines()[-1]}"}
    with httpx.Client(base_url=system.ingest_url, headers=headers) as http:
        path = f"/v1{chat.path}?as_user={chat.author}"
        assert http.get(path).status_code == HTTPStatus.OK
        timingle(system, "clients", "revoke", f"cli-{chat.event_id}")
        wait_until("revoked", lambda: http.get(path).status_code == HTTPStatus.UNAUTHORIZED, KNOWN_S_MAX)
        assert refusal(http.get(path)) == (401, "")


def timingle(system: Stack, *arguments: str) -> str:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-c", "import cli; cli.main()", *arguments],
        cwd=ROOT,
        env={**os.environ, **system.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_client_over_its_rate_is_told_when_to_come_again(system: Stack, chat: Chat) -> None:
    """Reads count too, and each client for itself."""
    with calling_app(system, rate_per_s=2) as slow:
        wait_until("over its rate", lambda: page(slow, chat).status_code == HTTPStatus.TOO_MANY_REQUESTS)
        refused = page(slow, chat)
        assert refusal(refused) == (429, "")
        assert int(refused.headers["retry-after"]) == refused.json()["retry_after"] == 1
        assert refusal(slow.call("POST", chat.path, {"actor_id": chat.author, "message": "a"})) == (429, "")
        assert page(chat.app, chat).status_code == HTTPStatus.OK
        wait_until("again", lambda: page(slow, chat).status_code == HTTPStatus.OK)


def page(app: App, chat: Chat) -> httpx.Response:
    return app.call("GET", chat.path, query={"as_user": chat.author})


def test_each_message_of_a_bulk_counts_against_the_rate(system: Stack, chat: Chat) -> None:
    message = {"event_id": chat.event_id, "actor_id": chat.author, "message": "a"}
    with calling_app(system, rate_per_s=50) as app:
        assert len(app.bulk([message] * 100)) == 100
        refused = app.call("POST", "/messages:batch", {"messages": [message] * 100})
        assert refusal(refused) == (429, "")
        assert int(refused.headers["retry-after"]) in (1, 2, 3)
    assert chat.say().seq == 101


NEEDS_TO_TAKE_PART: list[Callable[[int, int, UUID], Call]] = [
    lambda event, user, _: ("POST", f"/events/{event}/messages", {"actor_id": user, "message": "a"}),
    lambda event, user, m: ("PATCH", f"/events/{event}/messages/{m}", {"actor_id": user, "message": "a"}),
    lambda event, user, m: ("DELETE", f"/events/{event}/messages/{m}?actor_id={user}", None),
    lambda event, user, m: ("PUT", f"/events/{event}/messages/{m}/reactions", {"actor_id": user, "emoji": "a"}),
    lambda event, user, m: ("DELETE", f"/events/{event}/messages/{m}/reactions?actor_id={user}", None),
    lambda event, user, _: ("PUT", f"/events/{event}/typing", {"actor_id": user}),
    lambda event, user, _: ("GET", f"/events/{event}/typing?as_user={user}", None),
    lambda event, user, m: ("POST", f"/events/{event}/read", {"actor_id": user, "up_to": str(m)}),
    lambda event, user, _: ("GET", f"/events/{event}/messages?as_user={user}", None),
    lambda event, user, m: ("GET", f"/events/{event}/messages?as_user={user}&before={m}", None),
    lambda event, user, _: ("GET", f"/events/{event}/messages?as_user={user}&after={NIL}", None),
    lambda event, user, _: ("GET", f"/events/{event}?as_user={user}", None),
]


@pytest.mark.parametrize("call", NEEDS_TO_TAKE_PART)
def test_taking_no_part_is_403_and_an_event_that_is_not_there_404(
    call: Callable[[int, int, UUID], Call], chat: Chat, behind: Behind
) -> None:
    said = chat.said().message_id
    before = behind.entries_taken()
    for event_id, user_id, status in (
        (chat.event_id, chat.stranger, 403),
        (chat.event_id, 2**62, 403),
        (2**62, chat.author, 404),
        (0, chat.author, 404),
        (2**63, chat.author, 404),
        (10**30, chat.author, 404),
    ):
        method, path, body = call(event_id, user_id, said)
        assert refusal(chat.app.call(method, path, body))[0] == status
    assert behind.entries_taken() == before


def test_an_inactive_user_may_read_but_not_write(app: App, behind: Behind) -> None:
    chat = new_chat(app)  # whose author has not written: a yes is remembered for seconds
    behind.sql("UPDATE users SET is_active = FALSE WHERE id = %s", chat.author)
    for path, body in (("messages", {"message": "a"}), ("messages", {"message": "a", "client_id": "1"})):
        answer = app.call("POST", f"/events/{chat.event_id}/{path}", {"actor_id": chat.author, **body})
        assert refusal(answer) == (403, "")
    assert refusal(app.call("PUT", f"/events/{chat.event_id}/typing", {"actor_id": chat.author})) == (403, "")
    assert refusal(app.call("POST", "/events", {"actor_id": chat.author, "title": "a", **TIMES})) == (403, "")
    assert app.page(chat.event_id, chat.author).messages == []
    said = read(app.call("POST", chat.path, {"actor_id": chat.friend, "message": "a"}), HTTPStatus.ACCEPTED, Sent)
    assert said.seq == 1


def test_a_user_who_was_removed_is_soon_refused(app: App) -> None:
    """A yes may be remembered for seconds, a no never: who is let in again may write at once."""
    chat = new_chat(app)
    path = f"/events/{chat.event_id}/typing"
    app.say(chat.event_id, chat.friend)
    member = f"/events/{chat.event_id}/participants"
    app.done(Event, HTTPStatus.OK, "DELETE", f"{member}/{chat.friend}", actor_id=chat.author)
    wait_until(
        "refused",
        lambda: app.call("PUT", path, {"actor_id": chat.friend}).status_code == HTTPStatus.FORBIDDEN,
        KNOWN_S_MAX,
    )
    app.done(Event, HTTPStatus.OK, "POST", member, {"actor_id": chat.author, "user_id": chat.friend})
    assert app.say(chat.event_id, chat.friend).seq == 2
