"""GET /users/{id}/events/upcoming: what a user takes part in and has not begun, by its start."""

from datetime import UTC, datetime, timedelta

from tests.e2e.answers import Event, Events
from tests.e2e.app import App, refusal

NOW = datetime.now(UTC)


def hour(days: float) -> dict[str, str]:
    start = NOW + timedelta(days=days)
    return {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat()}


def in_days(app: App, creator: int, *others: int, days: float) -> int:
    return app.event(creator, *others, **hour(days), allow_past=True)


def test_upcoming_events_come_by_their_start_with_who_takes_part(app: App) -> None:
    me, friend, other = app.users(3)
    third, first, second = (
        in_days(app, *who, days=days) for who, days in (((me, friend), 9), ((friend, me, other), 1), ((me,), 5))
    )
    canceled, done, over = in_days(app, me, friend, days=2), in_days(app, me, friend, days=3), in_days(app, me, days=-1)
    in_days(app, friend, other, days=4)  # not mine
    app.act(first, "confirm", me)
    app.act(canceled, "cancel", me, reason="아파요")
    app.act(done, "confirm", friend)
    app.act(done, "done", me)
    found = app.get(Events, f"/users/{me}/events/upcoming").events
    assert [event.id for event in found] == [first, second, third]
    assert over not in [event.id for event in found]
    assert found == [app.get(Event, f"/events/{event.id}", as_user=me) for event in found]


def test_an_event_that_was_over_is_to_come_once_it_is_moved(app: App) -> None:
    me, friend = app.users(2)
    later, moved = in_days(app, me, days=3), in_days(app, me, friend, days=-1)
    answer = app.call("PATCH", f"/events/{moved}", {"actor_id": friend, **hour(2)})
    assert answer.status_code == 200, answer.text
    assert [event.id for event in app.get(Events, f"/users/{me}/events/upcoming").events] == [moved, later]


def test_who_takes_part_in_nothing_has_nothing_to_come_and_who_is_not_there_is_not(app: App) -> None:
    (me,) = app.users(1)
    assert app.get(Events, f"/users/{me}/events/upcoming").events == []
    assert refusal(app.call("GET", f"/users/{2**62}/events/upcoming")) == (404, "")
