"""The acts of the demo about the appointments themselves: proposed, moved, confirmed, cancelled, done by the clock."""

import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import msgspec
from rich.text import Text

from domain.korea import KOREA
from local.demo.api import Body, DemoError, Event, History
from local.demo.script import Cancels, Confirms, Line, Moves, WalkIn, script
from local.demo.script import Event as Planned
from local.demo.stage import Appointment, Stage

BEGAN_AGO: Final = timedelta(minutes=20)
DONE_S_MAX: Final = 15.0
"""The sweep looks every 2 s; a busy machine takes more."""
RELAYED_S_MAX: Final = 15.0
POLL_S: Final = 0.1


def propose_all(stage: Stage) -> None:
    """The owner proposes the appointments of the days to come."""
    for event in script().events:
        start, end = event.times(datetime.now(UTC))
        propose(stage, event, {"start_time": start, "end_time": end})


def propose(stage: Stage, event: Planned | WalkIn, times: Body) -> None:
    """Its creator agrees to it from the start."""
    proposal: Body = {
        "actor_id": stage.user_ids[event.creator],
        "title": event.title,
        "participant_ids": [stage.user_ids[who] for who in event.participants],
        **times,
    }
    answer = stage.api.post(Event, "/events", proposal)
    people = (event.creator, *event.participants)
    made = stage.appointments[event.id] = Appointment(people, {event.creator}, receipt=answer.receipt)
    made.note("CREATED", *("PARTICIPANT_ADDED" for _ in people))
    stage.event_ids[event.id] = answer.id


def confirm(stage: Stage, line: Confirms) -> None:
    """Somebody agrees; the last one to do so confirms the event."""
    event = stage.appointments[line.event]
    agree(stage, line.event, line.who)
    all_agree = ": all agree, so it is CONFIRMED" if event.status == "CONFIRMED" else ""
    stage.show.line(line, Text(f"confirms{all_agree}", "italic"))


def agree(stage: Stage, event_id: str, who: str) -> None:
    """The same without a word."""
    event = stage.appointments[event_id]
    path = f"/events/{stage.event_ids[event_id]}/confirm"
    event.receipt = stage.api.post(Event, path, {"actor_id": stage.user_ids[who]}).receipt
    event.agreed.add(who)
    event.note("PARTICIPANT_CONFIRMED")
    if event.agreed == set(event.people):
        event.status = "CONFIRMED"
        event.note("CONFIRMED", told=True)


def move(stage: Stage, line: Moves) -> None:
    """Another time, to which the others have to agree anew; once all have agreed it is fixed."""
    event = stage.appointments[line.event]
    start, end = script().event(line.event).times(datetime.now(UTC), line.hour)
    body = {"actor_id": stage.user_ids[line.who], "start_time": start, "end_time": end}
    status, answer = stage.api.attempt("PATCH", f"/events/{stage.event_ids[line.event]}", body)
    what = Text(f"moves it to {line.hour}:00", "italic")
    if line.refused is not None:
        given = "accepted" if status == HTTPStatus.OK else str(status)
        stage.refusals.append((line.refused, given))
        stage.show.line(line, what + Text(f"  refused: {given}, {event.status} events keep their time", "yellow"))
        return
    if status != HTTPStatus.OK:
        raise DemoError(f"{line.who} could not move {line.event}: {status}.")
    event.receipt = msgspec.json.decode(answer, type=Event).receipt
    again = event.agreed - {line.who}
    event.note("UPDATED", "UPDATED", told=True)
    event.note(*("PARTICIPANT_UNCONFIRMED" for _ in again))
    event.agreed -= again
    stage.show.line(line, what + Text(": the others must agree anew" if again else "", "italic"))


def cancel(stage: Stage, line: Cancels) -> None:
    """Somebody calls it off, and says why."""
    event = stage.appointments[line.event]
    body = {"actor_id": stage.user_ids[line.who], "reason": line.reason}
    event.receipt = stage.api.post(Event, f"/events/{stage.event_ids[line.event]}/cancel", body).receipt
    event.status = "CANCELED"
    event.note("CANCELED", told=True)
    stage.show.line(line, Text("cancels: ", "italic") + Text(line.reason), line.english)


def watch_the_clock(stage: Stage) -> None:
    """An appointment of right now: proposed, confirmed, and DONE by the clock while one watches."""
    planned = script().walk_in
    now = datetime.now(UTC)
    ends = now + timedelta(seconds=planned.ends_in_s)
    propose(stage, planned, {"start_time": now - BEGAN_AGO, "end_time": ends, "allow_past": True})
    for who in planned.participants:
        agree(stage, planned.id, who)
    at = f"{now.astimezone(KOREA):%H:%M}"
    first = Line(at=at, event=planned.id, who=planned.creator)
    stage.show.line(first, Text(f"{planned.title}: ends in {planned.ends_in_s} s"), planned.english)
    path, query = f"/events/{stage.event_ids[planned.id]}", {"as_user": stage.user_ids[planned.creator]}
    event = stage.appointments[planned.id]
    event.status = "DONE"
    event.note("DONE", told=True)
    with stage.show.waiting("It is not over yet …"):
        while (found := stage.api.get(Event, path, query)).status != event.status:
            if datetime.now(UTC) > ends + timedelta(seconds=DONE_S_MAX):
                raise DemoError(f"{planned.title} should be DONE by now, and is {found.status}.")
            time.sleep(POLL_S)
    event.receipt = found.receipt
    late_s = (datetime.now(UTC) - ends).total_seconds()
    stage.show.line(first, Text(f"DONE by the clock, seen {late_s:.1f} s after its end", "italic"), first=False)


def tell_histories(stage: Stage) -> None:
    """The histories of those that are over, as a timeline."""
    names = {user_id: script().person(who).name for who, user_id in stage.user_ids.items()}
    for planned in script().appointments:
        if stage.appointments[planned.id].status in ("CANCELED", "DONE"):
            stage.show.timeline(planned.title, relayed(stage, planned.id, planned.creator), names)


def relayed(stage: Stage, event_id: str, reader: str) -> History:
    """An event's history, once all of it has been relayed or the time is over."""
    limit = time.monotonic() + RELAYED_S_MAX
    while True:
        history = read_history(stage, event_id, reader)
        if len(history.entries) >= len(stage.appointments[event_id].history) or time.monotonic() > limit:
            return history
        time.sleep(POLL_S)


def read_history(stage: Stage, event_id: str, reader: str) -> History:
    """A page of an event's history as the API shows it."""
    query = {"as_user": stage.user_ids[reader], "limit": 100}
    return stage.api.get(History, f"/events/{stage.event_ids[event_id]}/history", query)
