"""The way of a message into the journal: check, fill in, append, ring. HTTP and `ingest.client` both come this way.

What the journal has acknowledged is durable, and only that is answered as taken (P1). The worker adds nothing of its
own: whatever a row needs, the sender's name and picture too, is filled in here.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from domain.errors import Away, BadInput, NotAllowed, NotThere, TimingleError
from domain.ids import RANDOM_BITS, MessageId
from domain.message import NewMessageIn, storable
from domain.operations import ENTRY_OPERATIONS_MAX, Create, Delete, Edit, React, Read, encode
from domain.plan import Found
from domain.submissions import (
    REPEAT_WINDOW_MS,
    RESEND_WINDOW_MS,
    Answer,
    Receipt,
    Rejection,
    Submission,
    body_hash,
    idempotency_key,
)
from ingest.standings import Standings, check_reader
from stores import dead_letters, journals, pages
from stores.connections import AsyncStores
from stores.journal import Journal, SeedNeeded
from stores.participants import Standing

SETTLED_US: Final = 60 * 1_000_000
"""A message this old is stored, or never was: before that, its row may still be on its way."""
SEED_ROUNDS_MAX: Final = 3
OWN_ID_BYTES: Final = 8
"""An id of ingest's own need only be unlike any other of one event and actor within a minute."""

Taken = Receipt | TimingleError
"""What became of one message of many."""


class Intake:
    """Takes operations on messages into the journal."""

    def __init__(self, stores: AsyncStores, standings: Standings, ring: Callable[[], None]) -> None:
        self._stores = stores
        self._standings = standings
        self._ring = ring

    async def send(self, app_id: int, messages: Sequence[NewMessageIn]) -> list[Taken]:
        """Say messages; what became of each, in their order. One that cannot be taken does not sink the others."""
        standings = await self._standings.of([(m.event_id, m.actor_id) for m in messages])
        results: list[Taken | None] = [None] * len(messages)
        by_journal: dict[int, list[tuple[int, Submission]]] = {}
        for place, (message, standing) in enumerate(zip(messages, standings, strict=True)):
            try:
                check_writer(standing)
                if message.reply_to is not None:
                    await self._check_named(standing, message.reply_to, "reply_to")
                submission = submission_of(app_id, message, standing)
            except TimingleError as error:
                results[place] = error
            else:
                by_journal.setdefault(standing.journal or 0, []).append((place, submission))
        for journal_id, placed in by_journal.items():
            for start in range(0, len(placed), ENTRY_OPERATIONS_MAX):
                await self._send_chunk(journal_id, placed[start : start + ENTRY_OPERATIONS_MAX], results)
        return [result for result in results if result is not None]

    async def edit(self, event_id: int, message_id: UUID, actor_id: int, text: str) -> None:
        """Say a message anew. Raises NotAllowed, NotThere, BadInput, Away."""
        operation = Edit(event_id, message_id, actor_id, text)
        await self._change(event_id, message_id, actor_id, storable(operation), by_author=True)

    async def delete(self, event_id: int, message_id: UUID, actor_id: int) -> None:
        """Take a message back. Raises NotAllowed, NotThere, Away."""
        operation = encode(Delete(event_id, message_id, actor_id))
        await self._change(event_id, message_id, actor_id, operation, by_author=True)

    async def react(self, event_id: int, message_id: UUID, actor_id: int, emoji: str) -> None:
        """React to a message; an empty emoji takes the reaction back. Raises NotAllowed, NotThere, BadInput, Away."""
        if "\0" in emoji:
            raise BadInput("An emoji must not hold the character NUL.", "emoji")
        operation = encode(React(event_id, message_id, actor_id, emoji))
        await self._change(event_id, message_id, actor_id, operation, by_author=False)

    async def mark_read(self, event_id: int, actor_id: int, up_to: UUID) -> None:
        """Note that a user has read an event up to this message. Raises NotAllowed, NotThere, BadInput, Away."""
        standing = await self._standings.one(event_id, actor_id)
        seq = (await self.place(standing, up_to, "up_to")).seq
        answer = await self._append_one(standing, encode(Read(event_id, actor_id, seq)), seq)
        if answer is Rejection.BEYOND:
            raise BadInput("This message is beyond the event's last.", "up_to")

    async def place(self, standing: Standing, uuid: UUID, field: str) -> MessageId:
        """The message that a cursor or a read mark names. Raises BadInput if it is surely none of the event; Away."""
        try:
            found = await self._check_named(standing, uuid, field)
        except NotThere as error:
            raise BadInput(str(error), field) from None
        message = MessageId.of(uuid, field)
        if found is None and message.seq > await self.last_seq(standing.journal or 0, standing.event_id):
            raise BadInput("This message is beyond the event's last.", field)
        return message

    async def last_seq(self, journal_id: int, event_id: int) -> int:
        """The seq of the event's last message taken, stored or not. Raises Away."""
        journal = self._stores.journals[journal_id]
        try:
            return await journal.last_seq(event_id)
        except SeedNeeded as needed:
            await self._seed(journal, needed)
            return await journal.last_seq(event_id)

    async def check_typist(self, event_id: int, actor_id: int) -> None:
        """May this user write here? Raises NotAllowed, NotThere, Away."""
        check_writer(await self._standings.one(event_id, actor_id))

    async def _change(
        self, event_id: int, message_id: UUID, actor_id: int, operation: bytes, *, by_author: bool
    ) -> None:
        standing = await self._standings.one(event_id, actor_id)
        check_writer(standing)
        found = await self._check_named(standing, message_id, "message_id")
        if by_author and found is not None and found.sender_id != actor_id:
            raise NotAllowed("This message is another's.")
        answer = await self._append_one(standing, operation, MessageId.of(message_id).seq)
        if answer is Rejection.BEYOND:
            raise NotThere("There is no such message in this event.", "message_id")

    async def _check_named(self, standing: Standing, uuid: UUID, field: str) -> Found | None:
        """The named message's row, if it can be seen now. Raises NotThere if it is old enough to be and is not."""
        message = MessageId.of(uuid, field)
        try:
            found = await pages.find(self._stores.scylla, standing.event_id, message)
        except Away:  # then the worker decides
            return None
        if found is None and await self._is_settled(standing, message):
            raise NotThere("There is no such message in this event.", field)
        return found

    async def _is_settled(self, standing: Standing, message: MessageId) -> bool:
        """Would this message be stored by now? Not while the journal still holds entries as old as it."""
        now_us = time.time() * 1_000_000
        if message.version >= now_us - SETTLED_US:
            return False
        state = await self._stores.journals[standing.journal or 0].state()
        return message.version < now_us - state.oldest_waiting_ms * 1_000

    async def _append_one(self, standing: Standing, operation: bytes, names_seq: int) -> Answer:
        key = idempotency_key(0, standing.event_id, standing.user_id, secrets.token_hex(OWN_ID_BYTES))
        submission = Submission(standing.event_id, operation, False, names_seq, 0, key, body_hash(), RESEND_WINDOW_MS)
        (answer,) = await self._append(standing.journal or 0, [submission])
        return answer

    async def _send_chunk(
        self, journal_id: int, placed: Sequence[tuple[int, Submission]], results: list[Taken | None]
    ) -> None:
        try:
            answers = await self._append(journal_id, [submission for _, submission in placed])
        except Away as away:
            for place, _ in placed:
                results[place] = away
            return
        for (place, _), answer in zip(placed, answers, strict=True):
            results[place] = answer if isinstance(answer, Receipt) else refusal_of(answer)

    async def _append(self, journal_id: int, submissions: Sequence[Submission]) -> tuple[Answer, ...]:
        """Append, seeding registers that are missing first. Rings if asked to, after the answer."""
        journal = self._stores.journals[journal_id]
        for _ in range(SEED_ROUNDS_MAX):
            try:
                appended = await journal.append(submissions)
            except SeedNeeded as needed:
                await self._seed(journal, needed)
            else:
                if appended.ring:
                    self._ring()
                return appended.answers
        raise Away("the journal", "registers keep vanishing")

    async def _seed(self, journal: Journal, needed: SeedNeeded) -> None:
        if needed.clock:
            await journal.seed_clock(await journals.clock_noted(self._stores.postgres, journal.id) + journals.SWEEP_US)
        await asyncio.gather(*(self._seed_register(journal, event_id) for event_id in needed.event_ids))

    async def _seed_register(self, journal: Journal, event_id: int) -> None:
        stored, refused = await asyncio.gather(
            pages.head(self._stores.scylla, event_id), dead_letters.last_seq(self._stores.postgres, event_id)
        )
        await journal.seed(event_id, max(stored, refused))


