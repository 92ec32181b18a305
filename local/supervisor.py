"""A small, plain supervisor: starts services in order, restarts what dies, stops in reverse, leaves nothing behind.

One thread looks after all of them; every public method may be called from any other thread.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Self

from local import processes
from local.life import Life
from local.service import Service, StackError, in_order

POLL_S: Final = 0.03
# At its start a service may die this often before the start is given up: the first time may be a port not free yet.
DEATHS_AT_START_MAX: Final = 3


class Supervisor:
    """Runs services until it is closed. `say(name, what)` hears of everything that happens to one."""

    def __init__(
        self,
        services: Iterable[Service],
        logs: Path,
        say: Callable[[str, str], None],
        note: Callable[[Sequence[processes.Trace]], None],
    ) -> None:
        """`note` is given the traces of all that runs, whenever that changes."""
        by_name = {service.name: service for service in services}
        logs.mkdir(parents=True, exist_ok=True)
        self._lives = {n: Life(by_name[n], logs / f"{n}.log") for n in in_order(by_name)}
        self._say, self._note = say, note
        self._changed = threading.Condition()
        self._closing = False
        self._watching = False
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._watching = True
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(*self._lives)
        with self._changed:
            self._closing = True
        self._watcher.join()
        for life in self._lives.values():
            if life.process:  # only if the watcher itself broke: nothing may stay behind even so
                processes.kill_session(life.process.pid)
                life.process.wait()

    def start(self, *names: str) -> None:
        """Start services that do not run, and return when all of these are ready. StackError if one will not be."""
        with self._changed:
            for life in self._named(names):
                life.wanted, life.deaths, life.restart_at = True, 0, 0.0
                life.ready = life.ready and life.process is not None
        self.wait_ready(*names)

    def wait_ready(self, *names: str) -> None:
        """Return when these are ready; StackError if one is not within its limit, or keeps dying."""
        with self._changed:
            while waiting := [life for life in self._named(names) if not life.ready]:
                for life in waiting:
                    self._check_start(life)
                self._changed.wait(POLL_S)

    def stop(self, *names: str) -> None:
        """Stop services as each likes it, those that come after others first; return when they are gone."""
        with self._changed:
            for life in self._named(names):
                life.wanted = False
            self._changed.wait_for(lambda: not self._watching or not any(life.process for life in self._named(names)))

    def kill(self, name: str, *, stay_down: bool = False) -> None:
        """SIGKILL for the process itself. It is restarted at once, unless it shall stay down."""
        with self._changed:
            (life,) = self._named([name])
            if life.process is None:
                raise StackError(f"{name} does not run.")
            life.wanted = life.wanted and not stay_down
            life.deaths = 0  # being killed says nothing of whether it can run
            life.process.kill()
            life.process.wait()
            self._look_at_end(life)

    def pid(self, name: str) -> int:
        """The process id of a running service."""
        with self._changed:
            (life,) = self._named([name])
            if life.process is None:
                raise StackError(f"{name} does not run.")
            return life.process.pid

    def restarts(self, name: str) -> int:
        """How often it was restarted because it had died."""
        with self._changed:
            return self._named([name])[0].restarts

    def _named(self, names: Iterable[str]) -> list[Life]:
        try:
            return [self._lives[name] for name in names]
        except KeyError as error:
            raise StackError(f"There is no service {error}; there are {', '.join(self._lives)}.") from None

    def _watch(self) -> None:
        try:
            while not self._closing:
                with self._changed:
                    for life in self._lives.values():
                        self._look_after(life)
                    self._changed.notify_all()
                time.sleep(POLL_S)
        finally:
            with self._changed:
                self._watching = False
                self._changed.notify_all()

    def _look_after(self, life: Life) -> None:
        if life.process is None:
            if life.wanted and not life.ready and time.monotonic() >= life.restart_at and self._may_start(life):
                self._spawn(life)
        elif life.process.poll() is not None:
            self._look_at_end(life)
        elif not life.wanted:
            self._press_to_stop(life)
        elif not life.ready and not life.service.once and life.service.ready(life.process.pid):
            life.ready = True
            self._say(life.service.name, f"ready after {life.age_s:.1f} s  {life.service.address}".rstrip())

    def _spawn(self, life: Life) -> None:
        try:
            life.spawn()
        except OSError as error:
            life.wanted = False
            life.log.write_text(f"{error}\n")
            self._say(life.service.name, f"cannot be started: {error}")
        self._note_all()

    def _may_start(self, life: Life) -> bool:
        return all(self._lives[name].ready for name in life.service.after)

    def _look_at_end(self, life: Life) -> None:
        age_s, was_asked = life.age_s, life.asked_to_stop is not None
        code = life.ended()
        if code is None:
            return
        self._note_all()
        clean = code in life.service.clean_exits
        if life.service.once:
            life.wanted = False
            self._say(life.service.name, f"done in {age_s:.1f} s" if clean else f"failed with exit code {code}")
        elif life.wanted:
            life.restarts += 1
            self._say(life.service.name, f"DIED ({_how(code)}) after {age_s:.1f} s; restarting it")
        else:
            as_asked = was_asked and (clean or code == -life.service.stop_signal)
            self._say(life.service.name, "stopped" if as_asked else f"ended ({_how(code)})")

    def _press_to_stop(self, life: Life) -> None:
        """Signal it when nothing that leaves too needs it any more; kill it when its time is over."""
        assert life.process is not None
        name, service = life.service.name, life.service
        if life.asked_to_stop is None:
            leaving = [other for other in self._lives.values() if other.process and not other.wanted]
            if not any(name in other.service.after for other in leaving):
                life.process.send_signal(service.stop_signal)
                life.asked_to_stop = time.monotonic()
        elif time.monotonic() - life.asked_to_stop > service.stop_s_max:
            self._say(name, f"did not stop within {service.stop_s_max:.0f} s; killing it")
            life.process.kill()
            life.process.wait()

    def _check_start(self, life: Life) -> None:
        """StackError, with the end of its log, if there is no point in waiting for it any longer."""
        service = life.service
        missing = [n for n in service.after if not self._lives[n].wanted and not self._lives[n].ready]
        if not self._watching:
            reason = "will not be started: the supervisor has stopped"
        elif not life.wanted and life.process is None:
            reason = "does not run"
        elif missing:
            reason = f"comes after {', '.join(missing)}, which nobody starts"
        elif life.deaths >= DEATHS_AT_START_MAX and not life.process:
            reason = f"died {life.deaths} times"
        elif life.process and life.age_s > service.ready_s_max:
            reason = f"is not ready after {service.ready_s_max:.0f} s: it still {service.waits_for}"
        else:
            return
        raise StackError(f"{service.name} {reason}. The end of {life.log}:\n{life.last_lines()}")

    def _note_all(self) -> None:
        self._note([life.trace for life in self._lives.values() if life.trace])


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
