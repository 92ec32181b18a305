"""stores.idempotency_keys: a piece of work that has a key is done once, and its answer kept for a day."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from domain.errors import BadInput, Conflict
from stores import api_clients, connections, idempotency_keys
from stores.connections import AsyncStores
from stores.idempotency_keys import Kept, once
from stores.row_security import Connection
from tasks import upkeep
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")
BODY, OTHER_BODY = b"1" * 32, b"2" * 32
REGISTER = """
    INSERT INTO users (phone_encrypted, phone_hash, name) VALUES ('', uuid_send(gen_random_uuid()), %s)"""
KEEP = """
    INSERT INTO idempotency_keys (client_id, key, body_hash, status, answer, created_at)
    SELECT %s, age_h || ' ' || gen_random_uuid(), '', 201, '', now() - make_interval(secs => age_h * 3600)
    FROM unnest(%s::float[]) AS age_h"""
KEPT_AGES = "SELECT split_part(key, ' ', 1)::float FROM idempotency_keys WHERE client_id = %s ORDER BY 1"


@dataclass
class Work:
    """Registers a user of this name; each run answers another text."""

    own: Own
    name: str = field(default_factory=lambda: uuid4().hex)
    runs: int = 0

    async def __call__(self, connection: Connection) -> Kept:
        self.runs += 1
        await connection.execute(REGISTER, (self.name,))
        return Kept(201, f"run {self.runs}".encode())

    def effects(self) -> object:
        return self.own.sql("SELECT count(*) FROM users WHERE name = %s", self.name)[0][0]


@pytest.fixture
def work(own_stores: Own) -> Work:
    return Work(own_stores)


@pytest.fixture
def client(own_stores: Own) -> int:
    """The id of a calling app."""
    return new_client(own_stores)


def new_client(own: Own) -> int:
    name = uuid4().hex
    api_clients.create(own.stores.postgres, name, ["users:write"], 1)
    return next(one.id for one in api_clients.listed(own.stores.postgres) if one.name == name)


async def test_with_a_key_work_is_done_once_and_without_one_each_time(
    stores: AsyncStores, work: Work, client: int
) -> None:
    key = uuid4().hex
    answers = [await once(stores.postgres, client, key, BODY, work) for _ in range(3)]
    assert answers == [Kept(201, b"run 1")] * 3
    assert work.effects() == 1
    answers = [await once(stores.postgres, client, None, BODY, work) for _ in range(3)]
    assert answers == [Kept(201, b"run %d" % n) for n in (2, 3, 4)]
    assert work.effects() == 4


async def test_another_body_is_refused_and_nothing_done(stores: AsyncStores, work: Work, client: int) -> None:
    key = uuid4().hex
    await once(stores.postgres, client, key, BODY, work)
    with pytest.raises(BadInput) as refused:
        await once(stores.postgres, client, key, OTHER_BODY, work)
    assert refused.value.field == "Idempotency-Key"
    assert (work.runs, work.effects()) == (1, 1)
    assert await once(stores.postgres, client, key, BODY, work) == Kept(201, b"run 1")


async def test_a_key_is_of_one_client(stores: AsyncStores, work: Work, client: int, own_stores: Own) -> None:
    key = uuid4().hex
    await once(stores.postgres, client, key, BODY, work)
    await once(stores.postgres, new_client(own_stores), key, BODY, work)
    await once(stores.postgres, client, uuid4().hex, BODY, work)
    assert work.effects() == 3


async def test_a_repeat_that_comes_meanwhile_waits_and_gets_the_first_answer(
    stores: AsyncStores, work: Work, client: int
) -> None:
    """P2."""
    key = uuid4().hex
    answers = await asyncio.gather(*(once(stores.postgres, client, key, BODY, work) for _ in range(8)))
    assert answers == [Kept(201, b"run 1")] * 8
    assert (work.runs, work.effects()) == (1, 1)


async def test_work_that_fails_leaves_neither_effect_nor_key(stores: AsyncStores, work: Work, client: int) -> None:
    key = uuid4().hex

    async def failing(connection: Connection) -> Kept:
        await work(connection)
        raise Conflict("no")

    with pytest.raises(Conflict):
        await once(stores.postgres, client, key, BODY, failing)
    assert work.effects() == 0
    assert await once(stores.postgres, client, key, OTHER_BODY, work) == Kept(201, b"run 2")


async def test_a_repeat_that_waited_for_one_that_failed_does_the_work_itself(
    stores: AsyncStores, work: Work, client: int
) -> None:
    key = uuid4().hex
    begun, may_fail = asyncio.Event(), asyncio.Event()

    async def failing(connection: Connection) -> Kept:
        begun.set()
        await may_fail.wait()
        raise Conflict("no")

    first = asyncio.create_task(once(stores.postgres, client, key, BODY, failing))
    await begun.wait()
    second = asyncio.create_task(once(stores.postgres, client, key, BODY, work))
    may_fail.set()
    with pytest.raises(Conflict):
        await first
    assert await second == Kept(201, b"run 1")
    assert work.effects() == 1


@pytest.mark.parametrize(("hours", "runs"), [(23.99, 1), (24.01, 2)])
async def test_a_key_is_kept_for_24_hours(
    stores: AsyncStores, work: Work, client: int, own_stores: Own, hours: float, runs: int
) -> None:
    key = uuid4().hex
    await once(stores.postgres, client, key, BODY, work)
    age = "UPDATE idempotency_keys SET created_at = now() - make_interval(secs => %s) WHERE key = %s"
    own_stores.sql(age, hours * 3_600, key)
    again = [await once(stores.postgres, client, key, BODY, work) for _ in range(2)]
    assert again == [Kept(201, b"run %d" % runs)] * 2
    assert work.effects() == runs


async def test_what_is_older_than_24_hours_is_let_go_however_many_batches_it_is_and_nothing_younger(
    own_stores: Own, client: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers hold names and addresses."""
    own_stores.sql(KEEP, client, [0.0, 23.99, *[24.01] * 7, 9_000.0])
    monkeypatch.setattr(connections, "stores", lambda: own_stores.stores)
    monkeypatch.setattr(upkeep, "TRIM_ROWS", 3)
    upkeep.trim_idempotency_keys()
    assert own_stores.sql(KEPT_AGES, client) == [(0.0,), (23.99,)]


