"""Toss Payments and Stripe, faked: who tries timingle out needs no contract with either."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local import probes
from local.ports import Ports
from local.probes import LOOPBACK
from local.service import Service

NAME: Final = "fakes"
BASE_URLS: Final = {
    "TIMINGLE_TOSS_SECRET_KEY": "TIMINGLE_TOSS_BASE_URL",
    "TIMINGLE_STRIPE_SECRET_KEY": "TIMINGLE_STRIPE_BASE_URL",
}
"""Whoever has a key of a provider is asked to use it at the real one."""


def url(at: Ports) -> str:
    """Where both are."""
    return f"http://{LOOPBACK}:{at.fakes}"


def services(root: Path, at: Ports, env: Mapping[str, str]) -> list[Service]:
    """The fakes, for the project folder `root`; none if no setting leads there."""
    if url(at) not in [env.get(variable) for variable in BASE_URLS.values()]:
        return []
    webhooks = ("--deliver-to", f"http://{LOOPBACK}:{at.ingest}")
    fakes = Service(
        name=NAME,
        argv=(sys.executable, "-m", "tests.fakes", "--port", str(at.fakes), *webhooks),
        cwd=root,
        env=env,
        waits_for="waits for /_control to answer 200",
        ready=lambda _: probes.http_answers(at.fakes, "/_control"),
        address=url(at),
    )
    return [fakes]
