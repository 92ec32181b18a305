"""The loopback ports of a stack: fixed ones if they are free, else the next free ones, named."""

import socket
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from local.probes import LOOPBACK
from local.service import StackError

# Below 32,768, where Linux begins to give out ports by itself: a restarted server finds its own still free.
DEFAULTS: Final = {
    "ingest": 8000,
    "flower": 5555,
    "postgres": 15432,
    "journal": 16379,
    "broker": 16380,
    "cql": 19042,
    "cql_storage": 17000,
    "cql_jmx": 17199,
    "fakes": 18010,
}
SETTABLE: Final = {"ingest": "TIMINGLE_INGEST_PORT", "flower": "TIMINGLE_FLOWER_PORT"}
# Stacks of other state directories (a test's) take a row of ports here, so that two of them rarely meet.
OTHERS_FIRST: Final = 20_000
OTHERS_ROWS: Final = 1_000
TRIES_MAX: Final = 100


class Ports(msgspec.Struct, frozen=True):
    """Where each server listens, on loopback only."""

    ingest: int
    flower: int
    postgres: int
    journal: int
    broker: int
    cql: int
    cql_storage: int
    cql_jmx: int
    fakes: int


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def preferred(state: Path, default_state: Path) -> dict[str, int]:
    """The ports a stack would like: the well-known ones, or a row of its own for another state directory."""
    if state == default_state:
        return DEFAULTS
    row = zlib.crc32(str(state).encode()) % OTHERS_ROWS
    return {name: OTHERS_FIRST + row * len(DEFAULTS) + place for place, name in enumerate(DEFAULTS)}


def choose(liked: Mapping[str, int], environ: Mapping[str, str], say: Callable[[str, str], None]) -> Ports:
    """A free port for each server. StackError if one that was asked for by its variable is taken or is none."""
    chosen: dict[str, int] = {}
    for name, port in liked.items():
        variable = SETTABLE.get(name, "")
        if asked := environ.get(variable, ""):
            chosen[name] = _asked_for(variable, asked)
            continue
        candidates = range(port, port + TRIES_MAX)
        free = next((p for p in candidates if p not in chosen.values() and is_free(p)), None)
        if free is None:
            raise StackError(f"No port for {name} is free from {port} to {candidates[-1]}.")
        if free != port:
            say(name, f"port {port} is taken; it listens on {free} instead")
        chosen[name] = free
    return msgspec.convert(chosen, Ports)


def _asked_for(variable: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise StackError(f"{variable}={text} is no port.")
    if not is_free(int(text)):
        raise StackError(f"{variable}={text}: this port is taken. Stop what listens there, or set another.")
    return int(text)
