"""Flower as an operator meets it: behind a password, showing the work, and never a word of what users say (P11)."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import redis

from local.demo.api import Api, Id, Messages, Outcome, calling_app
from local.demo.talk import random_phone
from local.stack import Stack
from stores.journal import NOTES
from tests.waiting import wait_until

SEEN_S_MAX = 40.0
PERSIST, SWEEP = "tasks.messages.persist", "tasks.messages.sweep"
QUEUES_OF = {
    "messages": {"messages"},
    "upkeep": {"upkeep"},
    "events": {"events"},
    "payments": {"payments"},
    "reports": {"reports"},
}
CONTROL_CALLS = [
    "worker/shutdown/messages@host",
    "worker/pool/shrink/messages@host",
    "worker/queue/cancel-consumer/messages@host",
    f"task/send-task/{PERSIST}",
    f"task/async-apply/{PERSIST}",
    f"task/rate-limit/{PERSIST}",
    "task/revoke/00000000-0000-0000-0000-000000000000",
]


class Task(msgspec.Struct):
    """What Flower knows of a task."""

    name: str | None
    state: str
    routing_key: str | None = None
    started: float | None = None
    runtime: float | None = None
    worker: str = ""
    args: str | None = None
    kwargs: str | None = None
    exception: str | None = None
    traceback: str | None = None


class Queue(msgspec.Struct):
    name: str
    messages: int


class Queues(msgspec.Struct):
    active_queues: list[Queue]


class Worker(msgspec.Struct):
    active_queues: list[dict[str, object]] = []


class Dashboard:
    """Flower's pages and API."""

    def __init__(self, stack: Stack) -> None:
        user, _, password = stack.env["TIMINGLE_FLOWER_BASIC_AUTH"].partition(":")
        url = f"http://127.0.0.1:{stack.ports.flower}"
        self.http = httpx.Client(base_url=url, auth=(user, password), timeout=30)
        self.stranger = httpx.Client(base_url=url, timeout=30)

    def text(self, path: str) -> str:
        return self.http.get(path).raise_for_status().text

    def tasks(self, **query: str) -> dict[str, Task]:
        return msgspec.json.decode(self.http.get("/api/tasks", params=query).content, type=dict[str, Task])

    def wait_for(self, what: str, met: Callable[[Task], bool]) -> tuple[str, Task]:
        """A task for which this is so, with its id, as soon as there is one."""
        found: list[tuple[str, Task]] = []

        def shown() -> bool:
            found[:] = [(task_id, task) for task_id, task in self.tasks(limit="500").items() if met(task)]
            return bool(found)

        wait_until(f"Flower shows {what}", shown, SEEN_S_MAX)
        return found[0]


@pytest.fixture(scope="module")
def flower(system: Stack) -> Iterator[Dashboard]:
    system.start("flower")
    dashboard = Dashboard(system)
    yield dashboard
    dashboard.http.close()
    dashboard.stranger.close()
    system.stop("flower")


@pytest.fixture(scope="module")
def api(system: Stack) -> Iterator[Api]:
    with calling_app(system.ingest_url, system.env["TIMINGLE_POSTGRES_URL"]) as made:
        yield made


def say(api: Api, text: str, name: str = "민지") -> None:
    """A user of this name says this, in an event of their own, and edits it; returns when that is stored."""
    user = api.post(Id, "/users", {"phone": random_phone(), "name": name}).id
    times = {"start_time": "2099-01-01T10:00:00+09:00", "end_time": "2099-01-01T11:00:00+09:00"}
    event = api.post(Id, "/events", {"actor_id": user, "title": text, "participant_ids": [], **times}).id
    message = {"actor_id": user, "message": text, "metadata": {"note": text}, "client_id": text[:64]}
    said = api.post(Outcome, f"/events/{event}/messages", message).message_id
    api.do("PATCH", f"/events/{event}/messages/{said}", {"actor_id": user, "message": f"{text} anew"})

    def stored() -> bool:
        page = api.get(Messages, f"/events/{event}/messages", {"as_user": user, "after": str(UUID(int=0))})
        return [each.message for each in page.messages] == [f"{text} anew"]

    wait_until("the edit is stored", stored, SEEN_S_MAX)


@pytest.mark.parametrize(
    "path", ["/", "/workers", "/tasks", "/broker", "/api/tasks", "/api/workers", "/api/queues/length"]
)
def test_a_page_opens_only_with_the_password(flower: Dashboard, path: str) -> None:
    assert flower.stranger.get(path).status_code == HTTPStatus.UNAUTHORIZED
    assert flower.stranger.get(path, auth=("timingle", "wrong")).status_code == HTTPStatus.UNAUTHORIZED
    assert flower.http.get(path).status_code == HTTPStatus.OK


@pytest.mark.parametrize("call", CONTROL_CALLS)
def test_flower_shows_and_changes_nothing(flower: Dashboard, call: str) -> None:
    assert flower.stranger.post(f"/api/{call}").status_code == HTTPStatus.UNAUTHORIZED
    assert flower.http.post(f"/api/{call}", json={}).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(("name", "queue"), [(PERSIST, "messages"), (SWEEP, "upkeep")])
