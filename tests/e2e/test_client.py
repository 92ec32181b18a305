"""Apps without HTTP take the same road as the API: `ingest.client`, and what docs/python-client.md says of it."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

import settings
from domain.errors import Away, BadInput, NotAllowed, NotThere, TimingleError
from ingest import background
from ingest.client import TimingleClient, app_id_of
from ingest.message_views import Sent
from local.demo.api import Api, Id, Message, Messages, UnreadEvents, calling_app
from local.demo.talk import random_phone
from local.stack import ROOT, Stack
from settings import Settings
from tests.waiting import wait_until

STORED_S_MAX = 30.0
PROCESS_S_MAX = 60
NIL = UUID(int=0)
LATER = {"start_time": "2099-01-01T10:00:00+09:00", "end_time": "2099-01-01T11:00:00+09:00"}


@dataclass(frozen=True)
class Chat:
    """An event, two who take part in it, and one who does not."""

    api: Api
    event_id: int
    author: int
    friend: int
    stranger: int

    def messages(self) -> list[Message]:
        """What is stored, oldest first, up to the first gap."""
        query: Mapping[str, str | int] = {"as_user": self.friend, "after": str(NIL), "limit": 100}
        return self.api.get(Messages, f"/events/{self.event_id}/messages", query).messages

    def wait_stored(self, count: int) -> list[Message]:
        """The messages, as soon as so many are stored."""
        wait_until(f"{count} messages stored", lambda: len(self.messages()) >= count)
        return self.messages()

    def unread(self, user_id: int) -> int:
        """What a user of this event only has not read."""
        (event,) = self.api.get(UnreadEvents, f"/users/{user_id}/unread").events
        return event.unread_count


@pytest.fixture(scope="module")
def api(system: Stack) -> Iterator[Api]:
    """The HTTP API, to make events with and to read what is stored."""
    with calling_app(system.ingest_url, system.env["TIMINGLE_POSTGRES_URL"]) as made:
        yield made


@pytest.fixture(scope="module")
def current(system: Stack) -> Settings:
    """The settings of the shared system."""
    return settings.parse(system.env)


@pytest.fixture(scope="module")
def client(current: Settings) -> Iterator[TimingleClient]:
    """A client that most tests share, as the processes of one app do."""
    with TimingleClient(current, name="tests") as made:
        yield made


@pytest.fixture
def chat(api: Api) -> Chat:
    """A new event with new people."""
    people = [api.post(Id, "/users", {"phone": random_phone(), "name": name}).id for name in ("지우", "민지", "도현")]
    author, friend, stranger = people
    event = {"actor_id": author, "title": "컷", "participant_ids": [friend], **LATER}
    return Chat(api, api.post(Id, "/events", event).id, author, friend, stranger)


def test_what_is_sent_is_stored_as_it_was_given(client: TimingleClient, chat: Chat) -> None:
    first = client.send(event_id=chat.event_id, actor_id=chat.author, message="안녕하세요 👨‍👩‍👧‍👦")
    second = client.send(
        event_id=chat.event_id,
        actor_id=chat.friend,
        message="이런 느낌이에요",
        message_type="image",
        attachments=["https://salon.example/a.jpg"],
        reply_to=first.message_id,
        metadata={"source": "crm"},
    )
    assert (first.seq, second.seq) == (1, 2)
    assert second.created_at.tzinfo is not None
    stored = chat.wait_stored(2)
    assert [(m.message_id, m.sender_id, m.message, m.message_type, m.attachments, m.reply_to) for m in stored] == [
        (UUID(first.message_id), chat.author, "안녕하세요 👨‍👩‍👧‍👦", "text", (), None),
        (
            UUID(second.message_id),
            chat.friend,
            "이런 느낌이에요",
            "image",
            ("https://salon.example/a.jpg",),
            UUID(first.message_id),
        ),
    ]


def test_an_edit_a_deletion_a_reaction_and_a_read_mark_do_what_the_api_does(client: TimingleClient, chat: Chat) -> None:
    event_id, author, friend = chat.event_id, chat.author, chat.friend
    ids = [client.send(event_id=event_id, actor_id=author, message=text).message_id for text in ("가", "나", "다")]
    client.edit(event_id=event_id, message_id=ids[0], actor_id=author, message="가나다")
    client.delete(event_id=event_id, message_id=UUID(ids[1]), actor_id=author)
    client.react(event_id=event_id, message_id=ids[2], actor_id=author, emoji="🎉")
    client.react(event_id=event_id, message_id=ids[2], actor_id=friend, emoji="❤️")
    client.react(event_id=event_id, message_id=ids[2], actor_id=friend, emoji="👍🏽")
    client.take_reaction_back(event_id=event_id, message_id=ids[2], actor_id=author)
    client.mark_read(event_id=event_id, actor_id=friend, up_to=ids[1])

    def is_stored() -> bool:
        stored = [(m.message, m.is_deleted, [(r.user_id, r.emoji) for r in m.reactions]) for m in chat.messages()]
        asked = [("가나다", False, []), ("", True, []), ("다", False, [(friend, "👍🏽")])]
        return stored == asked and chat.unread(friend) == 1

    wait_until("edited, deleted, reacted to and read", is_stored)


def test_a_client_id_sent_again_gets_the_first_answer_and_counts_once(client: TimingleClient, chat: Chat) -> None:
    once = {"event_id": chat.event_id, "actor_id": chat.author, "message": "한 번", "client_id": "booking-1"}
    (first,) = client.send_many([once])
    assert client.send_many([once, once]) == [first, first]
    with pytest.raises(BadInput) as refused:
        client.send(event_id=chat.event_id, actor_id=chat.author, message="다른 말", client_id="booking-1")
    assert refused.value.field == "client_id"
    client.send(event_id=chat.event_id, actor_id=chat.author, message="끝")
    assert [m.message for m in chat.wait_stored(2)] == ["한 번", "끝"]


def test_a_client_id_of_one_app_never_meets_that_of_another(
    client: TimingleClient, chat: Chat, current: Settings
) -> None:
    assert app_id_of("tests") < 0
    assert app_id_of("tests") != app_id_of("other")
    same = {"actor_id": chat.author, "message": "같은 말", "client_id": "1"}
    by_http = chat.api.say(f"/events/{chat.event_id}/messages", same)
    with TimingleClient(current, name="other") as other:
        sent = [app.send_many([{"event_id": chat.event_id, **same}])[0] for app in (client, other)]
    seqs = [by_http.seq, *(one.seq for one in sent if isinstance(one, Sent))]
    assert seqs == [1, 2, 3]


def test_a_bad_message_of_many_does_not_sink_the_others(client: TimingleClient, chat: Chat) -> None:
    good = {"event_id": chat.event_id, "actor_id": chat.author, "message": "좋아요"}
    results = client.send_many(
        [
            good,
            {**good, "message": ""},
            {**good, "actor_id": chat.stranger},
            {**good, "event_id": 2**40},
            {**good, "mesage": "x"},
            good,
        ]
    )
    assert [type(one) for one in results] == [Sent, BadInput, NotAllowed, NotThere, BadInput, Sent]
    assert [one.field for one in results if isinstance(one, BadInput)] == ["message", "mesage"]
    assert [m.message for m in chat.wait_stored(2)] == ["좋아요", "좋아요"]
    for count in (0, 1_001):
        with pytest.raises(BadInput) as refused:
            client.send_many([good] * count)
        assert refused.value.field == "messages"


BAD: list[tuple[str, dict[str, object], type[TimingleError], str]] = [
    ("send", {"message": ""}, BadInput, "message"),
    ("send", {"message": "가" * 4_001}, BadInput, "message"),
    ("send", {"message": "가\0"}, BadInput, "message"),
    ("send", {"message": "\ud800"}, BadInput, "message"),
    ("send", {"message": b"bytes"}, BadInput, "message"),
    ("send", {"message_type": "system"}, BadInput, "message_type"),
    ("send", {"attachments": ["http://salon.example/a"]}, BadInput, "attachments[0]"),
    ("send", {"attachments": ["https://salon.example/a\n"]}, BadInput, "attachments[0]"),
    ("send", {"attachments": ["https://a/"] * 11}, BadInput, "attachments"),
    ("send", {"metadata": {"a": "가" * 6_000}}, BadInput, "message"),
    ("send", {"client_id": "\udfff"}, BadInput, "client_id"),
    ("send", {"client_id": "x" * 65}, BadInput, "client_id"),
    ("send", {"reply_to": "no uuid"}, BadInput, "reply_to"),
    ("send", {"actor_id": 0}, BadInput, "actor_id"),
    ("send", {"actor_id": True}, BadInput, "actor_id"),
    ("send", {"event_id": "1"}, BadInput, "event_id"),
    ("send", {"event_id": 2**40}, NotThere, ""),
    ("edit", {"message": ""}, BadInput, "message"),
    ("edit", {"message_id": "no uuid"}, BadInput, "message_id"),
    ("edit", {"message_id": str(NIL)}, BadInput, "message_id"),
    ("react", {"emoji": ""}, BadInput, "emoji"),
    ("react", {"emoji": "\ud83d"}, BadInput, "emoji"),
    ("react", {"emoji": "🎉" * 33}, BadInput, "emoji"),
    ("mark_read", {"up_to": "01a20f7f-6ef0-72f6-8000-ffff52810f3c"}, BadInput, "up_to"),
]


@pytest.mark.parametrize(("method", "bad", "error", "field"), BAD)
def test_what_cannot_be_taken_is_refused_with_the_field_named(
    method: str, bad: dict[str, object], error: type[TimingleError], field: str, client: TimingleClient, chat: Chat
) -> None:
    sent = client.send(event_id=chat.event_id, actor_id=chat.author, message="첫마디")
    given: dict[str, dict[str, object]] = {
        "send": {"message": "a"},
        "edit": {"message_id": sent.message_id, "message": "a"},
        "react": {"message_id": sent.message_id, "emoji": "🎉"},
        "mark_read": {"up_to": sent.message_id},
    }
    call = getattr(client, method)
    with pytest.raises(error) as refused:
        call(**{"event_id": chat.event_id, "actor_id": chat.author, **given[method], **bad})
    assert getattr(refused.value, "field", "") == field
    last = client.send(event_id=chat.event_id, actor_id=chat.author, message="끝")
    assert last.seq == 2


def test_only_who_takes_part_may_write_and_only_the_author_may_change(client: TimingleClient, chat: Chat) -> None:
    event_id, friend, stranger = chat.event_id, chat.friend, chat.stranger
    message_id = client.send(event_id=event_id, actor_id=chat.author, message="제 말").message_id
    chat.wait_stored(1)
    forbidden: list[Callable[[], object]] = [
        lambda: client.send(event_id=event_id, actor_id=stranger, message="저도"),
        lambda: client.edit(event_id=event_id, message_id=message_id, actor_id=friend, message="남의 말"),
        lambda: client.delete(event_id=event_id, message_id=message_id, actor_id=friend),
        lambda: client.react(event_id=event_id, message_id=message_id, actor_id=stranger, emoji="🎉"),
        lambda: client.take_reaction_back(event_id=event_id, message_id=message_id, actor_id=stranger),
        lambda: client.mark_read(event_id=event_id, actor_id=stranger, up_to=message_id),
    ]
    for call in forbidden:
        with pytest.raises(NotAllowed):
            call()


def test_the_first_call_of_a_process_checks_the_author_of_an_edit_too(chat: Chat, current: Settings) -> None:
    path = f"/events/{chat.event_id}/messages"
    sent = chat.api.say(path, {"actor_id": chat.author, "message": "제 말"})
    chat.wait_stored(1)
    with TimingleClient(current) as fresh, pytest.raises(NotAllowed):
        fresh.edit(event_id=chat.event_id, message_id=str(sent.message_id), actor_id=chat.friend, message="남의 말")


def test_threads_share_a_client_and_lose_and_repeat_nothing(client: TimingleClient, chat: Chat) -> None:
    texts = [f"{number}" for number in range(80)]
    with ThreadPoolExecutor(8) as threads:
        sent = list(
            threads.map(lambda text: client.send(event_id=chat.event_id, actor_id=chat.author, message=text), texts)
        )
    assert sorted(one.seq for one in sent) == list(range(1, len(texts) + 1))
    assert sorted(m.message for m in chat.wait_stored(len(texts))) == sorted(texts)


def test_a_closed_client_leaves_no_thread_and_opens_anew(chat: Chat, current: Settings) -> None:
    before = set(threading.enumerate())
    client = TimingleClient(current)
    assert set(threading.enumerate()) == before
    for _ in range(2):
        client.send(event_id=chat.event_id, actor_id=chat.author, message="열고 닫고")
        client.close()
        ours = [thread.name for thread in set(threading.enumerate()) - before]
        assert [name for name in ours if name in ("timingle", "doorbell")] == []


NOWHERE = "127.0.0.1:1"


def test_a_journal_or_postgres_that_is_away_is_told_as_away(chat: Chat, current: Settings) -> None:
    for away in ({"journal_urls": f"redis://{NOWHERE}/0"}, {"postgres_api_url": f"postgresql://a:b@{NOWHERE}/c"}):
        with TimingleClient(msgspec.structs.replace(current, **away)) as client, pytest.raises(Away):
            client.send(event_id=chat.event_id, actor_id=chat.author, message="아무도 없나요")


def test_messages_are_taken_while_scylladb_and_the_broker_are_away(chat: Chat, current: Settings) -> None:
    away = msgspec.structs.replace(current, scylla_contact_points=NOWHERE, broker_url=f"redis://{NOWHERE}/0")
    with TimingleClient(away) as client:
        sent = client.send(event_id=chat.event_id, actor_id=chat.author, message="그래도 갑니다")
        client.edit(event_id=chat.event_id, message_id=sent.message_id, actor_id=chat.author, message="고쳤어요")
    wait_until("stored and edited", lambda: [m.message for m in chat.messages()] == ["고쳤어요"])


@contextmanager
def without_sweeps(system: Stack) -> Iterator[None]:
    """Nobody rings but who sends."""
    system.stop("beat")
    try:
        yield
    finally:
        system.start("beat")


def test_a_message_rings_at_our_broker_whatever_broker_the_calling_app_has(
    chat: Chat, current: Settings, system: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The variables are gone before beat starts again: it inherits this process's environment.
    with without_sweeps(system), monkeypatch.context() as theirs, TimingleClient(current) as client:
        for name in ("CELERY_BROKER_URL", "CELERY_BROKER_WRITE_URL"):
            theirs.setenv(name, f"redis://{NOWHERE}/0")
        client.send(event_id=chat.event_id, actor_id=chat.author, message="딩동")
        chat.wait_stored(1)


def test_the_ring_is_the_one_that_the_workers_listen_for(system: Stack, tmp_path: Path) -> None:
    code = """
