"""P3. Messages of one event have a total, gapless order, and who follows it misses none: senders run at once, two
workers store as they can, and a follower pages with `after`."""

import random
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from tests.e2e.answers import Message, Sent
from tests.e2e.app import NIL, App, Chat, new_chat

SENDERS = 3
MESSAGES = 400
"""Of each sender in each event."""
BULK_MAX = 130
"""More than one entry of the journal holds."""
FOLLOW_S_MAX = 60.0


def send(chat: Chat, seed: int) -> list[Sent]:
    """One sender's messages, alone and many at once."""
    choose = random.Random(seed)  # noqa: S311
    sent: list[Sent] = []
    while len(sent) < MESSAGES:
        count = min(choose.choice([1, 1, 1, 5, BULK_MAX]), MESSAGES - len(sent))
        who = choose.choice([chat.author, chat.friend])
        if count == 1:
            sent.append(chat.app.say(chat.event_id, who, f"{seed}"))
        else:
            sent += chat.app.say_many(chat.event_id, who, count)
    return sent


def follow(chat: Chat, seed: int, all_sent: threading.Event) -> list[Message]:
    """What one sees who asks for what came after, again and again, until it is all said and nothing more comes."""
    choose = random.Random(seed)  # noqa: S311
    seen: list[Message] = []
    cursor: UUID = NIL
    limit = time.monotonic() + FOLLOW_S_MAX
    while len(seen) < SENDERS * MESSAGES or not all_sent.is_set():
        assert time.monotonic() < limit, f"{len(seen)} messages seen, then nothing more"
        page = chat.app.page(chat.event_id, chat.friend, after=cursor, limit=choose.randint(1, 100))
        assert page.next == (page.messages[-1].message_id if page.messages else cursor)
        seen += page.messages
        cursor = page.next
    return seen


def test_who_follows_sees_every_message_once_and_in_order(app: App) -> None:
    seed = secrets.randbelow(2**32)
    chats = [new_chat(app) for _ in range(3)]
    all_sent = threading.Event()
    with ThreadPoolExecutor(len(chats) * (SENDERS + 1)) as threads:
        followers = [threads.submit(follow, chat, seed + n, all_sent) for n, chat in enumerate(chats)]
        senders = [[threads.submit(send, chat, seed + n) for n in range(SENDERS)] for chat in chats]
        sent = [[one for sender in of_chat for one in sender.result()] for of_chat in senders]
        all_sent.set()
        seen = [follower.result() for follower in followers]
    for told, shown in zip(sent, seen, strict=True):
        in_order = sorted(told, key=lambda one: one.seq)
        assert [one.seq for one in in_order] == list(range(1, SENDERS * MESSAGES + 1)), seed
        assert [(m.seq, m.message_id) for m in shown] == [(one.seq, one.message_id) for one in in_order], seed
        assert [m.created_at for m in shown] == sorted(one.created_at for one in told), seed
        assert sorted(m.message_id for m in shown) == [m.message_id for m in shown], seed


def test_what_one_sender_says_one_after_another_stays_in_that_order(app: App) -> None:
    chat = new_chat(app)
    all_sent = threading.Event()
    with ThreadPoolExecutor(SENDERS) as threads:
        sent = [sender.result() for sender in [threads.submit(send, chat, n) for n in range(SENDERS)]]
    all_sent.set()
    order = [m.message_id for m in follow(chat, 0, all_sent)]
    for told in sent:
        places = [order.index(one.message_id) for one in told]
        assert places == sorted(places)
