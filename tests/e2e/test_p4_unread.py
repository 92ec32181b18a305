"""P4. The unread count is `max(0, last_seq - max(read_seq, joined_seq))`, exact once the last message is stored:
people say, read and join at once, and a model counts along."""

import random
import secrets
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

from domain.unread import unread_count
from stores.journal import STREAM
from tests.e2e.answers import Nothing, Sent
from tests.e2e.app import App
from tests.e2e.behind import Behind
from tests.waiting import wait_until

OPERATIONS = 10_000
EVENTS = 12
USERS = 30
FIRST = 4
"""Users that an event begins with; the others join."""
THREADS = 6
BULK_MAX = 100
DRAINED_S_MAX = 60.0


@dataclass
class Model:
    """What was said, read and joined, as the answers told."""

    said: dict[int, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    read: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    joined: dict[tuple[int, int], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, event_id: int, user_id: int, sent: Sent) -> None:
        with self.lock:
            self.said[event_id].append(sent)
        self.mark(event_id, user_id, sent.seq)

    def mark(self, event_id: int, user_id: int, seq: int) -> None:
        with self.lock:
            self.read[event_id, user_id] = max(seq, self.read[event_id, user_id])

    def unread(self, event_id: int, user_id: int) -> int:
        last = max((one.seq for one in self.said[event_id]), default=0)
        return unread_count(last, self.read[event_id, user_id], self.joined[event_id, user_id])


@dataclass(frozen=True)
class Crowd:
    """People in events, and what they do."""

    app: App
    behind: Behind
    events: dict[int, int]
    """Each with its creator."""
    users: list[int]
    model: Model

    def act(self, seed: int, operations: int) -> int:
        """What one of several does at once; how many operations that were."""
        choose = random.Random(seed)  # noqa: S311
        done = 0
        while done < operations:
            dice = choose.random()
            if dice < 0.15:
                done += self.say(choose, min(choose.randint(1, BULK_MAX), operations - done))
            elif dice < 0.93:
                done += self.mark(choose)
            elif dice < 0.97:
                done += self.join(choose)
            else:
                done += self.look(choose)
        return done

    def takes_part(self, choose: random.Random) -> tuple[int, int]:
        with self.model.lock:
            return choose.choice(list(self.model.joined))

    def say(self, choose: random.Random, count: int) -> int:
        """Several people say something in several events, in one call."""
        who = [self.takes_part(choose) for _ in range(count)]
        results = self.app.bulk([{"event_id": e, "actor_id": u, "message": "네"} for e, u in who])
        for (event_id, user_id), sent in zip(who, results, strict=True):
            assert isinstance(sent, Sent)
            self.model.say(event_id, user_id, sent)
        return count

    def mark(self, choose: random.Random) -> int:
        """Somebody has read up to any message that was said."""
        event_id, user_id = self.takes_part(choose)
        with self.model.lock:
            said = self.model.said[event_id]
            read = choose.choice([said[-1], choose.choice(said)]) if said else None  # forwards and, as often, backwards
        if read is None:
            return 0
        body = {"actor_id": user_id, "up_to": str(read.message_id)}
        self.app.done(Nothing, HTTPStatus.ACCEPTED, "POST", f"/events/{event_id}/read", body)
        self.model.mark(event_id, user_id, read.seq)
        return 1

    def join(self, choose: random.Random) -> int:
        """Somebody is let in, if he is not in already."""
        (event_id, creator), user_id = choose.choice(list(self.events.items())), choose.choice(self.users)
        body = {"actor_id": creator, "user_id": user_id}
        if self.app.call("POST", f"/events/{event_id}/participants", body).status_code == HTTPStatus.CONFLICT:
            return 0
        joined = "SELECT joined_seq FROM event_participants WHERE event_id = %s AND user_id = %s"
        ((joined_seq,),) = self.behind.sql(joined, event_id, user_id)
        with self.model.lock:
            self.model.joined[event_id, user_id] = joined_seq
        return 1

    def look(self, choose: random.Random) -> int:
        """A count is never more than what was said since one joined, whatever is on its way."""
        _, user_id = self.takes_part(choose)
        counted = self.app.unread(user_id).events
        for one in counted:
            if (one.event_id, user_id) in self.model.joined:
                most = self.behind.last_seq(one.event_id) - self.model.joined[one.event_id, user_id]
                assert 0 <= one.unread_count <= most
        return 1

    def drift(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Where a count is not the model's: by event and user, what is counted and what should be."""
        counted = {
            (one.event_id, user): one.unread_count for user in self.users for one in self.app.unread(user).events
        }
        assert counted.keys() == self.model.joined.keys()
        return {who: (n, self.model.unread(*who)) for who, n in counted.items() if n != self.model.unread(*who)}


def is_drained(behind: Behind) -> bool:
    (group,) = behind.journal.xinfo_groups(STREAM)
    return (group["lag"], group["pending"]) == (0, 0)


def test_unread_counts_are_exact_however_many_say_read_and_join_at_once(app: App, behind: Behind) -> None:
    seed = secrets.randbelow(2**32)
    users = app.users(USERS)
    first = [random.Random(seed + n).sample(users, FIRST) for n in range(EVENTS)]  # noqa: S311
    crowd = Crowd(app, behind, {app.event(*people): people[0] for people in first}, users, Model())
    joined = "SELECT event_id, user_id, joined_seq FROM event_participants WHERE event_id = ANY(%s)"
    rows = behind.sql(joined, list(crowd.events))
    crowd.model.joined.update({(event_id, user_id): joined_seq for event_id, user_id, joined_seq in rows})
    with ThreadPoolExecutor(THREADS) as threads:
        actors = [threads.submit(crowd.act, seed + n, OPERATIONS // THREADS + 1) for n in range(THREADS)]
        assert sum(actor.result() for actor in actors) >= OPERATIONS, seed
    wait_until("the journal is drained", lambda: is_drained(behind), DRAINED_S_MAX)
    assert len(crowd.model.joined) > EVENTS * FIRST, "nobody joined"
    assert any(crowd.model.unread(*who) for who in crowd.model.joined), "everybody has read all"
    assert crowd.drift() == {}, seed
