"""A load generator on one thread and an epoll: a request costs it some 20 µs, so that it is not what is measured.

Closed loop: each connection sends its next request when the last is answered. With a rate: requests are due at fixed
times, whatever the answers do, and a latency counts from the time a request was due (no coordinated omission).
"""

import itertools
import select
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

LOOPBACK: Final = "127.0.0.1"
RECV_BYTES: Final = 262_144
ANSWER_S_MAX: Final = 60.0
ACCEPTED_MARK: Final = b'"message_id"'
"""Stands once in the answer for each message that was taken, and in no problem."""


class SenderError(Exception):
    """The server hung up, or answered nothing for too long."""


@dataclass(slots=True)
class Sent:
    """What came of a load."""

    began: float
    """Of time.monotonic(), which all processes of a machine share."""
    ended: float = 0.0
    accepted: int = 0
    """Messages that were taken."""
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    refused: list[bytes] = field(default_factory=list)
    """The requests that were not answered with 2xx."""
    bodies: list[bytes] = field(default_factory=list)
    cpu_s: float = 0.0
    """What the load generator itself took."""

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def requests(self) -> int:
        return len(self.latencies_ms)


class _Connection:
    """One connection and the answer it waits for."""

    __slots__ = ("answer", "request", "since", "socket", "unsent", "wanted")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), timeout=ANSWER_S_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.answer = bytearray()
        self.wanted = 0
        self.unsent = memoryview(b"")
        self.request = b""
        self.since = 0.0

    def begin(self, request: bytes, since: float) -> None:
        self.request, self.since, self.wanted = request, since, 0
        self.answer.clear()
        self.unsent = memoryview(request)
        self.push()

    def push(self) -> None:
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return

    def pull(self) -> bool:
        """Read what is there; true once the answer is whole."""
        part = self.socket.recv(RECV_BYTES)
        if not part:
            raise SenderError("The server closed a connection in the middle of an answer.")
        self.answer += part
        if not self.wanted:
            head = self.answer.find(b"\r\n\r\n")
            if head < 0:
                return False
            self.wanted = head + 4 + _content_length(bytes(self.answer[:head]).lower())
        return len(self.answer) >= self.wanted


def _content_length(head: bytes) -> int:
    at = head.find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How a load is sent."""

    connections: int
    seconds: float | None = None
    """Send for so long, the requests over and over; None: each once."""
    per_second: float | None = None
    """Requests due each second; None: as fast as they are answered."""
    keep_bodies: bool = False


def send(port: int, requests: Iterable[bytes], pace: Pace) -> Sent:
    """Send requests to this port and wait for all answers. Raises SenderError."""
    coming: Iterator[bytes] = iter(requests) if pace.seconds is None else itertools.cycle(requests)
    connections = [_Connection(port) for _ in range(pace.connections)]
    try:
        return _Loop(connections, coming, pace).run()
    finally:
        for connection in connections:
            connection.socket.close()


class _Loop:
    def __init__(self, connections: list[_Connection], coming: Iterator[bytes], pace: Pace) -> None:
        self._by_fd = {connection.socket.fileno(): connection for connection in connections}
        self._idle = deque(connections)
        self._coming = coming
        self._pace = pace
        self._started = 0
        self._is_over = False
        self._epoll = select.epoll()
        for fd in self._by_fd:
            self._epoll.register(fd, select.EPOLLIN)

    def run(self) -> Sent:
        self._sent = Sent(time.monotonic())
        with self._epoll:
            while True:
                wait = self._start_due()
                if self._is_over and len(self._idle) == len(self._by_fd):
                    self._sent.ended = time.monotonic()
                    return self._sent
                ready = self._epoll.poll(wait)
                if not ready and wait == ANSWER_S_MAX:
                    raise SenderError(f"No answer for {ANSWER_S_MAX:.0f} s.")
                for fd, event in ready:
                    self._look_at(fd, self._by_fd[fd], event)

    def _start_due(self) -> float:
        """Start what is due on idle connections; how long to wait at most for the next event."""
        pace, began = self._pace, self._sent.began
        while self._idle and not self._is_over:
            now = time.monotonic()
            due = now if pace.per_second is None else began + self._started / pace.per_second
            if pace.seconds is not None and max(now, due) - began >= pace.seconds:
                self._is_over = True
            elif due > now:
                return due - now
            elif (request := next(self._coming, None)) is None:
                self._is_over = True
            else:
                self._start(self._idle.popleft(), request, due)
        return ANSWER_S_MAX

    def _start(self, connection: _Connection, request: bytes, due: float) -> None:
        connection.begin(request, due)
        self._started += 1
        if connection.unsent:
            self._epoll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _look_at(self, fd: int, connection: _Connection, event: int) -> None:
        if event & select.EPOLLOUT:
            connection.push()
            if not connection.unsent:
                self._epoll.modify(fd, select.EPOLLIN)
        if event & ~select.EPOLLOUT and connection.pull():
            self._note(connection)
            self._idle.append(connection)

    def _note(self, connection: _Connection) -> None:
        sent, answer = self._sent, connection.answer
        sent.latencies_ms.append((time.monotonic() - connection.since) * 1_000)
        status = int(answer[9:12])
        sent.statuses[status] = sent.statuses.get(status, 0) + 1
        if 200 <= status < 300:
            sent.accepted += answer.count(ACCEPTED_MARK)
        else:
            sent.refused.append(connection.request)
        if self._pace.keep_bodies:
            sent.bodies.append(bytes(answer.partition(b"\r\n\r\n")[2]))
