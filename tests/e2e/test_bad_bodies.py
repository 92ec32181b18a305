"""Bad input: what no text may hold, what is no JSON, what is too much; a clear 4xx, and nothing is stored."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from tests.e2e.answers import BulkSent, Problem, Sent
from tests.e2e.app import Chat, refusal
from tests.e2e.behind import Behind
from tests.e2e.calls import Calls

BODY_BYTES_MAX = 1_048_576
WITH_BODY = [
    "send", "bulk", "edit", "react", "typing", "read", "user", "event", "change", "cancel", "pay", "confirm_payment",
    "refund",
]  # fmt: skip
HERE = "HERE"
"""Stands in a body where a test puts a text that nobody can store."""
TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("send", {"message": HERE}, "message"),
    ("send", {"metadata": {"a": HERE}}, "metadata[...]"),
    ("send", {"metadata": {HERE: "a"}}, "metadata"),
    ("send", {"attachments": ["https://a.example/", f"https://a.example/{HERE}"]}, "attachments[1]"),
    ("send", {"client_id": HERE}, "client_id"),
    ("send", {"message_type": HERE}, "message_type"),
    ("send", {"reply_to": HERE}, "reply_to"),
    ("edit", {"message": HERE}, "message"),
    ("react", {"emoji": HERE}, "emoji"),
    ("read", {"up_to": HERE}, "up_to"),
    ("user", {"phone": HERE}, "phone"),
    ("user", {"name": HERE}, "name"),
    ("user", {"display_name": HERE}, "display_name"),
    ("user", {"email": f"{HERE}@a.example"}, "email"),
    ("user", {"region": HERE}, "region"),
    ("user", {"interests": ["컷", HERE]}, "interests[1]"),
    ("user", {"profile_image_url": f"https://a.example/{HERE}"}, "profile_image_url"),
    ("event", {"title": HERE}, "title"),
    ("event", {"description": HERE}, "description"),
    ("event", {"location": HERE}, "location"),
    ("event", {"start_time": HERE}, "start_time"),
    ("change", {"title": HERE}, "title"),
    ("change", {"description": HERE}, "description"),
    ("change", {"location": HERE}, "location"),
    ("cancel", {"reason": HERE}, "reason"),
    ("pay", {"currency": HERE}, "currency"),
    ("pay", {"payment_method": HERE}, "payment_method"),
    ("pay", {"transaction_id": HERE}, "transaction_id"),
    ("pay", {"metadata": {"a": [HERE]}}, "metadata[...][0]"),
    ("pay", {"metadata": {HERE: "a"}}, "metadata"),
    ("confirm_payment", {"payment_key": HERE}, "payment_key"),
    ("refund", {"reason": HERE}, "reason"),
]  # fmt: skip
NUL, HIGH, LOW, PAIR = r"\u0000", r"\ud83d", r"\uDE00", r"\uD83d\ude00"
UNSTORABLE = [
    NUL, f"a{NUL}", f"{NUL}a", f"a{NUL}b", f"{PAIR}{NUL}",
    HIGH, f"a{HIGH}", f"{HIGH}a", f"a{HIGH}b", rf"{HIGH}\n", rf"{HIGH}A",
    LOW, f"a{LOW}", f"{LOW}a", f"a{LOW}b", rf"\\{LOW}",
    f"{LOW}{HIGH}", f"{HIGH}{HIGH}", f"{HIGH}{PAIR}", f"{PAIR}{LOW}", f"{PAIR}{HIGH}", f"{NUL}{HIGH}",
]  # fmt: skip


def holding(body: dict[str, Any], text: str) -> bytes:
    """The body as JSON, with a text, escaped as it is given, at its place."""
    return json.dumps(body).replace(HERE, text).encode()


@pytest.mark.parametrize(("name", "change", "field"), TEXTS, ids=lambda value: str(value)[:60])
def test_a_text_with_nul_or_half_a_surrogate_pair_is_refused_by_its_field(
    calls: Calls, name: str, change: dict[str, Any], field: str, nothing_is_stored: None
) -> None:
    for text in UNSTORABLE:
        assert refusal(calls.send(name, holding(calls.body(name) | change, text))) == (422, field), text


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_field_of_such_a_name_is_refused(calls: Calls, name: str, nothing_is_stored: None) -> None:
    for text in UNSTORABLE:
        assert refusal(calls.send(name, holding(calls.body(name) | {HERE: 1}, text)))[0] == 422


def test_what_only_looks_like_an_escape_is_a_text_as_any_other(chat: Chat) -> None:
    texts = [r"\\u0000", r"\\ud800", rf"\\\\{PAIR}", PAIR, rf"\\\\ud83d{PAIR}"]
    for text in texts:
        body = holding({"actor_id": chat.author, "message": HERE, "metadata": {HERE: HERE}}, text)
        answer = chat.app.call("POST", chat.path, content=body)
        assert answer.status_code == 202, answer.text
    assert [m.message for m in chat.wait_stored(len(texts))] == [json.loads(f'"{text}"') for text in texts]
    assert [m.metadata for m in chat.messages()] == [{m.message: m.message} for m in chat.messages()]


def test_in_a_bulk_such_a_text_does_not_sink_the_others(chat: Chat, behind: Behind) -> None:
    message = {"event_id": chat.event_id, "actor_id": chat.author, "message": "좋아요"}
    before = behind.entries_taken()
    for text in UNSTORABLE:
        body = {"messages": [message, {**message, "message": HERE}, {**message, "metadata": {HERE: "a"}}, message]}
        answer = chat.app.call("POST", "/messages:batch", content=holding(body, text))
        results = msgspec.json.decode(answer.content, type=BulkSent).outcomes
        assert [type(one) for one in results] == [Sent, Problem, Problem, Sent]
        assert [one.field for one in results if isinstance(one, Problem)] == ["message", "metadata"]
    assert behind.entries_taken() == before + len(UNSTORABLE)
    assert {m.message for m in chat.wait_stored(2 * len(UNSTORABLE))} == {"좋아요"}


MALFORMED: list[bytes] = [
    b"", b" ", b"{", b'{"actor_id": 1,}', b"{'actor_id': 1}", b"actor_id=1", b'{"actor_id": NaN}',
    b'{"actor_id": -Infinity}', b'{"actor_id": 01}', b'{"actor_id": +1}', b'{"actor_id": 0x1}', b'{"actor_id": 1e}',
    b'{"message": "\xff"}', b'{"message": "\xed\xa0\x80"}', b'{"message": "\xc0\x80"}', b'{"\xff": 1}',
    b'{"message": "a\x00b"}', b'{"message": "a\nb"}', b'{"message": "\\x"}', b'{"message": "\\ud8"}',
    '{"actor_id": 1}'.encode("utf-16"), b"\xef\xbb\xbf{}", b"\x1f\x8b\x08\x00", b"\x00" * 100,
]  # fmt: skip


@pytest.mark.parametrize("name", WITH_BODY)
def test_what_is_no_json_is_refused(calls: Calls, name: str, nothing_is_stored: None) -> None:
    for body in MALFORMED:
        assert refusal(calls.send(name, body))[0] in (400, 422), body


@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.parametrize("body", [b"null", b"1", b'"a"', b"[]", b"true"])
def test_a_body_that_is_no_object_is_refused(calls: Calls, name: str, body: bytes, nothing_is_stored: None) -> None:
    assert refusal(calls.send(name, body)) == (422, "")


def bombs(good: bytes) -> Iterator[bytes]:
    """JSON that is short to send and long to read, at the end of a good object."""
    opened = good.removesuffix(b"}")
    for deep in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, b'[{"a":' * 50_000):
        yield deep
        yield opened + b',"x":' + deep + b"}"
        yield b'{"messages":[' + deep + b"]}"
        yield b'{"metadata":' + deep + b"}"
    for number in (b"9" * 300_000, b"-" + b"9" * 300_000, b"1e999999999", b"0." + b"9" * 300_000, b"1" + b"0" * 309):
        yield b'{"actor_id":' + number + b"}"
        yield opened + b',"x":' + number + b"}"
        yield b'{"messages":[' + number + b',{"actor_id":' + number + b"}]}"
    yield b"{" + b",".join(b'"k%d":0' % n for n in range(50_000)) + b"}"
    yield b"\\ud800" * 170_000


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_bomb_of_json_harms_nobody(calls: Calls, name: str, nothing_is_stored: None) -> None:
    for body in bombs(msgspec.json.encode(calls.body(name))):
        answer = calls.send(name, body)
        if name == "bulk" and answer.status_code == 202:
            results = msgspec.json.decode(answer.content, type=BulkSent).outcomes
            assert all(isinstance(one, Problem) and one.status == 422 for one in results)
        else:
            assert refusal(answer)[0] in (400, 422), body[:60]


@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/json5", "application/problem+json",
     "text/json; application/json"],
)  # fmt: skip
def test_another_content_type_is_refused(
    calls: Calls, name: str, content_type: str | None, nothing_is_stored: None
) -> None:
    answer = calls.send(name, msgspec.json.encode(calls.body(name)), content_type)
    assert refusal(answer) == (415, "Content-Type")


def test_a_content_type_may_name_a_charset_in_any_case(chat: Chat) -> None:
    for content_type in ("application/json; charset=utf-8", "Application/JSON", "application/json ;charset=UTF-8"):
        headers = {"content-type": content_type}
        body = {"actor_id": chat.author, "message": "a"}
        assert chat.app.call("POST", chat.path, body, headers=headers).status_code == 202


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_over_its_limit_is_too_large_and_one_at_the_limit_is_not(
    calls: Calls, name: str, nothing_is_stored: None
) -> None:
    """1 MiB, and 8 for a bulk; by its length, and in chunks."""
    limit = BODY_BYTES_MAX * (8 if name == "bulk" else 1)
    at_limit = b'{"x":"' + b"a" * (limit - 8) + b'"}'
    assert len(at_limit) == limit
    assert refusal(calls.send(name, at_limit)) == (422, "x")
    method, path = calls.address(name)
    for body in (at_limit + b" ", (at_limit[at : at + 65_536] for at in range(0, limit + 65_536, 65_536))):
        content = body if isinstance(body, bytes) else (chunk or b" " for chunk in body)
        assert refusal(calls.chat.app.call(method, path, content=content)) == (413, "")


def test_a_bulk_has_room_for_a_thousand_long_messages(chat: Chat) -> None:
    message = {"event_id": chat.event_id, "actor_id": chat.author, "message": "가" * 2_600}
    assert all(isinstance(one, Sent) for one in chat.app.bulk([message] * 1_000))


def test_a_call_that_takes_no_body_does_not_mind_one(calls: Calls, nothing_is_stored: None) -> None:
    assert calls.ask("page", f"as_user={calls.chat.author}").status_code == 200
    method, path = calls.address("page")
    answer: httpx.Response = calls.chat.app.call(method, path, {"as_user": 5}, query={"as_user": calls.chat.author})
    assert answer.status_code == 200
