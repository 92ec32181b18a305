"""What a running stack leaves in its state directory for the commands that come after it."""

import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

import msgspec

from local import processes
from local.service import StackError

Phase = Literal["starting", "up", "failed", "stopping"]


class Record(msgspec.Struct, frozen=True):
    """The stack as its supervisor last saw it."""

    supervisor: int
    """Its process id."""
    phase: Phase
    services: Sequence[processes.Trace] = ()
    addresses: dict[str, str] = {}
    """Of each service that people or programs reach."""


def read(state: Path) -> Record | None:
    """The last record of this state directory, None if there is none."""
    try:
        return msgspec.json.decode((state / "stack.json").read_bytes(), type=Record)
    except FileNotFoundError:
        return None


def write(state: Path, record: Record) -> None:
    """Replace the record, in one step."""
    fresh = state / "stack.json.new"
    fresh.write_bytes(msgspec.json.encode(record))
    fresh.replace(state / "stack.json")


def forget(state: Path) -> None:
    """Nothing runs any more."""
    (state / "stack.json").unlink(missing_ok=True)


def lock(state: Path) -> IO[bytes]:
    """Hold the state directory until the file is closed, or this process ends, however. StackError if another does."""
    state.mkdir(parents=True, exist_ok=True)
    file = (state / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StackError(f"A stack runs already in {state}.") from None
    return file


def is_held(state: Path) -> bool:
    """Whether a living process holds the state directory."""
    try:
        lock(state).close()
    except StackError:
        return True
    return False
