"""The servers that all tests share: real ones, started once for the run, on fresh data and ports of their own."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from local import fakes as local_fakes
from local import record
from local.stack import DEFAULT_STATE, SERVERS, Stack
from tests.fakes.control import Fakes

# How long an example takes tells of the machine, and of whoever else uses it, not of the code.
settings.register_profile("timingle", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("timingle")

log = logging.getLogger("local")
# More runs than these at once do not fit one machine.
STATES = [DEFAULT_STATE / name for name in ("test", "test-2", "test-3", "test-4")]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """PostgreSQL, both Valkeys and Cassandra, migrated. What the caller's shell has of TIMINGLE_* does not count."""
    state = next((state for state in STATES if not record.is_held(state)), STATES[0])
    with Stack(state, {}, lambda name, what: log.info("%s: %s", name, what), fresh=True) as made:
        made.start(*SERVERS, "migrate")
        yield made


@pytest.fixture(scope="session")
def system(stack: Stack) -> Stack:
    """The same with ingest, the workers and beat."""
    stack.start(*(name for name in stack.names if name not in {"migrate", "flower"}))
    return stack


@pytest.fixture
def fakes(stack: Stack) -> Iterator[Fakes]:
    """Toss and Stripe, faked, without payments, failures or events of an earlier test; they send to ingest."""
    stack.start(local_fakes.NAME)
    with Fakes(local_fakes.url(stack.ports)) as both:
        both.reset()
        yield both
