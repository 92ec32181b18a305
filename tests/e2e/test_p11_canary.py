"""P11. No message text, phone number, key or detail of a payment reaches a log line, Flower, a Celery message, a metric
or a dead letter's summary: strings unlike any other are sent through the whole system, and then searched for."""

import base64
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

import httpx
import redis

from domain.card_numbers import find_card_number
from local.stack import Stack
from stores.journal import STREAM
from tests.e2e.app import TIMES, App, Chat, calling_app, new_phone, refusal
from tests.e2e.bank import Bank
from tests.e2e.behind import Behind
from tests.waiting import wait_until

KINDS = [
    "text", "edited", "refused_edit", "too_long", "metadata_name", "metadata_value", "attachment", "client_id",
    "emoji", "name", "display_name", "email", "region", "interest", "picture", "title", "description", "location",
    "new_title", "reason", "user_agent",
    "slot_service", "slot_title", "slot_description", "slot_new_title",
    "payment_name", "payment_detail", "transaction_id", "payment_key", "refund_reason", "webhook_field", "webhook_text",
    "deposit_secret", "stripe_event", "signature",
    "idempotency_key", "wrong_key", "field", "parameter", "path", "unreadable",
]  # fmt: skip
PAGES = ["/api/tasks?limit=10000", "/api/workers?refresh=1", "/workers", "/broker", "/metrics"]
SEALED = "decode(metadata ->> 'encrypted', 'hex')"
BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}=*")
"""Celery's messages carry their arguments like this."""