def test_a_task_is_shown_with_its_queue_its_runtime_and_its_worker(
    flower: Dashboard, api: Api, name: str, queue: str
) -> None:
    """A task is a doorbell: it has no arguments."""
    say(api, "안녕하세요")
    _, task = flower.wait_for(f"{name} that succeeded", lambda task: (task.name, task.state) == (name, "SUCCESS"))
    assert task.routing_key == queue
    assert task.runtime is not None
    assert task.runtime > 0
    assert task.worker.startswith(f"{queue}@")
    assert (task.args, task.kwargs) == ("()", "{}")


def test_every_queue_is_shown(flower: Dashboard) -> None:
    queues = msgspec.json.decode(flower.text("/api/queues/length"), type=Queues).active_queues
    assert {queue.name for queue in queues} == set().union(*QUEUES_OF.values())
    assert all(f">{queue.name}</td>" in flower.text("/broker") for queue in queues)


def test_every_worker_is_shown_with_the_queues_that_it_serves(flower: Dashboard) -> None:
    workers = msgspec.json.decode(flower.text("/api/workers?refresh=1"), type=dict[str, Worker])
    served = {name.partition("@")[0]: {queue["name"] for queue in seen.active_queues} for name, seen in workers.items()}
    assert served == QUEUES_OF


def test_no_word_of_a_user_and_no_secret_reaches_flower(flower: Dashboard, api: Api, system: Stack) -> None:
    """P11. Neither its pages, its API and its metrics, nor what it keeps on disk."""
    canary = f"canary{uuid4().hex}카나리아"
    say(api, canary, name=canary[:80])
    began = time.time()
    task_id, _ = flower.wait_for("later drain", lambda task: task.name == SWEEP and (task.started or 0) > began)
    workers = msgspec.json.decode(flower.text("/api/workers?refresh=1"), type=dict[str, Worker])
    tables = "/tasks/datatable?draw=1&start=0&length=1000&order[0][column]=0&columns[0][data]=name"
    paths = ["/api/tasks", "/api/workers", tables, "/workers", "/broker", f"/task/{task_id}", "/metrics"]
    shown = "".join(map(flower.text, [*paths, *(f"/worker/{name}" for name in workers)]))
    wait_saved(system, time.time())
    kept = b"".join(file.read_bytes() for file in flower_files(system))
    assert task_id in shown
    assert task_id.encode() in kept
    for word in (canary[:38], "카나리아", *secrets(system)):
        assert word not in shown
        assert word.encode() not in kept


def test_an_error_is_shown_by_its_class_without_its_words(flower: Dashboard, system: Stack) -> None:
    """P11. An error's text may quote anything; here it would be Redis's WRONGTYPE."""
    log = system.state / "logs" / "worker-upkeep.log"
    flower.wait_for("sweep", lambda task: (task.name, task.state) == (SWEEP, "SUCCESS"))  # it has left its notes
    began = time.time()
    with redis.Redis.from_url(system.env["TIMINGLE_JOURNAL_URLS"]) as journal:
        journal.rename(NOTES, "set-aside")
        journal.rpush(NOTES, "a list where the sweep expects a string")
        try:
            _, task = flower.wait_for("failure", lambda task: task.state == "FAILURE" and (task.started or 0) > began)
        finally:
            journal.rename("set-aside", NOTES)
    assert task.exception == "TaskFailed('redis.exceptions.ResponseError')"
    assert "tasks/messages.py" in (task.traceback or "")
    assert "WRONGTYPE" not in (task.traceback or "") + log.read_text()
    assert "redis.exceptions.ResponseError" in log.read_text()


def test_flower_remembers_after_it_was_killed(flower: Dashboard, system: Stack) -> None:
    task_id, before = flower.wait_for("sweep", lambda task: (task.name, task.state) == (SWEEP, "SUCCESS"))
    wait_saved(system, time.time())
    system.kill("flower")
    system.wait_ready("flower")
    assert flower.tasks()[task_id] == before


def flower_files(system: Stack) -> list[Path]:
    return [file for file in (system.state / "data" / "flower").iterdir() if file.is_file()]


def wait_saved(system: Stack, since: float) -> None:
    """Return when Flower has saved what it knew at this time."""
    wait_until(
        "Flower saves", lambda: min((f.stat().st_mtime for f in flower_files(system)), default=0.0) > since, SEEN_S_MAX
    )


def secrets(system: Stack) -> list[str]:
    """Every password and key in force."""
    urls = [value for name, value in system.env.items() if name.endswith(("_URL", "_URLS"))]
    passwords = [password for url in urls if (password := urlsplit(url).password)]
    names = ("INDEX_KEY", "TOSS_SECRET_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS")
    keys = [system.env["TIMINGLE_DATA_KEYS"].partition(":")[2], *(system.env[f"TIMINGLE_{name}"] for name in names)]
    return [*passwords, *keys, system.env["TIMINGLE_FLOWER_BASIC_AUTH"].partition(":")[2]]
