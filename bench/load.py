"""Loads of messages over HTTP, each sent by a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.apart import Apart, Done, Start, together
from bench.script import Script
from bench.sender import Pace, SenderError, Sent, send
from bench.wire import bulks, singles


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and how."""

    port: int
    key: str
    script: Script
    messages_each: int
    """Messages of a request; one alone goes to the call for single messages."""
    pace: Pace

    def requests(self) -> list[bytes]:
        """All of them, as bytes."""
        if self.messages_each == 1:
            return singles(self.script, self.key)
        return list(bulks(self.script, self.key, self.messages_each))


def run(load: Load, at_start: Start = lambda: None) -> Sent:
    """Send a load and wait for all answers. Raises SenderError if one was a refusal."""
    (done,) = together(_post, [(load,)], at_start)
    return checked(done)


@contextmanager
def beside(load: Load) -> Iterator[Apart[Sent]]:
    """Send a load while something else is measured; it ends by itself, or with the context."""
    with Apart(_post, load) as sending:
        sending.prepared()
        sending.go()
        yield sending


def checked(done: Done[Sent]) -> Sent:
    """What was sent. Raises SenderError if one was a refusal."""
    sent = done.value
    sent.cpu_s = done.cpu_s
    if sent.refused:
        raise SenderError(f"Some requests were refused: {sent.statuses}")
    return sent


def _post(start: Start, load: Load) -> Sent:
    requests = load.requests()
    start()
    return send(load.port, requests, load.pace)