@dataclass(frozen=True)
class Canaries:
    """What is searched for, by what it was sent as."""

    words: dict[str, str]

    def __getitem__(self, kind: str) -> str:
        return self.words[kind]

    def found_in(self, place: bytes) -> list[str]:
        decoded = b"\n".join(base64.b64decode(run[: len(run) // 4 * 4]) for run in BASE64.findall(place))
        return [kind for kind, word in self.words.items() if word.encode() in place or word.encode() in decoded]


class Monitor:
    """Everything that anybody tells a Redis, from now on."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._connection = client.connection_pool.get_connection()
        self._connection.send_command("MONITOR")
        self._connection.read_response()

    def heard(self) -> bytes:
        """All that was said until now."""
        end = uuid4().hex
        self._client.echo(end)
        lines: list[bytes] = []
        while not lines or end.encode() not in lines[-1]:
            lines.append(self._connection.read_response(disable_decoding=True))
        return b"\n".join(lines)


@contextmanager
def monitor(client: "redis.Redis") -> Iterator[Monitor]:
    made = Monitor(client)
    try:
        yield made
    finally:
        made._connection.disconnect()
        client.connection_pool.release(made._connection)


@contextmanager
def flower_of(system: Stack) -> Iterator[httpx.Client]:
    """Flower, running; at the end it has written its file."""
    system.start("flower")
    user, _, password = system.env["TIMINGLE_FLOWER_BASIC_AUTH"].partition(":")
    with httpx.Client(base_url=f"http://127.0.0.1:{system.ports.flower}", auth=(user, password), timeout=30) as made:
        yield made
    system.stop("flower")


def send_all(app: App, canaries: Canaries) -> Chat:
    """Every canary in what it is named after, in calls that are taken and in calls that are refused."""
    user = {
        "phone": canaries["phone"],
        "name": canaries["name"],
        "display_name": canaries["display_name"],
        "email": f"{canaries['email']}@salon.example",
        "region": canaries["region"],
        "interests": [canaries["interest"]],
        "plan": "PRO",
        "profile_image_url": f"https://salon.example/{canaries['picture']}",
    }
    key = {"idempotency-key": canaries["idempotency_key"]}
    made = app.call("POST", "/users", user, headers=key)
    assert made.status_code == HTTPStatus.CREATED
    assert refusal(app.call("POST", "/users", {**user, "email": "other@salon.example"}))[0] == 409
    assert refusal(app.call("POST", "/users", {**user, "phone": new_phone()}))[0] == 409
    assert refusal(app.call("POST", "/users", {"phone": canaries["phone"] + "0"}))[0] == 422
    assert refusal(app.call("POST", "/users", {**user, "name": "other"}, headers=key))[0] == 422
    author, (friend, stranger) = made.json()["id"], app.users(2)
    told = {"title": canaries["title"], "description": canaries["description"], "location": canaries["location"]}
    event_id = app.event(author, friend, **told)
    assert refusal(app.call("POST", "/events", {"actor_id": author, **told, **TIMES, "end_time": "x"}))[0] == 422
    event, agent = f"/events/{event_id}", {"user-agent": canaries["user_agent"]}
    changed = {"actor_id": author, "title": canaries["new_title"]}
    assert app.call("PATCH", event, changed, headers=agent).status_code == HTTPStatus.OK
    canceled = {"actor_id": author, "reason": canaries["reason"]}
    assert app.call("POST", f"{event}/cancel", canceled).status_code == HTTPStatus.OK
    assert refusal(app.call("POST", f"{event}/cancel", canceled))[0] == 409
    chat = Chat(app, event_id, author, friend, stranger)
    chat.say("끝")
    send_messages(chat, canaries)
    send_wrongly(chat, canaries)
    offer_slots(app, canaries)
    return chat


def offer_slots(app: App, canaries: Canaries) -> None:
    """A slot, its change and its booking, and each refused."""
    slot = {
        "business_user_id": app.user(role="BUSINESS"),
        "service_type": canaries["slot_service"],
        "title": canaries["slot_title"],
        "description": canaries["slot_description"],
        "start_time": TIMES["start_time"],
    }
    made = app.call("POST", "/open-slots", slot)
    assert made.status_code == HTTPStatus.CREATED
    assert refusal(app.call("POST", "/open-slots", {**slot, "region": canaries["wrong_key"]}))[0] == 422
    path = f"/open-slots/{made.json()['id']}"
    change = {"business_user_id": slot["business_user_id"], "title": canaries["slot_new_title"]}
    assert app.call("PATCH", path, change).status_code == HTTPStatus.OK
    assert refusal(app.call("PATCH", path, {**change, "duration_minutes": 0}))[0] == 422
    customer = {"actor_id": app.user()}
    assert app.call("POST", f"{path}/book", customer).status_code == HTTPStatus.CREATED
    assert refusal(app.call("POST", f"{path}/book", customer))[0] == 409


def pay(chat: Chat, canaries: Canaries, bank: Bank) -> None:
    """A payment that is confirmed and given back, and what is refused of it; a card number where it may not stand."""
    app, details = chat.app, {canaries["payment_name"]: [canaries["payment_detail"]]}
    made = chat.asked(metadata=details, transaction_id=canaries["transaction_id"])
    for wrong in ({"transaction_id": canaries["transaction_id"]}, {"metadata": {"card": canaries["card"]}}):
        assert refusal(app.call("POST", "/payments", chat.asks_for(**wrong)))[0] in (409, 422)
    confirm = f"/payments/{made.id}/confirm"
    assert app.call("POST", confirm, {"payment_key": canaries["payment_key"]}).status_code == HTTPStatus.ACCEPTED
    assert refusal(app.call("POST", confirm, {"payment_key": canaries["card"]}))[0] == 422
    paid = bank.paid(chat)
    refund = {"actor_id": chat.friend, "amount": "5000", "reason": canaries["refund_reason"]}
    path = f"/payments/{paid.id}/refund"
    assert app.call("POST", path, refund).status_code == HTTPStatus.ACCEPTED
    assert refusal(app.call("POST", path, {**refund, "amount": "900000"}))[0] == 409
    assert refusal(app.call("POST", path, {**refund, "reason": f"카드 {canaries['card']}"}))[0] == 422
    bank.wait(paid, "COMPLETED", "5000")
    send_webhooks(app, made.order_id, canaries)


def send_webhooks(app: App, order_id: str, canaries: Canaries) -> None:
    """What is taken and what is not."""
    data = {
        "orderId": order_id,
        "status": "DONE",
        "paymentKey": "a",
        canaries["webhook_field"]: canaries["webhook_text"],
    }
    hint = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-25T10:00:00.000000", "data": data}
    deposit = {
        "createdAt": "2026-11-25T10:00:00.000000",
        "secret": canaries["deposit_secret"],
        "status": "DONE",
        "transactionKey": "a",
        "orderId": order_id,
    }
    for body in (hint, deposit):
        assert app.call("POST", "/webhooks/toss", body).status_code == HTTPStatus.OK
    assert refusal(app.call("POST", "/webhooks/toss", content=canaries["webhook_text"].encode()))[0] == 400
    signed = {"stripe-signature": f"t=1,v1={canaries['signature']}"}
    assert refusal(app.call("POST", "/webhooks/stripe", {"id": canaries["stripe_event"]}, headers=signed))[0] == 400


def send_messages(chat: Chat, canaries: Canaries) -> None:
    body = {
        "actor_id": chat.author,
        "message": canaries["text"],
        "attachments": [f"https://salon.example/{canaries['attachment']}"],
        "metadata": {canaries["metadata_name"]: canaries["metadata_value"]},
        "client_id": canaries["client_id"],
    }
    sent = chat.app.call("POST", chat.path, body)
    assert sent.status_code == HTTPStatus.ACCEPTED
    assert refusal(chat.app.call("POST", chat.path, {**body, "message": canaries["too_long"]}))[0] == 422
    assert isinstance(chat.app.bulk([{"event_id": chat.event_id, **body}, {**body, "event_id": -1}]), list)
    said = f"{chat.path}/{sent.json()['message_id']}"
    changes = [
        ("PATCH", said, {"actor_id": chat.author, "message": canaries["edited"]}),
        ("PUT", f"{said}/reactions", {"actor_id": chat.author, "emoji": canaries["emoji"]}),
    ]
    for method, path, change in changes:
        assert chat.app.call(method, path, change).status_code == HTTPStatus.ACCEPTED


def send_wrongly(chat: Chat, canaries: Canaries) -> None:
    app, body = chat.app, {"actor_id": chat.author, "message": "a"}
    assert refusal(app.call("POST", chat.path, {**body, "message": canaries["too_long"] * 500}))[0] == 422
    assert refusal(app.call("POST", chat.path, {**body, canaries["field"]: 1}))[0] == 422
    assert refusal(app.call("POST", chat.path, content=f'{{"message": "{canaries["text"]}'.encode()))[0] == 400
    assert (
        refusal(app.call("POST", chat.path, {**body, "actor_id": chat.stranger, "message": canaries["text"]}))[0] == 403
    )
    assert refusal(app.call("GET", f"/{canaries['path']}", query={canaries["parameter"]: 1}))[0] == 404
    assert refusal(app.call("GET", chat.path, query={canaries["parameter"]: 1}))[0] == 422
    headers = {"authorization": f"Bearer {canaries['wrong_key']}"}
    assert refusal(app.call("POST", chat.path, body, headers=headers))[0] == 401


def ask_for_a_report(chat: Chat) -> None:
    """What it prints of all this is for whoever fetches it."""
    asked = chat.app.call("POST", f"/events/{chat.event_id}/audit-reports", {"actor_id": chat.author})
    path, query = f"/audit-reports/{asked.json()['id']}", {"as_user": chat.author}
    wait_until("a report", lambda: chat.app.call("GET", path, query=query).json()["status"] == "ready", 60)
    assert chat.app.call("GET", f"{path}/pdf", query=query).status_code == HTTPStatus.OK


def refuse_in_the_worker(chat: Chat, canaries: Canaries, behind: Behind) -> None:
    """Two dead letters: another's edit of a message that is not stored yet, and an entry that nobody can read."""
    tries = (chat.say("제 말").message_id for _ in range(50))
    other = {"actor_id": chat.friend, "message": canaries["refused_edit"]}
    assert any(chat.app.call("PATCH", f"{chat.path}/{one}", other).status_code == HTTPStatus.ACCEPTED for one in tries)
    version = time.time_ns() // 1_000
    behind.journal.xadd(STREAM, {"f": "99", "v": version, "o": canaries["unreadable"]})
    chat.say("끝")
    letters = "SELECT id FROM dead_letters WHERE event_id = %s OR version = %s"
    wait_until("two dead letters", lambda: len(behind.sql(letters, chat.event_id, version)) == 2)
    behind.sql(f"UPDATE dead_letters SET state = 'discarded' WHERE id IN ({letters})", chat.event_id, version)


def searched(system: Stack, behind: Behind, flower: httpx.Client) -> dict[str, tuple[bytes, bytes]]:
    """Where nothing may be found; with each, what must be there if it was looked at rightly."""
    logs = {path.name: path.read_bytes() for path in sorted((system.state / "logs").iterdir())}
    rows = {
        "dead letters": ("SELECT to_jsonb(d) - 'payload' FROM dead_letters AS d", b"not_the_author"),
        "sealed payloads": ("SELECT kind, payload FROM dead_letters", b"unreadable"),
        "reports": ("SELECT to_jsonb(r) FROM audit_reports AS r", b"audit-reports/"),
        "client keys": ("SELECT to_jsonb(c), key_hash FROM api_clients AS c", b"test-"),
        "phone numbers": ("SELECT role, phone_encrypted, phone_hash FROM users", b"USER"),
        "payments": (f"SELECT to_jsonb(p) - 'transaction_id', {SEALED} FROM payments AS p", b"order_id"),
        "the inbox": (
            "SELECT payload_encrypted, to_jsonb(w) - 'transaction_id' FROM payment_webhooks AS w",
            b"body_hash",
        ),
        "refunds": ("SELECT reason_encrypted, to_jsonb(r) FROM payment_refunds AS r", b"actor_id"),
    }
    metrics = httpx.get(f"{system.ingest_url}/metrics").content
    return {
        **{f"the log of {name.removesuffix('.log')}": (text, b"") for name, text in logs.items()},
        "the log of all": (b"\n".join(logs.values()), b"tasks.messages.persist"),
        **{f"Flower's {page}": (flower.get(page).raise_for_status().content, b"messages") for page in PAGES},
        "the metrics": (metrics, b"timingle_http_calls_total"),
        **{name: (repr(behind.sql(statement)).encode(), mark) for name, (statement, mark) in rows.items()},
    }


def new_card() -> str:
    """A card number of its own, as Visa's are."""
    digits = f"4{secrets.randbelow(10**14):014}"
    check = next(last for last in "0123456789" if find_card_number(digits + last))
    return digits + check


def test_a_canary_is_found_nowhere(system: Stack, behind: Behind, bank: Bank) -> None:
    digits = {"phone": new_phone(), "card": new_card()}
    canaries = Canaries({kind: f"canary{secrets.token_hex(8)}" for kind in KINDS} | digits)
    with monitor(behind.broker) as broker, calling_app(system) as app, flower_of(system) as flower:
        chat = send_all(app, canaries)
        refuse_in_the_worker(chat, canaries, behind)
        pay(chat, canaries, bank)
        ask_for_a_report(chat)
        wait_until("stored", lambda: canaries["edited"] in [one.message for one in chat.messages()])
        wait_until("shown by Flower", lambda: b"tasks.messages.persist" in flower.get(PAGES[0]).content)
        places = searched(system, behind, flower)
        places["what the broker is told"] = broker.heard(), b"tasks.messages.persist"
    kept = [path.read_bytes() for path in sorted((system.state / "data" / "flower").iterdir())]
    places["Flower's file"] = b"\n".join(kept), b"persist"
    # +82 10 1234 5678 is 010 1234 5678 at home.
    sought = Canaries(canaries.words | {"key": app.key, "phone": canaries["phone"].removeprefix("0")})

    journal = repr(behind.journal.xrange(STREAM)).encode()
    assert {"text", "edited", "refused_edit", "metadata_value"} <= {*sought.found_in(journal)}, "no canary flew"
    held = repr(behind.sql("SELECT transaction_id FROM payments")).encode()
    assert {*sought.found_in(held)} == {"transaction_id"}, "no payment was made"
    assert [place for place, (text, mark) in places.items() if mark not in text] == [], "not looked at rightly"
    assert {place: found for place, (text, _) in places.items() if (found := sought.found_in(text))} == {}


def test_the_search_finds_a_canary_in_what_celery_would_encode() -> None:
    body = base64.b64encode(b'[["canary1234"], {}, {"callbacks": null}]')
    assert Canaries({"text": "canary1234"}).found_in(b'{"body": "' + body + b'", "headers": {}}') == ["text"]
