"""domain.event_status: what may become of an event, and what each state allows."""

from itertools import product

import pytest

from domain.errors import Conflict
from domain.event_status import ACTIONS, ALLOWED, Action, EventStatus, check_allowed


def test_done_and_canceled_are_the_end() -> None:
    assert [status for status in EventStatus if not ALLOWED[status]] == [EventStatus.CANCELED, EventStatus.DONE]
    assert [status for status in EventStatus if not ACTIONS[status]] == [EventStatus.CANCELED, EventStatus.DONE]


def test_no_state_becomes_itself_or_proposed_again() -> None:
    assert all(status not in allowed for status, allowed in ALLOWED.items())
    assert all(EventStatus.PROPOSED not in allowed for allowed in ALLOWED.values())


def test_what_may_be_done_leads_where_the_state_may_go() -> None:
    leads_to = {Action.CANCEL: EventStatus.CANCELED, Action.COMPLETE: EventStatus.DONE}
    for status, action in product(EventStatus, leads_to):
        assert (action in ACTIONS[status]) == (leads_to[action] in ALLOWED[status])


@pytest.mark.parametrize(("status", "action"), list(product(EventStatus, Action)))
def test_a_refusal_names_the_state_and_all_that_it_allows(status: EventStatus, action: Action) -> None:
    if action in ACTIONS[status]:
        check_allowed(status, action)
        return
    with pytest.raises(Conflict) as raised:
        check_allowed(status, action)
    said = str(raised.value)
    assert said.startswith(f"The event is {status}, which does not allow to {action}. It allows: ")
    assert all(allowed in said.partition("allows: ")[2] for allowed in ACTIONS[status])
