"""The acts of the demo: who registers, and each day's conversation, a function for a kind of line."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from rich.text import Text

from local.demo import events
from local.demo.api import Body, DemoError, Id, Outcome, Outcomes
from local.demo.script import (
    About,
    Cancels,
    Confirms,
    Day,
    Deletes,
    Edits,
    Line,
    Moves,
    NewMessage,
    Reacts,
    Reads,
    Repeats,
    Says,
    Sends,
    TakesBack,
    script,
)
from local.demo.show import quoted
from local.demo.stage import Said, Stage


def open_salon(stage: Stage) -> None:
    """Everybody registers, and the owner proposes the appointments."""
    stage.show.opening(stage.api.url)
    for person in script().people:
        body: Body = {"phone": random_phone(), "name": person.name, "role": person.role, "plan": person.plan}
        stage.user_ids[person.id] = stage.api.post(Id, "/users", body).id
    events.propose_all(stage)


def random_phone() -> str:
    """A Korean mobile number. That two users of one system get the same is as likely as 1 in 70 million."""
    return f"010{secrets.choice('2346789')}{secrets.randbelow(10_000_000):07}"


def talk(stage: Stage, day: Day) -> None:
    """Everything that is said and done on one day."""
    stage.show.day(day.name)
    for line in day.lines:
        DOES[type(line)](stage, line)


def say(stage: Stage, line: Says) -> None:
    """One message, one call."""
    outcome = stage.api.say(f"/events/{stage.event_ids[line.event]}/messages", body_of(stage, line, line.message))
    note(stage, line, line.message, outcome)


def send(stage: Stage, line: Sends) -> None:
    """Many messages, one call. A bad one does not sink the others."""
    event_id = stage.event_ids[line.event]
    bulk = [{"event_id": event_id, **body_of(stage, line, message)} for message in line.messages]
    outcomes = stage.api.post(Outcomes, "/messages:batch", {"messages": bulk}).results
    stage.show.line(line, Text(f"sends {len(bulk)} messages in one call:", "italic"))
    for message, outcome in zip(line.messages, outcomes, strict=True):
        note(stage, line, message, outcome, first=False)


def repeat(stage: Stage, line: Repeats) -> None:
    """The same call again, with the client_id that the first one had."""
    said = stage.said[line.of]
    outcome = stage.api.say(f"/events/{stage.event_ids[line.event]}/messages", body_of(stage, line, said.message))
    stage.repeats.append((said.message_id, outcome.message_id))
    stage.show.line(line, done("sends again", said, ": the same client_id counts once"))


def edit(stage: Stage, line: Edits) -> None:
    """A new text for one's own message."""
    said = stage.said[line.of]
    stage.api.do("PATCH", address(stage, line), {"actor_id": stage.user_ids[line.who], "message": line.text})
    said.text, said.is_edited = line.text, True
    stage.show.line(line, Text("edits: ", "italic") + Text(line.text), line.english)


def delete(stage: Stage, line: Deletes) -> None:
    """One's own message, taken back."""
    stage.api.do("DELETE", address(stage, line), query={"actor_id": stage.user_ids[line.who]})
    stage.show.line(line, done("deletes", stage.said[line.of]), line.english)
    stage.said[line.of].is_deleted = True


def react(stage: Stage, line: Reacts) -> None:
    """A reaction, instead of the one before."""
    body = {"actor_id": stage.user_ids[line.who], "emoji": line.emoji}
    stage.api.do("PUT", f"{address(stage, line)}/reactions", body)
    said = stage.said[line.of]
    before = said.reactions.get(line.who)
    said.reactions[line.who] = line.emoji
    stage.show.line(line, done(f"{line.emoji} to", said, f", no longer {before}" if before else ""))


def take_back(stage: Stage, line: TakesBack) -> None:
    """A reaction that is no longer meant."""
    stage.api.do("DELETE", f"{address(stage, line)}/reactions", query={"actor_id": stage.user_ids[line.who]})
    emoji = stage.said[line.of].reactions.pop(line.who)
    stage.show.line(line, Text(f"takes {emoji} back", "italic"))


def read(stage: Stage, line: Reads) -> None:
    """Read up to a message."""
    said = stage.said[line.of]
    body = {"actor_id": stage.user_ids[line.who], "up_to": said.message_id}
    stage.api.do("POST", f"/events/{stage.event_ids[line.event]}/read", body)
    key = (line.who, line.event)
    stage.read_seqs[key] = max(said.seq, stage.read_seqs.get(key, 0))
    stage.show.line(line, done("has read up to", said))


def address(stage: Stage, line: About) -> str:
    """The path of the message that a line is about."""
    return f"/events/{stage.event_ids[line.event]}/messages/{stage.said[line.of].message_id}"


def body_of(stage: Stage, line: Line, message: NewMessage) -> Body:
    """What the API is given of a message."""
    return {
        "actor_id": stage.user_ids[line.who],
        "message": message.text,
        "message_type": message.message_type,
        "attachments": message.attachments,
        "reply_to": stage.said[message.reply_to].message_id if message.reply_to else None,
        "client_id": message.id,
    }


def note(stage: Stage, line: Line, message: NewMessage, outcome: Outcome, *, first: bool = True) -> None:
    """Tell what became of a message, and remember what must be stored of it. Raises DemoError if it was refused."""
    text = Text("↳ ", "dim") + Text(message.text) if message.reply_to else Text(message.text)
    if message.refused is not None:
        stage.refusals.append((message.refused, outcome.refusal or "accepted"))
        text += Text(f"  refused: {outcome.refusal}", "yellow")
    elif outcome.message_id is None:
        raise DemoError(f"{line.who}'s message {message.id!r} was refused: {outcome.refusal}.")
    else:
        stage.said[message.id] = Said(
            event=line.event,
            who=line.who,
            message=message,
            message_id=outcome.message_id,
            seq=outcome.seq,
            text=message.text,
        )
        stage.read_seqs[line.who, line.event] = outcome.seq
    stage.show.line(line, text, message.english, first=first)


def done(what: str, said: Said, more: str = "") -> Text:
    """Something that was done to a message."""
    return Text(f"{what} ", "italic") + Text(quoted(said.text)) + Text(more, "italic")


DOES: Final[Mapping[type[Line], Callable[[Stage, Any], None]]] = {
    Says: say,
    Sends: send,
    Repeats: repeat,
    Edits: edit,
    Deletes: delete,
    Reacts: react,
    TakesBack: take_back,
    Reads: read,
    Confirms: events.confirm,
    Moves: events.move,
    Cancels: events.cancel,
}
"""What becomes of each kind of line."""
