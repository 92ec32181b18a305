"""Starts programs beside the stack, and ends them with all their children."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from local import processes
from local.apps import PROGRAMS
from local.stack import ROOT

STOP_S_MAX: Final = 10.0


class Program:
    """A running program."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                (str(PROGRAMS / argv[0]), *argv[1:]),
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def cpu_s(self) -> float:
        """CPU seconds of it and its children, since they began."""
        main = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
        return sum(time.user + time.system for time in times)

    def end(self) -> None:
        """Ask it to end, then make it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
        processes.kill_session(self._process.pid)
        self._process.wait()


@contextmanager
def running(argvs: Sequence[Sequence[str]], env: Mapping[str, str], log: Path) -> Iterator[list[Program]]:
    """Programs of our virtual environment, until the context ends."""
    started: list[Program] = []
    try:
        started.extend(Program(argv, env, log) for argv in argvs)
        yield started
    finally:
        for program in started:
            program.end()