def check_writer(standing: Standing) -> None:
    """May this user write to this event? Raises NotThere, NotAllowed."""
    check_reader(standing)
    if not standing.is_active:
        raise NotAllowed("This user may read, but not write.")


def submission_of(app_id: int, message: NewMessageIn, standing: Standing) -> Submission:
    """A message on its way, with all that its row needs. Raises BadInput."""
    random = secrets.randbits(RANDOM_BITS)
    create = Create(
        event_id=message.event_id,
        random=random,
        sender_id=message.actor_id,
        sender_name=standing.name,
        sender_profile_url=standing.picture or "",
        message=message.message,
        message_type=message.message_type,
        attachments=message.attachments,
        reply_to=message.reply_to,
        metadata=message.metadata,
    )
    client_id = message.client_id or secrets.token_hex(OWN_ID_BYTES)
    body = (message.message, message.message_type, message.attachments, message.reply_to, message.metadata)
    return Submission(
        event_id=message.event_id,
        operation=storable(create),
        creates=True,
        names_seq=MessageId.of(message.reply_to).seq if message.reply_to else 0,
        random=random,
        idempotency_key=idempotency_key(app_id, message.event_id, message.actor_id, client_id),
        body_hash=body_hash(*body),
        remember_ms=REPEAT_WINDOW_MS if message.client_id else RESEND_WINDOW_MS,
    )


def refusal_of(rejection: Rejection) -> TimingleError:
    """Why a message was not taken."""
    if rejection is Rejection.CONFLICT:
        return BadInput("This client_id was used for another message.", "client_id")
    return NotThere("There is no such message in this event.", "reply_to")
