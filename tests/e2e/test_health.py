"""/livez, /readyz, /metrics and /openapi.json: for operators and for those who build on the API."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
from openapi_spec_validator import validate

from domain.payment import QuarantineReason
from local.stack import Stack
from tests.e2e.answers import Readiness
from tests.e2e.app import App, Chat, refusal
from tests.waiting import wait_until

CALLS = {
    "POST /v1/events/{event_id}/messages",
    "GET /v1/events/{event_id}/messages",
    "POST /v1/messages:batch",
    "PATCH /v1/events/{event_id}/messages/{message_id}",
    "DELETE /v1/events/{event_id}/messages/{message_id}",
    "PUT /v1/events/{event_id}/messages/{message_id}/reactions",
    "DELETE /v1/events/{event_id}/messages/{message_id}/reactions",
    "PUT /v1/events/{event_id}/typing",
    "GET /v1/events/{event_id}/typing",
    "POST /v1/events/{event_id}/read",
    "GET /v1/users/{user_id}/activity",
    "GET /v1/users/{user_id}/unread",
    "POST /v1/users",
    "GET /v1/users/{user_id}",
    "PATCH /v1/users/{user_id}",
    "DELETE /v1/users/{user_id}",
    "POST /v1/open-slots",
    "PATCH /v1/open-slots/{slot_id}",
    "GET /v1/open-slots",
    "POST /v1/open-slots/{slot_id}/book",
    "POST /v1/events",
    "GET /v1/events/{event_id}",
    "PATCH /v1/events/{event_id}",
    "POST /v1/events/{event_id}/participants",
    "DELETE /v1/events/{event_id}/participants/{user_id}",
    "POST /v1/events/{event_id}/confirm",
    "POST /v1/events/{event_id}/cancel",
    "POST /v1/events/{event_id}/done",
    "GET /v1/events/{event_id}/history",
    "POST /v1/events/{event_id}/audit-reports",
    "GET /v1/audit-reports/{report_id}",
    "GET /v1/audit-reports/{report_id}/pdf",
    "DELETE /v1/audit-reports/{report_id}",
    "GET /v1/users/{user_id}/events/upcoming",
    "POST /v1/payments",
    "GET /v1/payments/{payment_id}",
    "POST /v1/payments/{payment_id}/confirm",
    "POST /v1/payments/{payment_id}/refund",
    "POST /v1/webhooks/toss",
    "POST /v1/webhooks/stripe",
}
STORES = ["postgres", "scylla", "broker", "journal 0"]


@pytest.fixture(scope="module")
def stranger(system: Stack) -> Iterator[httpx.Client]:
    """Without a key."""
    with httpx.Client(base_url=system.ingest_url, timeout=30) as made:
        yield made


@pytest.fixture(scope="module")
def page(stranger: httpx.Client) -> dict[str, Any]:
    """What /openapi.json answers."""
    answer = stranger.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (HTTPStatus.OK, "application/json")
    described: dict[str, Any] = answer.json()
    return described


def readiness(stranger: httpx.Client) -> tuple[int, Readiness]:
    answer = stranger.get("/readyz")
    return answer.status_code, msgspec.json.decode(answer.content, type=Readiness)


def test_livez_answers_anybody(stranger: httpx.Client) -> None:
    answer = stranger.get("/livez")
    assert (answer.status_code, answer.json()) == (HTTPStatus.OK, {"status": "alive"})


def test_readyz_names_every_store(stranger: httpx.Client) -> None:
    wait_until("ready", lambda: readiness(stranger)[0] == HTTPStatus.OK)
    _, ready = readiness(stranger)
    assert ready.ready
    assert [(check.name, check.ok, check.detail) for check in ready.checks] == [(name, True, "") for name in STORES]


@pytest.mark.parametrize(
    ("service", "check"), [("postgres", "postgres"), ("broker", "broker"), ("journal", "journal 0")]
)
def test_readyz_says_which_store_is_away_and_livez_stays_well(
    system: Stack, stranger: httpx.Client, service: str, check: str
) -> None:
    system.stop(service)
    try:
        status, ready = readiness(stranger)
        assert (status, ready.ready) == (HTTPStatus.SERVICE_UNAVAILABLE, False)
        assert [one.name for one in ready.checks if not one.ok] == [check]
        assert all(one.detail for one in ready.checks if not one.ok)
        assert stranger.get("/livez").status_code == HTTPStatus.OK
        assert stranger.get("/metrics").status_code == HTTPStatus.OK
    finally:
        system.start(service)
    wait_until("ready again", lambda: readiness(stranger)[0] == HTTPStatus.OK)


def counted(stranger: httpx.Client, method: str, path: str, status: int) -> float:
    labels = f'method="{method}",path="{path}",status="{status}"'
    found = re.search(
        rf"^timingle_http_calls_total{{{re.escape(labels)}}} (\S+)$", stranger.get("/metrics").text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def test_metrics_count_calls_by_route_and_status_and_name_nobody(stranger: httpx.Client, chat: Chat) -> None:
    path = "/v1/events/{event_id:int}/messages"
    before = [counted(stranger, "POST", path, status) for status in (202, 403, 422)]
    chat.say()
    refusal(chat.app.call("POST", chat.path, {"actor_id": chat.stranger, "message": "a"}))
    refusal(chat.app.call("POST", chat.path, {"actor_id": chat.author, "message": ""}))
    assert [counted(stranger, "POST", path, status) for status in (202, 403, 422)] == [n + 1 for n in before]
    assert f"/events/{chat.event_id}/" not in stranger.get("/metrics").text


def test_metrics_tell_how_each_journal_is(stranger: httpx.Client, chat: Chat) -> None:
    chat.said()
    answer = stranger.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    values = dict(re.findall(r'^timingle_journal_(\w+){journal="0"} (\S+)$', answer.text, re.MULTILINE))
    assert set(values) == {"entries", "lag", "pending", "oldest_waiting_seconds", "vanished", "bytes", "bytes_max"}
    assert float(values["entries"]) > 0
    assert float(values["vanished"]) == 0
    assert 0 < float(values["bytes"]) < float(values["bytes_max"])
    assert re.search(r"^timingle_dead_letters_open \d", answer.text, re.MULTILINE)


def test_metrics_tell_how_late_events_and_the_copy_of_their_histories_are(stranger: httpx.Client) -> None:
    """P6, P7."""
    shown = dict(re.findall(r"^timingle_((?:events|history)_\w+) (\S+)$", stranger.get("/metrics").text, re.MULTILINE))
    assert set(shown) == {"events_overdue_seconds", "history_unrelayed", "history_oldest_unrelayed_seconds"}
    assert all(float(value) >= 0 for value in shown.values())


def test_metrics_tell_what_of_payments_waits_and_what_was_put_aside(stranger: httpx.Client) -> None:
    """P8, P10."""
    shown = re.findall(r'^timingle_payment_(\w+){\w+="([\w-]+)"} \S+$', stranger.get("/metrics").text, re.MULTILINE)
    kinds = {kind for name, kind in shown if name in ("jobs_waiting", "jobs_oldest_seconds")}
    reasons = {reason for name, reason in shown if name == "webhooks_quarantined"}
    assert (kinds, reasons) == ({"webhook", "confirm", "refund"}, set(QuarantineReason))


def test_metrics_tell_how_many_reports_wait_and_how_many_were_given_up(stranger: httpx.Client) -> None:
    """P10."""
    shown = dict(re.findall(r"^timingle_reports_(\w+) (\S+)$", stranger.get("/metrics").text, re.MULTILINE))
    assert set(shown) == {"waiting", "oldest_seconds", "failed"}
    assert all(float(value) >= 0 for value in shown.values())


def test_openapi_is_valid_and_lists_every_call(page: dict[str, Any]) -> None:
    validate(page)
    assert page["openapi"].startswith("3.1")
    listed = {f"{method.upper()} {path}" for path, methods in page["paths"].items() for method in methods}
    assert listed == CALLS


def test_openapi_names_the_scope_the_limits_and_the_problems_of_each_call(page: dict[str, Any]) -> None:
    for methods in page["paths"].values():
        for operation in methods.values():
            needs = re.fullmatch(
                r"Needs the scope (messages|users|events|payments|reports):(read|write)\.", operation["description"]
            )
            assert needs or (operation["security"], operation["tags"]) == ([], ["webhooks"])
            for status, answer in operation["responses"].items():
                assert (status >= "400") == ("application/problem+json" in answer.get("content", {}))
            assert {"401", "403", "404", "422", "429", "503"} < operation["responses"].keys()
    assert page["components"]["securitySchemes"]["client"]["scheme"] == "bearer"
    message = page["components"]["schemas"]["NewMessage"]["properties"]
    assert (message["message"]["maxLength"], message["attachments"]["maxItems"]) == (4_000, 10)
    limits = {
        parameter["name"]: parameter["schema"].get("maximum")
        for parameter in page["paths"]["/v1/events/{event_id}/messages"]["get"]["parameters"]
    }
    assert limits["limit"] == 100
    assert {"before", "after", "from", "to", "as_user"} < limits.keys()


def test_openapi_tells_where_an_idempotency_key_is_heard(page: dict[str, Any]) -> None:
    heard = {
        f"{method.upper()} {path}"
        for path, methods in page["paths"].items()
        for method, operation in methods.items()
        if "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
    }
    others = ("/messages", "/read", "/webhooks")
    posts = {call for call in CALLS if call.startswith("POST") and not any(other in call for other in others)}
    assert heard == posts


def test_answers_are_as_openapi_describes_them(page: dict[str, Any], app: App, chat: Chat) -> None:
    chat.said("안녕", attachments=["https://a.example/"], metadata={"a": "b"})
    bulk = {"messages": [{"event_id": chat.event_id, "actor_id": chat.author, "message": text} for text in ("네", "")]}
    calls: list[tuple[str, str, str, object]] = [
        ("POST", "/events/{event_id}/messages", chat.path, {"actor_id": chat.author, "message": "a"}),
        ("POST", "/messages:batch", "/messages:batch", bulk),
        ("GET", "/events/{event_id}/messages", f"{chat.path}?as_user={chat.author}", None),
        ("GET", "/events/{event_id}/typing", f"/events/{chat.event_id}/typing?as_user={chat.author}", None),
        ("GET", "/events/{event_id}", f"/events/{chat.event_id}?as_user={chat.author}", None),
        ("POST", "/payments", "/payments", chat.asks_for()),
        ("GET", "/payments/{payment_id}", f"/payments/{chat.asked().id}?as_user={chat.author}", None),
        ("GET", "/users/{user_id}/activity", f"/users/{chat.author}/activity", None),
        ("GET", "/users/{user_id}/unread", f"/users/{chat.author}/unread", None),
        ("GET", "/users/{user_id}/unread", f"/users/{2**62}/unread", None),
        ("GET", "/events/{event_id}", f"/events/{chat.event_id}?as_user=x", None),
    ]
    for method, described, path, body in calls:
        answer = app.call(method, path, body)
        responses = page["paths"][f"/v1{described}"][method.lower()]["responses"]
        content = responses[str(answer.status_code)]["content"]
        schema = content[answer.headers["content-type"]]["schema"]
        jsonschema.validate(answer.json(), schema | {"components": page["components"]})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/events/x", 404),
        ("PUT", "/v1/events/1/messages", 405),
        ("GET", "/v1/messages:batch", 405),
        ("DELETE", "/v1/users", 405),
    ],
)
def test_what_is_no_call_of_ours_is_answered_with_a_problem(
    stranger: httpx.Client, method: str, path: str, status: int
) -> None:
    assert refusal(stranger.request(method, path)) == (status, "")