from worker import app
from tasks.messages import persist as p
print(p.name, app.amqp.router.route({}, p.name)["queue"].name, p.expires)
"""
    ours = (background.PERSIST, background.PERSIST_QUEUE, background.PERSIST_EXPIRES_S)
    assert tuple(run_python(code, system.env, tmp_path).split()) == tuple(map(str, ours))


def run_python(code: str, env: Mapping[str, str], cwd: Path) -> str:
    """What a fresh Python prints that runs this; it must end well and say nothing on standard error."""
    python = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environ(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = python.communicate(timeout=PROCESS_S_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(python.pid, signal.SIGKILL)  # children that it forked and that hang, too
        raise
    assert (python.returncode, errors) == (0, "")
    return output


def environ(env: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with other settings of timingle, where our modules are found."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIMINGLE_")}
    return {**own, **env, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def test_the_celery_of_the_calling_app_stays_its_own(tmp_path: Path) -> None:
    code = """
import sys
from celery import Celery, current_app
theirs = Celery("theirs")
import ingest.client
from ingest.background import bell
bell("redis://127.0.0.1:1/0").close()
assert current_app.main == "theirs", current_app.main
assert not {"tasks.messages.persist"} & set(theirs.tasks), list(theirs.tasks)
print(sorted(name for name in sys.modules if name.split(".")[0] in ("worker", "tasks", "schedules")))
"""
    assert run_python(code, {}, tmp_path) == "[]\n"


FORKING = """
import os, sys
import settings
from ingest.client import TimingleClient
event_id, author = EVENT, AUTHOR
client = TimingleClient(settings.parse(os.environ), name="forking")
def send(text):
    client.send(event_id=event_id, actor_id=author, message=text)
