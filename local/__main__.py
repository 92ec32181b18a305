"""`python -m local install|up|down|status`: the local stack from the command line; `make` calls it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from domain.errors import TimingleError
from local import record
from local.install import Installation
from local.service import StackError
from local.stack import DEFAULT_STATE, ROOT, Stack, end_leftovers

# Each service has its own limit, far below; these are for a supervisor that is stuck itself.
UP_S_MAX: Final = 600.0
DOWN_S_MAX: Final = 180.0
POLL_S: Final = 0.05


def say(name: str, what: str) -> None:
    """A line for people: when, who, what."""
    now = datetime.now().astimezone()
    print(f"{now:%H:%M:%S}  {name:<16} {what}", flush=True)


def state_directory(environ: Mapping[str, str]) -> Path:
    """Where the stack keeps its things: TIMINGLE_STATE_DIR, relative to the project's folder; .local without it."""
    return (ROOT / environ.get("TIMINGLE_STATE_DIR", DEFAULT_STATE)).resolve()


def install(_: Path) -> None:
    """Bring what the stack needs and pip cannot."""
    Installation(DEFAULT_STATE).complete(lambda what: say("install", what))


def up(state: Path) -> None:
    """Start the stack in the background, or find it running; return when it is ready and tell where it is."""
    install(state)
    log = state / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    if record.is_held(state):
        print(f"The stack runs already in {state}. New settings count after `make down`.")
        _follow(log, log.stat().st_size, UP_S_MAX, lambda: _is_up(state) or not record.is_held(state))
    else:
        end_leftovers(state, say)
        log.replace(log.with_suffix(".log.1"))
        supervisor = _spawn_supervisor(log)
        try:
            _follow(log, 0, UP_S_MAX, lambda: _is_up(state) or supervisor.poll() is not None)
        except KeyboardInterrupt:
            supervisor.terminate()
            supervisor.wait(DOWN_S_MAX)
            raise
    _show(state)


def down(state: Path) -> None:
    """Stop the stack and whatever a killed supervisor left. Nothing to stop is fine too."""
    now = record.read(state)
    if now and record.is_held(state):
        log = state / "logs" / "supervisor.log"
        seen = log.stat().st_size
        os.kill(now.supervisor, signal.SIGTERM)
        _follow(log, seen, DOWN_S_MAX, lambda: not record.is_held(state))
    end_leftovers(state, say)
    print(f"Nothing runs in {state}.")


def status(state: Path) -> None:
    """Say what runs."""
    now = record.read(state)
    if now is None or not record.is_held(state):
        raise StackError(f"No stack runs in {state}. `make up` starts one.")
    for trace in now.services:
        print(f"{trace.name:<16} {trace.pid:>8}  {now.addresses.get(trace.name, '')}".rstrip())
    print(f"{now.phase}; logs in {state / 'logs'}")


def supervise(state: Path) -> None:
    """Be the supervisor of a stack, until SIGTERM."""
    signal.signal(signal.SIGTERM, _leave)
    with Stack(state, os.environ, say) as stack:
        stack.start(*stack.names)
        stack.set_phase("up")
        while True:
            signal.pause()


def _leave(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # stopping is under way; a second wish must not cut it short
    sys.exit(0)


def _spawn_supervisor(log: Path) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "local", "supervise")
    with log.open("wb") as output:
        return subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def _follow(log: Path, seen: int, seconds: float, is_over: Callable[[], bool]) -> None:
    """Print what is written to the log behind its first `seen` bytes, until it is over."""
    limit = time.monotonic() + seconds
    with log.open() as lines:
        lines.seek(seen)
        while True:
            over = is_over()  # first, so that what was written before the end is still printed
            print(lines.read(), end="", flush=True)
            if over:
                return
            if time.monotonic() > limit:
                raise StackError(f"This took more than {seconds:.0f} s; see {log}.")
            time.sleep(POLL_S)


def _is_up(state: Path) -> bool:
    now = record.read(state)
    return now is not None and now.phase == "up"


def _show(state: Path) -> None:
    now = record.read(state)
    if now is None or now.phase != "up":
        raise StackError(f"The stack did not start; its logs are in {state / 'logs'}.")
    first = [name for name in ("ingest", "flower") if name in now.addresses]
    for name in [*first, *sorted(now.addresses.keys() - set(first))]:
        print(f"  {name:<12} {now.addresses[name]}")
    print(f"  settings     {state / 'env'} (source it; Flower's user and password stand there)")
    print(f"  logs         {state / 'logs'}")


COMMANDS: Final[Mapping[str, Callable[[Path], None]]] = {
    command.__name__: command for command in (install, up, down, status, supervise)
}


def main(arguments: list[str]) -> int:
    """Run one command; 1 and a sentence if it could not be done, 2 if there is no such command."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"Usage: python -m local {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        COMMANDS[arguments[0]](state_directory(os.environ))
    except TimingleError as error:
        print(f"{type(error).__name__}: {error}" if arguments[0] == "supervise" else error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