@pytest.mark.parametrize("taken_before", [False, True])
async def test_a_key_that_is_being_used_is_not_let_go_and_holds_up_nobody(
    stores: AsyncStores, work: Work, client: int, own_stores: Own, taken_before: bool
) -> None:
    """P2. Not even one that was taken days ago and is taken anew."""
    key = uuid4().hex
    if taken_before:
        own_stores.sql(KEEP, client, [48])
        own_stores.sql("UPDATE idempotency_keys SET key = %s WHERE client_id = %s", key, client)
    own_stores.sql(KEEP, client, [25])
    begun, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection) -> Kept:
        begun.set()
        await may_answer.wait()
        return await work(connection)

    first = asyncio.create_task(once(stores.postgres, client, key, BODY, slow))
    await begun.wait()
    idempotency_keys.trim(own_stores.stores.postgres, 10)
    left = own_stores.sql("SELECT key FROM idempotency_keys WHERE client_id = %s", client)
    may_answer.set()
    assert await first == Kept(201, b"run 1")
    assert left == ([(key,)] if taken_before else [])
    assert await once(stores.postgres, client, key, BODY, work) == Kept(201, b"run 1")
    assert work.effects() == 1


async def test_old_keys_are_found_by_their_index(own_stores: Own, client: int) -> None:
    """Or each batch would read all of the last 24 hours."""
    with own_stores.stores.postgres.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute(KEEP, (client, [*[1] * 20_000, *[25] * 2_000]))
        connection.execute("ANALYZE idempotency_keys")
        query = "EXPLAIN " + idempotency_keys.TRIM_KEYS
        rows = connection.execute(query, (idempotency_keys.KEPT_H, upkeep.TRIM_ROWS)).fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert "Index Scan using idx_idempotency_keys_created" in plan, plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan
