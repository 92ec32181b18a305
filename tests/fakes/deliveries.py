"""What a fake provider sends: its webhooks, at once or when told, as often and in whatever order."""

import asyncio
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from uuid import uuid4

import httpx

RETRY_S: Final = 0.5
TRIES_MAX: Final = 40
"""The real ones try for days."""
ANSWER_S_MAX: Final = 15.0

Headers = Callable[["Event", float, str], dict[str, str]]
"""Of an event, sent so many seconds ago, signed with this secret (empty: the right one)."""


@dataclass(slots=True)
class Event:
    """A webhook, sent or held."""

    number: int
    body: bytes
    answers: list[str] = field(default_factory=list)
    """Of each delivery: a status, or the class of the error that met it."""
    transmission_id: str = field(default_factory=lambda: uuid4().hex)


class Outbox:
    """The events of one provider, in the order in which they came about."""

    def __init__(self, url: str, headers: Headers) -> None:
        self.url = url
        self.events: list[Event] = []
        self.holds = False
        """Nothing is sent but what `deliver` is told."""
        self.times = 1
        """How often each is sent by itself."""
        self._headers = headers
        self._under_way: set[asyncio.Task[None]] = set()

    def add(self, body: bytes) -> None:
        """Something has come about."""
        event = Event(len(self.events), body)
        self.events.append(event)
        if self.url and not self.holds:
            for _ in range(self.times):
                task = asyncio.get_running_loop().create_task(self._send_until_taken(event))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def deliver(self, numbers: Sequence[int], times: int, age_s: float, secret: str) -> list[str]:
        """Send these, in this order, one after the other; what each was answered."""
        async with httpx.AsyncClient(timeout=ANSWER_S_MAX) as http:
            return [await self._send(http, self.events[n], age_s, secret) for n in numbers for _ in range(times)]

    def clear(self) -> None:
        """Send nothing any more of what there is, and forget it."""
        for task in self._under_way:
            task.cancel()
        self.events.clear()

    async def _send_until_taken(self, event: Event) -> None:
        async with httpx.AsyncClient(timeout=ANSWER_S_MAX) as http:
            for _ in range(TRIES_MAX):
                if await self._send(http, event, 0, "") == "200":
                    return
                await asyncio.sleep(RETRY_S)

    async def _send(self, http: httpx.AsyncClient, event: Event, age_s: float, secret: str) -> str:
        headers = {"content-type": "application/json; charset=utf-8", **self._headers(event, age_s, secret)}
        try:
            answer = str((await http.post(self.url, content=event.body, headers=headers)).status_code)
        except httpx.HTTPError as error:
            answer = type(error).__name__
        event.answers.append(answer)
        return answer


def toss_headers(event: Event, age_s: float, _: str) -> dict[str, str]:
    """Toss signs no payment events."""
    sent_at = time.strftime("%Y-%m-%dT%H:%M:%S+09:00", time.gmtime(time.time() - age_s + 9 * 3600))
    return {
        "tosspayments-webhook-transmission-id": event.transmission_id,
        "tosspayments-webhook-transmission-time": sent_at,
        "tosspayments-webhook-transmission-retried-count": str(len(event.answers)),
    }


def stripe_headers(secrets: Sequence[str]) -> Headers:
    """`t=…,v1=…` over `t.body` (https://docs.stripe.com/webhooks#verify-manually), with every secret in force."""

    def headers(event: Event, age_s: float, secret: str) -> dict[str, str]:
        return sign(event.body, [secret] if secret else secrets, time.time() - age_s)

    return headers


def sign(body: bytes, secrets: Sequence[str], at: float) -> dict[str, str]:
    """The header of Stripe for a body."""
    signed = f"{int(at)}.".encode() + body
    versions = [f"v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}" for secret in secrets]
    return {"stripe-signature": ",".join([f"t={int(at)}", *versions])}
