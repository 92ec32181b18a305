"""A road of a test's own on the shared PostgreSQL and ScyllaDB: what else there is may be cut, filled and stopped."""

import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import msgspec
import redis

from domain.ids import NIL
from local import apps, valkey
from local.demo.talk import random_phone
from local.ports import Ports
from local.probes import LOOPBACK
from local.stack import ROOT, Stack
from local.supervisor import Supervisor
from stores import api_clients
from stores.connections import Stores, open_pool
from stores.journal import GROUP, STREAM
from tests.addresses import addresses_of
from tests.faults.proxy import Proxy
from tests.waiting import wait_until

PASSWORD: Final = "secret"
KEEP_S: Final = 2.0
"""JOURNAL_KEEP of this road: short, so that a test sees what comes after it."""
RATE_PER_S: Final = 1_000_000
ANSWER_S_MAX: Final = 30.0
WORKERS: Final = ("worker-messages", "worker-upkeep", "beat")
LATER: Final = {"start_time": "2099-01-01T10:00:00+09:00", "end_time": "2099-01-01T11:00:00+09:00"}
SCOPES: Final = [f"{area}:{access}" for area in ("messages", "events", "users") for access in ("read", "write")]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of ingest, and how long it took."""

    status: int
    body: Json
    headers: Mapping[str, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Chat:
    """An event of two people, said into over HTTP."""

    http: httpx.Client
    event_id: int
    author: int
    friend: int

    def ask(self, method: str, path: str, body: Json | None = None, **query: str | int) -> Answered:
        """Any call, whatever its answer."""
        began = time.monotonic()
        content = None if body is None else msgspec.json.encode(body)
        answer = self.http.request(method, path, content=content, params=query)
        return Answered(answer.status_code, answer.json(), answer.headers, time.monotonic() - began)

    def say(self, text: str = "안녕", client_id: str | None = None) -> Answered:
        """One message, one call."""
        body: Json = {"actor_id": self.author, "message": text, "client_id": client_id or uuid4().hex}
        return self.ask("POST", f"/events/{self.event_id}/messages", body)

    def say_all(self, texts: list[str]) -> Answered:
        """Up to 1,000 messages in one call."""
        said = [{"event_id": self.event_id, "actor_id": self.author, "message": text} for text in texts]
        return self.ask("POST", "/messages:batch", {"messages": said})

    def edit(self, message_id: UUID, text: str) -> Answered:
        """A message said anew by its author."""
        path = f"/events/{self.event_id}/messages/{message_id}"
        return self.ask("PATCH", path, {"actor_id": self.author, "message": text})

    def page(self, after: str = str(NIL)) -> Json:
        """What follows a message."""
        path = f"/events/{self.event_id}/messages"
        return self.ask("GET", path, as_user=self.friend, after=after, limit=100).body

    def follow(self) -> list[Json]:
        """All that is stored, for one who follows the event from its beginning; nothing while a store is away."""
        found: list[Json] = []
        cursor = str(NIL)
        while messages := (page := self.page(cursor)).get("messages"):
            found += messages
            cursor = page["next"]
        return found

    def unread(self) -> int:
        """What the friend has not read."""
        (event,) = self.ask("GET", f"/users/{self.friend}/unread").body["events"]
        return int(event["unread_count"])


@dataclass
class Road:
    """Use it as `own_road` gives it."""

    supervisor: Supervisor
    env: Mapping[str, str]
    ports: Ports
    proxy: Proxy
    http: httpx.Client
    journal_url: str
    logs: Path
    redis: "redis.Redis" = field(init=False)

    def __post_init__(self) -> None:
        self.redis = redis.Redis.from_url(self.journal_url, socket_timeout=10)

    def new_chat(self) -> Chat:
        """An event, two who take part in it, and a register in this road's journal."""
        author, friend = (self._made("/users", {"phone": random_phone(), "name": name}) for name in ("지우", "민지"))
        event = {"actor_id": author, "title": "컷", "participant_ids": [friend], **LATER}
        return Chat(self.http, self._made("/events", event), author, friend)

    def start(self, *names: str) -> None:
        """Start services that do not run."""
        self.supervisor.start(*names)

    def stop(self, *names: str) -> None:
        """Stop services."""
        self.supervisor.stop(*names)

    @contextmanager
    def hanging(self, name: str) -> Iterator[None]:
        """A server that takes connections and answers nothing."""
        process = self.supervisor.pid(name)
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process, signal.SIGCONT)

    @contextmanager
    def gone(self, name: str) -> Iterator[None]:
        """A server that was killed."""
        self.supervisor.kill(name, stay_down=True)
        try:
            yield
        finally:
            self.supervisor.start(name)

    def log(self, name: str) -> str:
        """What a service has said."""
        return (self.logs / f"{name}.log").read_text(errors="replace")

    def pending(self) -> dict[str, int]:
        """Each entry that was read and not acknowledged, with how often it was delivered."""
        found: Any = self.redis.xpending_range(STREAM, GROUP, "-", "+", 10_000)
        return {entry["message_id"].decode(): entry["times_delivered"] for entry in found}

    def waits(self) -> int:
        """How many entries are not stored yet."""
        groups: Any = self.redis.xinfo_groups(STREAM)
        return int((groups[0]["lag"] or 0) + groups[0]["pending"])

    def wait_drained(self, seconds: float = 60.0) -> None:
        """Return when all that was taken is stored."""
        wait_until("the journal is drained", lambda: self.waits() == 0, seconds)

    @contextmanager
    def worker(self, consumer: str, journal_url: str = "") -> Iterator[Stores]:
        """A worker's stores, in this process."""
        journal_urls = (journal_url or self.journal_url,)
        with closing(Stores(replace(addresses_of(self.env), journal_urls=journal_urls, consumer=consumer))) as stores:
            yield stores

    @property
    def proxied_journal_url(self) -> str:
        """The journal behind the proxy that loses replies."""
        return urlsplit(self.journal_url)._replace(netloc=f":{PASSWORD}@{LOOPBACK}:{self.proxy.port}").geturl()

    def _made(self, path: str, body: Json) -> int:
        answer = self.http.post(path, content=msgspec.json.encode(body))
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return int(answer.json()["id"])


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.create_server((LOOPBACK, 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def own_road(stack: Stack, folder: Path, *, proxied: bool = False) -> Iterator[Road]:
    """Journal, broker and ingest run; WORKERS can be started. `proxied`: ingest too goes through the proxy."""
    at = Ports(**{**msgspec.structs.asdict(stack.ports), **{n: free_port() for n in ("ingest", "journal", "broker")}})
    journal_url = f"redis://:{PASSWORD}@{LOOPBACK}:{at.journal}/0"
    with Proxy(at.journal) as proxy:
        seen = f"redis://:{PASSWORD}@{LOOPBACK}:{proxy.port}/0" if proxied else journal_url
        env = {
            **stack.env,
            "TIMINGLE_JOURNAL_URLS": seen,
            "TIMINGLE_JOURNAL_KEEP": str(KEEP_S),
            "TIMINGLE_BROKER_URL": f"redis://:{PASSWORD}@{LOOPBACK}:{at.broker}/0",
            "TIMINGLE_INGEST_PORT": str(at.ingest),
        }
        services = [
            valkey.journal(folder / "journal", at.journal, PASSWORD),
            valkey.broker(folder / "broker", at.broker, PASSWORD),
            *(
                replace(service, after=())
                for service in apps.services(ROOT, folder, at, env, PASSWORD)
                if service.name in ("ingest", *WORKERS)
            ),
        ]
        with Supervisor(services, folder / "logs", lambda *_: None, lambda _: None) as supervisor:
            supervisor.start("journal", "broker")
            supervisor.start("ingest")
            with calling(at.ingest, stack.env["TIMINGLE_POSTGRES_URL"]) as http:
                yield Road(supervisor, env, at, proxy, http, journal_url, folder / "logs")


@contextmanager
def calling(port: int, postgres_url: str) -> Iterator[httpx.Client]:
    """The HTTP API with the key of an app of this run only."""
    name = f"road-{uuid4().hex[:12]}"
    with open_pool(postgres_url) as pool:
        key = api_clients.create(pool, name, SCOPES, RATE_PER_S)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        with httpx.Client(base_url=f"http://{LOOPBACK}:{port}/v1", headers=headers, timeout=ANSWER_S_MAX) as http:
            yield http
        api_clients.revoke(pool, name)
