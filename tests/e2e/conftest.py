"""What the tests by HTTP share."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.e2e.app import App, Chat, calling_app, new_chat
from tests.e2e.bank import Bank, bank_of
from tests.e2e.behind import Behind, behind_of
from tests.e2e.calls import Calls


@pytest.fixture(scope="session")
def app(system: Stack) -> Iterator[App]:
    """A calling app that may do everything."""
    with calling_app(system) as made:
        yield made


@pytest.fixture
def chat(app: App) -> Chat:
    """A new event with new people."""
    return new_chat(app)


@pytest.fixture(scope="session")
def behind(system: Stack) -> Iterator[Behind]:
    """The system's stores, past the API."""
    with behind_of(system) as made:
        yield made


@pytest.fixture
def bank(system: Stack, app: App) -> Iterator[Bank]:
    """Where people pay; afterwards the providers know nothing any more of what was on its way."""
    with bank_of(system, app) as made:
        made.fakes.reset()
        yield made
        made.fakes.reset()


@pytest.fixture(scope="module")
def calls(app: App) -> Calls:
    """Calls about a message that is stored."""
    chat = new_chat(app)
    return Calls(chat, chat.said().message_id, chat.asked().id)


@pytest.fixture
def nothing_is_stored(behind: Behind) -> Iterator[None]:
    """Whatever the test sends."""
    before = behind.stored()
    yield
    assert behind.stored() == before
