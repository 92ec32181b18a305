"""HTTP requests as the bytes that go over the wire, made before the clock runs."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from bench.script import Said

JSON: Final = "content-type: application/json\r\n"


def request(method: str, path: str, key: str, body: object = None) -> bytes:
    """One request of a calling app, on a connection that stays open."""
    content = b"" if body is None else msgspec.json.encode(body)
    head = f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n{JSON if content else ''}"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


def singles(said: Iterable[Said], key: str) -> list[bytes]:
    """A request for each message."""
    return [
        request("POST", f"/v1/events/{one.event_id}/messages", key, {"actor_id": one.sender_id, "message": one.text})
        for one in said
    ]


def bulks(said: Iterable[Said], key: str, messages_each: int) -> Iterator[bytes]:
    """Requests with so many messages each."""
    coming = iter(said)
    while batch := list(islice(coming, messages_each)):
        messages = [{"event_id": one.event_id, "actor_id": one.sender_id, "message": one.text} for one in batch]
        yield request("POST", "/v1/messages:batch", key, {"messages": messages})