send("parent")
children = []
for number in range(3):
    child = os.fork()
    if not child:
        code = 1
        try:
            for again in range(5):
                send(f"child {number}.{again}")
            client.close()
            code = 0
        finally:
            os._exit(code)
    children.append(child)
    send(f"parent, after fork {number}")
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
for again in range(5):
    send(f"parent, at last {again}")
client.close()
"""


def test_a_client_that_was_used_before_a_fork_serves_parent_and_children_alike(
    chat: Chat, system: Stack, tmp_path: Path
) -> None:
    code = FORKING.replace("EVENT", str(chat.event_id)).replace("AUTHOR", str(chat.author))
    assert run_python(code, system.env, tmp_path) == "[0, 0, 0]\n"
    stored = [m.message for m in chat.wait_stored(24)]
    children = [f"child {number}.{again}" for number in range(3) for again in range(5)]
    parent = ["parent", *(f"parent, after fork {n}" for n in range(3)), *(f"parent, at last {n}" for n in range(5))]
    assert sorted(stored) == sorted([*children, *parent])


DOCS = ROOT / "docs" / "python-client.md"


def example(number: int) -> str:
    """A code block of the documentation."""
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    return blocks[number]


def test_the_documented_example_runs_as_it_stands(chat: Chat, system: Stack, tmp_path: Path) -> None:
    (tmp_path / "salon.py").write_text(example(0))
    code = f"import salon; print(salon.confirm_booking({chat.event_id}, {chat.author}, 7))"
    refused, message_id = run_python(code, system.env, tmp_path).splitlines()
    assert refused.startswith("refused because of message: ")
    wait_until("the reaction is stored", lambda: any(m.reactions for m in chat.messages()))
    (stored,) = chat.messages()
    assert stored.message_id == UUID(message_id)
    assert stored.message == "예약이 확정됐어요. 토요일 11시에 봬요! 💇‍♀️"


def test_the_documented_celery_app_sends_from_its_own_prefork_workers(
    chat: Chat, system: Stack, tmp_path: Path
) -> None:
    (tmp_path / "salon_tasks.py").write_text(example(1))
    env = {**system.env, "SALON_BROKER_URL": system.env["TIMINGLE_BROKER_URL"].removesuffix("/0") + "/1"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "salon_tasks", "worker", "-c", "2", "-l", "INFO"],
            cwd=tmp_path,
            env=environ(env),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        twice = (*range(10), *range(10))
        code = "from salon_tasks import remind\n" + "".join(
            f"remind.delay({chat.event_id}, {chat.author}, {booking})\n" for booking in twice
        )
        run_python(code, env, tmp_path)
        wait_until("all tasks done", lambda: log.read_text().count("succeeded") == len(twice))
    finally:
        worker.terminate()
        worker.wait(PROCESS_S_MAX)
    assert "Traceback" not in log.read_text()
    assert [m.message for m in chat.wait_stored(10)] == ["내일 예약 잊지 마세요! ⏰"] * 10
