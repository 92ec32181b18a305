"""Idempotency-Key on POST /users and /events, and on a DELETE: the same request is done once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

import httpx
import pytest

from local.stack import Stack
from tests.e2e.app import TIMES, App, calling_app, new_phone, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

Body = dict[str, object]


def a_user(app: App) -> tuple[str, Body]:
    return "/users", {"phone": new_phone(), "name": "민지"}


def an_event(app: App) -> tuple[str, Body]:
    return "/events", {"actor_id": app.user(), "title": "컷", **TIMES}


KINDS = pytest.mark.parametrize("make", [a_user, an_event])
Make = Callable[[App], tuple[str, Body]]


def post(app: App, path: str, body: Body, key: str) -> httpx.Response:
    return app.call("POST", path, body, headers={"idempotency-key": key})


@KINDS
def test_the_same_key_and_body_get_the_first_answer(app: App, make: Make, behind: Behind) -> None:
    path, body = make(app)
    key = uuid4().hex
    first = post(app, path, body, key)
    assert first.status_code == HTTPStatus.CREATED
    before = behind.stored()
    for _ in range(3):
        again = post(app, path, body, key)
        assert (again.status_code, again.content, again.headers["content-type"]) == (
            first.status_code,
            first.content,
            first.headers["content-type"],
        )
    assert behind.stored() == before


@KINDS
def test_the_same_key_with_another_request_is_refused(app: App, make: Make, behind: Behind) -> None:
    path, body = make(app)
    other_path, other_body = a_user(app) if path == "/events" else an_event(app)
    key = uuid4().hex
    post(app, path, body, key)
    before = behind.stored()
    assert refusal(post(app, path, {**body, "name" if path == "/users" else "title": "다른"}, key)) == (
        422,
        "Idempotency-Key",
    )
    assert refusal(post(app, other_path, other_body, key)) == (422, "Idempotency-Key")
    assert behind.stored() == before


@KINDS
def test_concurrent_repeats_have_one_effect_and_one_answer(app: App, make: Make, behind: Behind) -> None:
    """P2."""
    path, body = make(app)
    key = uuid4().hex
    table = path.removeprefix("/")
    before = behind.sql(f"SELECT count(*) FROM {table}")[0][0]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: post(app, path, body, key), range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(HTTPStatus.CREATED, answers[0].content)}
    assert behind.sql(f"SELECT count(*) FROM {table}")[0][0] == before + 1


@KINDS
def test_another_key_or_another_client_is_another_request(system: Stack, app: App, make: Make) -> None:
    path, body = make(app)
    key = uuid4().hex
    first = post(app, path, body, key)
    with calling_app(system) as other:
        answers = [post(app, path, body, uuid4().hex), post(other, path, body, key), app.call("POST", path, body)]
    if path == "/users":
        assert [refusal(answer) for answer in answers] == [(409, "")] * 3
    else:
        assert len({first.json()["id"], *(answer.json()["id"] for answer in answers)}) == 4


def test_a_repeat_gets_the_first_answer_even_when_the_start_has_passed_meanwhile(app: App) -> None:
    start = datetime.now(UTC) + timedelta(seconds=1)
    times = {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat()}
    path, body = an_event(app)
    key = uuid4().hex
    first = post(app, path, {**body, **times}, key)
    assert first.status_code == HTTPStatus.CREATED
    wait_until("started", lambda: datetime.now(UTC) > start)
    again = post(app, path, {**body, **times}, key)
    assert (again.status_code, again.content) == (first.status_code, first.content)


def test_a_request_that_was_refused_leaves_its_key_free(app: App, behind: Behind) -> None:
    key, phone = uuid4().hex, new_phone()
    app.user(phone=phone)
    before = behind.stored()
    assert refusal(post(app, "/users", {"phone": phone}, key)) == (409, "")
    assert refusal(post(app, "/users", {"phone": "1"}, key)) == (422, "phone")
    assert behind.stored() == before
    assert post(app, "/users", {"phone": new_phone()}, key).status_code == HTTPStatus.CREATED


def test_a_day_later_a_key_may_be_used_again(app: App, behind: Behind) -> None:
    key = uuid4().hex
    first = post(app, *a_user(app), key)
    for hours, status in ((23.9, HTTPStatus.UNPROCESSABLE_ENTITY), (24.1, HTTPStatus.CREATED)):
        behind.sql(
            "UPDATE idempotency_keys SET created_at = now() - make_interval(secs => %s) WHERE key = %s",
            hours * 3_600,
            key,
        )
        assert post(app, *a_user(app), key).status_code == status
    assert first.status_code == HTTPStatus.CREATED


@pytest.mark.parametrize("key", ["", "k" * 256], ids=len)
def test_a_key_of_no_or_too_many_characters_is_refused(app: App, key: str, behind: Behind) -> None:
    path, body = a_user(app)
    before = behind.stored()
    assert refusal(post(app, path, body, key)) == (422, "Idempotency-Key")
    assert behind.stored() == before


@pytest.mark.parametrize("more", [b"k" * 223, "한".encode(), b"\\u0000'\"%s", b"\xff"], ids=repr)
def test_a_key_may_be_any_bytes_that_a_header_holds(app: App, more: bytes) -> None:
    key = uuid4().hex.encode() + more
    path, body = a_user(app)
    first, again = [app.http.post(f"/v1{path}", json=body, headers=[(b"idempotency-key", key)]) for _ in range(2)]
    assert (first.status_code, again.content) == (HTTPStatus.CREATED, first.content)


def test_who_acts_is_part_of_a_deletion_and_a_repeat_gets_its_first_answer(app: App, behind: Behind) -> None:
    """Its actor stands in the query alone."""
    creator, guest, stranger = app.users(3)
    path, headers = f"/events/{app.event(creator, guest)}/participants/{guest}", {"idempotency-key": uuid4().hex}

    def remove(actor_id: int) -> httpx.Response:
        return app.call("DELETE", path, headers=headers, query={"actor_id": actor_id})

    first = remove(creator)
    assert first.status_code == HTTPStatus.OK
    before = behind.stored()
    again = remove(creator)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for actor_id in (guest, stranger):
        assert refusal(remove(actor_id)) == (422, "Idempotency-Key")
    assert behind.stored() == before
