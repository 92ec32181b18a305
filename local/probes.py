"""Questions that only a server that is ready answers, asked over a plain socket: no driver belongs in this room."""

import http.client
import socket
from contextlib import closing, suppress
from typing import Final

LOOPBACK: Final = "127.0.0.1"
# An answer on loopback takes a millisecond or none comes: the supervisor asks all its services in turn.
ANSWER_S_MAX: Final = 0.5
# CQL native protocol v4, section 2: version 4, no flags, stream 0, opcode OPTIONS (5), no body. SUPPORTED is 6.
CQL_OPTIONS: Final = bytes([4, 0, 0, 0, 5, 0, 0, 0, 0])
CQL_OPCODE_SUPPORTED: Final = 6


def cql_answers(port: int) -> bool:
    """Whether a CQL node tells which options it supports."""
    reply = _ask(port, CQL_OPTIONS, 9)
    return len(reply) == 9 and reply[4] == CQL_OPCODE_SUPPORTED


def redis_answers(port: int, password: str) -> bool:
    """Whether a Valkey that has loaded its data answers PING."""
    return _ask(port, f"AUTH {password}\r\nPING\r\n".encode(), 12) == b"+OK\r\n+PONG\r\n"


def redis_clients(port: int, password: str) -> str:
    """CLIENT LIST: a line for each connection, with its address and its last command; empty if none answered."""
    with (
        suppress(OSError),
        socket.create_connection((LOOPBACK, port), ANSWER_S_MAX) as connection,
        connection.makefile("rwb") as stream,
    ):
        stream.write(f"AUTH {password}\r\nCLIENT LIST\r\n".encode())
        stream.flush()
        stream.readline()
        length = stream.readline()
        if length.startswith(b"$"):
            return stream.read(int(length[1:])).decode()
    return ""


def http_answers(port: int, path: str) -> bool:
    """Whether a GET of this path is answered 200."""
    with (
        suppress(OSError, http.client.HTTPException),
        closing(http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_S_MAX)) as connection,
    ):
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    return False


def _ask(port: int, question: bytes, length: int) -> bytes:
    """The first bytes of the answer, fewer if it is shorter or none came."""
    reply = b""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), ANSWER_S_MAX) as connection:
        connection.sendall(question)
        while len(reply) < length and (part := connection.recv(length - len(reply))):
            reply += part
    return reply
