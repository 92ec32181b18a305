"""One service at run time: its process, whether it is ready, and when it may start again."""

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local import processes
from local.service import Service

# The first restart is at once, then ever slower: a process that cannot run must not eat the machine.
RESTART_S_MIN: Final = 0.1
RESTART_S_MAX: Final = 10.0
# Who lived this long did start well: its next death is a first one again.
STEADY_S: Final = 30.0
LOG_BYTES_MAX: Final = 20_000_000


@dataclass(slots=True)
class Life:
    """Changed only by the supervisor, under its lock."""

    service: Service
    log: Path
    wanted: bool = False
    ready: bool = False
    process: subprocess.Popen[bytes] | None = None
    trace: processes.Trace | None = None
    born: float = field(default_factory=time.monotonic)
    asked_to_stop: float | None = None
    restart_at: float = 0.0
    deaths: int = 0
    """In a row, each before STEADY_S."""
    restarts: int = 0
    last_exit: int | None = None

    @property
    def age_s(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self.born

    def spawn(self) -> None:
        """Start the process in a session of its own, its output appended to the log."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))
        service = self.service
        # What the caller's shell has of TIMINGLE_* has been weighed already; the service's own are complete.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIMINGLE_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                service.argv,
                cwd=service.cwd,
                env={**inherited, **service.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.trace = processes.trace(service.name, self.process.pid, service.stop_signal)
        self.born, self.ready, self.asked_to_stop = time.monotonic(), False, None

    def ended(self) -> int | None:
        """The exit code if the process has ended since it was last asked, else None. Its descendants are ended too."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        processes.kill_session(self.process.pid)
        self.deaths = self.deaths + 1 if self.age_s < STEADY_S else 1
        self.restart_at = time.monotonic() + min(RESTART_S_MIN * 2 ** (self.deaths - 1), RESTART_S_MAX)
        self.process, self.trace, self.last_exit = None, None, code
        self.ready = self.service.once and code in self.service.clean_exits
        return code

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, for an error message."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
