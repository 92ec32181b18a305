"""The way of a message for Python apps that do not speak HTTP. `docs/python-client.md` shows its use.

It runs ingest's own way (`ingest.intake`) in the calling process, so the checks, answers and promises are the API's.
Nothing here imports `worker` or `tasks`: an app with a Celery of its own keeps it.
"""

import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, Final, Self, TypeVar
from uuid import UUID

import msgspec

from domain.errors import Away, BadInput, TimingleError
from domain.keyring import KeyRing
from domain.message import BULK_MESSAGES_MAX, EditMessage, NewMessageIn, Reaction, ReadMark, RowId
from domain.texts import check_texts
from ingest.background import BackgroundIntake
from ingest.calls import Actor, bad_input
from ingest.intake import Intake
from ingest.message_views import Sent, sent
from settings import Settings
from stores.connections import Addresses

NAME_DEFAULT: Final = "python"

T = TypeVar("T")


class Place(msgspec.Struct, frozen=True):
    """An event."""

    event_id: RowId


class Address(Place, frozen=True):
    """A message of an event."""

    message_id: UUID


class TimingleClient:
    """Says, edits, reacts to and marks messages: what returns is durable in the journal, and will be stored.

    Every method blocks until then and raises what the API would answer (`domain.errors`): BadInput, naming the field;
    NotAllowed; NotThere; Away, after which a `send` with the same client_id counts once. Any number of threads may
    share a client. It opens nothing before its first call, and anew in each process that was forked since.
    """

    def __init__(self, settings: Settings, *, name: str = NAME_DEFAULT) -> None:
        """`name` is the calling app's: within it, a client_id names one message of an actor in an event."""
        self._addresses = Addresses(
            postgres_url=settings.postgres_api_url,
            scylla_contact_points=settings.contact_points,
            scylla_keyspace=settings.scylla_keyspace,
            journal_urls=settings.journals,
            journal_keep_s=settings.journal_keep,
            keys=KeyRing.parse(settings.data_keys),
            index_keys=settings.index_keys,
            consumer=name,
        )
        self._broker_url = settings.broker_url
        self._app_id = app_id_of(name)
        self._lock = threading.Lock()
        self._opened: BackgroundIntake | None = None
        self._of_parents: list[BackgroundIntake] = []
        os.register_at_fork(after_in_child=partial(_begin_anew, weakref.ref(self)))

    def send(
        self,
        *,
        event_id: int,
        actor_id: int,
        message: str,
        message_type: str = "text",
        attachments: Sequence[str] = (),
        reply_to: UUID | str | None = None,
        metadata: Mapping[str, str] | None = None,
        client_id: str | None = None,
    ) -> Sent:
        """Say a message. The same client_id again within 10 minutes: the first answer, and no second message."""
        given = {"event_id": event_id, "actor_id": actor_id, "message": message, "message_type": message_type}
        more = {"attachments": attachments, "reply_to": reply_to, "metadata": metadata or {}, "client_id": client_id}
        (taken,) = self._send([shaped(NewMessageIn, given | more)])
        if isinstance(taken, TimingleError):
            raise taken
        return taken

    def send_many(self, messages: Sequence[Mapping[str, object]]) -> list[Sent | TimingleError]:
        """Say up to 1,000 messages, each given by the arguments of `send`.

        What became of each comes by position: one that cannot be taken does not sink the others. Raises only Away, if
        none was taken for that reason, and BadInput for more than 1,000 or none.
        """
        if not 0 < len(messages) <= BULK_MESSAGES_MAX:
            raise BadInput(f"A bulk has 1 to {BULK_MESSAGES_MAX} messages.", "messages")
        results = self._send([new_or_error(given) for given in messages])
        away = [result for result in results if isinstance(result, Away)]
        if len(away) == len(results):
            raise away[0]
        return results

    def edit(self, *, event_id: int, message_id: UUID | str, actor_id: int, message: str) -> None:
        """Say a message anew; only its author may."""
        at = shaped(Address, {"event_id": event_id, "message_id": message_id})
        new = shaped(EditMessage, {"actor_id": actor_id, "message": message})
        self._take(lambda intake: intake.edit(at.event_id, at.message_id, new.actor_id, new.message))

    def delete(self, *, event_id: int, message_id: UUID | str, actor_id: int) -> None:
        """Take a message back; only its author may."""
        at = shaped(Address, {"event_id": event_id, "message_id": message_id})
        by = shaped(Actor, {"actor_id": actor_id})
        self._take(lambda intake: intake.delete(at.event_id, at.message_id, by.actor_id))

    def react(self, *, event_id: int, message_id: UUID | str, actor_id: int, emoji: str) -> None:
        """React to a message, one reaction a user: the last one stands."""
        at = shaped(Address, {"event_id": event_id, "message_id": message_id})
        new = shaped(Reaction, {"actor_id": actor_id, "emoji": emoji})
        self._take(lambda intake: intake.react(at.event_id, at.message_id, new.actor_id, new.emoji))

    def take_reaction_back(self, *, event_id: int, message_id: UUID | str, actor_id: int) -> None:
        """Take one's reaction back."""
        at = shaped(Address, {"event_id": event_id, "message_id": message_id})
        by = shaped(Actor, {"actor_id": actor_id})
        self._take(lambda intake: intake.react(at.event_id, at.message_id, by.actor_id, ""))

    def mark_read(self, *, event_id: int, actor_id: int, up_to: UUID | str) -> None:
        """Note that a user has read an event up to this message."""
        at = shaped(Place, {"event_id": event_id})
        mark = shaped(ReadMark, {"actor_id": actor_id, "up_to": up_to})
        self._take(lambda intake: intake.mark_read(at.event_id, mark.actor_id, mark.up_to))

    def close(self) -> None:
        """End the connections of this process, once no thread is calling any more. A later call opens new ones."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, messages: Sequence[NewMessageIn | BadInput]) -> list[Sent | TimingleError]:
        good = [message for message in messages if not isinstance(message, BadInput)]
        taken = iter(self._take(lambda intake: intake.send(self._app_id, good)) if good else ())
        outcomes = [message if isinstance(message, BadInput) else next(taken) for message in messages]
        return [outcome if isinstance(outcome, TimingleError) else sent(outcome) for outcome in outcomes]

    def _take(self, work: "Callable[[Intake], Coroutine[Any, Any, T]]") -> T:
        with self._lock:
            opened = self._opened = self._opened or BackgroundIntake(self._addresses, self._broker_url)
        return opened.take(work)

    def _after_fork(self) -> None:
        """In a child. The parent's connections are the parent's: they are kept, so that nothing closes them here."""
        self._lock = threading.Lock()  # another thread of the parent may have held it
        if self._opened is not None:
            self._of_parents.append(self._opened)
            self._opened = None


def _begin_anew(client: "weakref.ref[TimingleClient]") -> None:
    if (here := client()) is not None:
        here._after_fork()


def app_id_of(name: str) -> int:
    """What scopes the client_ids of an app that has no key: negative, as ids of api_clients never are, and never 0."""
    return -1 - int.from_bytes(blake2b(name.encode(), digest_size=7).digest())


def new_or_error(given: Mapping[str, object]) -> NewMessageIn | BadInput:
    """One message of many."""
    try:
        return shaped(NewMessageIn, given)
    except BadInput as error:
        return error


def shaped(shape: type[T], given: Mapping[str, object]) -> T:
    """What was given, as a struct. Raises BadInput, naming the field."""
    check_texts(given)
    try:
        return msgspec.convert(given, shape)
    except msgspec.ValidationError as error:
        raise bad_input(error) from None
