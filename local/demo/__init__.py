"""The demo: acts that use the system through its real API, then a table of what was asked and what is stored.

To extend it, add an act to ACTS (it uses the API and notes on the stage what must be stored by now) and a check to
`checks.CHECKS` (it compares that with what is read back).
"""

import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from domain.errors import TimingleError
from local import envfile, record
from local.__main__ import state_directory
from local.demo.api import DemoError, calling_app
from local.demo.checks import check
from local.demo.events import tell_histories, watch_the_clock
from local.demo.payments import pay, tell_payments
from local.demo.reports import audit
from local.demo.script import script
from local.demo.show import Row, Show
from local.demo.stage import Stage
from local.demo.talk import open_salon, talk
from local.demo.window import Window
from reports.signing_key import SigningKey

STORED_S_MAX: Final = 30.0
"""Storing takes a second; a worker that has to be started anew, or a busy machine, takes more."""
POLL_S: Final = 0.1

Act = Callable[[Stage], None]
ACTS: Final[Sequence[Act]] = (
    open_salon,
    *(partial(talk, day=day) for day in script().days),
    watch_the_clock,
    pay,
    tell_histories,
    tell_payments,
    audit,
)


def main() -> int:
    """Play all acts on the running stack and check them: 0 if all is stored as it was asked, else 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Korean shows question marks
    try:
        state = state_directory(os.environ)
        url, env = ingest_url(state), envfile.read(state / "env")
        certificates = (SigningKey.load(env["TIMINGLE_SIGNING_KEY"]).certificate,)
        with (
            calling_app(url, env["TIMINGLE_POSTGRES_URL"]) as api,
            Window(env["TIMINGLE_TOSS_BASE_URL"]) as window,
        ):
            return 0 if run(Stage(api, Show(), window, state, certificates), ACTS, STORED_S_MAX) else 1
    except TimingleError as error:
        print(error, file=sys.stderr)
        return 1


def ingest_url(state: Path) -> str:
    """Where the running stack's API is. Raises DemoError."""
    now = record.read(state)
    if now is None or now.phase != "up" or not record.is_held(state):
        raise DemoError(f"No stack is up in {state}. `make up` starts one.")
    return now.addresses["ingest"]


def run(stage: Stage, acts: Sequence[Act], seconds: float) -> bool:
    """Play these acts, wait so long until all is stored, and show the table. Whether nothing differs."""
    for act in acts:
        act(stage)
    began = time.monotonic()
    rows = wait_stored(stage, seconds)
    stage.show.result(rows, time.monotonic() - began)
    return all(row.ok for row in rows)


def wait_stored(stage: Stage, seconds: float) -> list[Row]:
    """The rows as soon as nothing differs, or as they are when the time is over."""
    limit = time.monotonic() + seconds
    with stage.show.waiting("The workers are storing it …") as status:
        while True:
            rows = check(stage)
            missing = sum(not row.ok for row in rows)
            if not missing or time.monotonic() > limit:
                return rows
            status.update(f"The workers are storing it: {len(rows) - missing} of {len(rows)} rows are as asked …")
            time.sleep(POLL_S)
