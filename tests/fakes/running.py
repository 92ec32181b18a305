"""Fakes of one's own, as a process: for tests that need no stack."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import httpx

from local.probes import LOOPBACK
from local.stack import ROOT
from tests.fakes.control import Fakes
from tests.waiting import wait_until

KEYS: Final = {
    "TIMINGLE_TOSS_SECRET_KEY": "test_sk_canary",
    "TIMINGLE_STRIPE_SECRET_KEY": "sk_test_canary",
    "TIMINGLE_STRIPE_WEBHOOK_SECRETS": "whsec_new,whsec_old",
}
END_S_MAX: Final = 20


@contextmanager
def running_fakes() -> Iterator[Fakes]:
    """Both at a free port, with KEYS; they deliver nowhere."""
    with socket.create_server((LOOPBACK, 0)) as found:
        port = found.getsockname()[1]
    command = (sys.executable, "-m", "tests.fakes", "--port", str(port))
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **KEYS}, stderr=subprocess.DEVNULL)
    try:
        with Fakes(f"http://{LOOPBACK}:{port}") as fakes:
            wait_until("the fakes answer", lambda: answers(fakes.url))
            yield fakes
    finally:
        process.terminate()
        process.wait(END_S_MAX)


def answers(url: str) -> bool:
    """Does it listen?"""
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/_control").is_success
    return False
