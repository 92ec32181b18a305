"""The servers that all tests share: real ones, started once for the run, on fresh data and ports of their own."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from local import fakes as local_fakes
from local.stack import Stack
from tests.fakes.control import Fakes
from tests.stacks import fresh_stack

# How long an example takes tells of the machine, and of whoever else uses it, not of the code.
settings.register_profile("timingle", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("timingle")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """PostgreSQL, both Valkeys and Cassandra, migrated."""
    with fresh_stack("test", {}) as made:
        yield made


@pytest.fixture(scope="session")
def system(stack: Stack) -> Stack:
    """The same with ingest, the workers and beat."""
    stack.start(*(name for name in stack.names if name not in {"migrate", "flower"}))
    return stack


@pytest.fixture
def fakes(stack: Stack) -> Iterator[Fakes]:
    """Toss and Stripe, faked, without payments, failures or events of another test; they send to ingest."""
    stack.start(local_fakes.NAME)
    with Fakes(local_fakes.url(stack.ports)) as both:
        both.reset()
        yield both
        both.reset()
