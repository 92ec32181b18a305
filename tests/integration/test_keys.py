"""Rotating keys: all that is encrypted, and the index of phone numbers, is moved to the newest, and nothing is lost."""

import asyncio
import base64
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from cli.exit_codes import ExitCode
from domain.keyring import NONCE_BYTES, KeyRing
from domain.phone import blind_index, masked
from domain.user import NewUser, UserChange
from local.stack import Stack
from stores import dead_letters, keys, keys_index, migrations, migrations_postgres, users
from stores.connections import open_pool
from stores.keys import ENCRYPTED
from stores.migrations_files import read_folder
from stores.payment_places import place_of_payload, place_of_reason
from stores.users import place_of_phone
from tests.integration.databases import COMMAND_S_MAX, ROOT, place
from tests.integration.own import CANARY, refusal, saying
from tests.waiting import wait_until

OLD, NEW, LOST = (bytes([n]) * 32 for n in (1, 2, 3))
OLD_INDEX, NEW_INDEX = bytes([8]) * 32, bytes([9]) * 32
BEFORE, AFTER = KeyRing({"a": OLD}), KeyRing({"b": NEW})
BOTH = KeyRing({"b": NEW, "a": OLD})
MOVED = re.compile(r"^ *(\w+\.\w+) +(\d+) *$", re.MULTILINE)
NOT_ENCRYPTED = {
    "api_clients.key_hash": "a hash",
    "audit_reports.history_head": "a hash",
    "audit_reports.sha256": "a hash",
    "event_history_outbox.entry_hash": "a hash",
    "event_history_outbox.hashed_bytes": "what is hashed: personal values stand in it as commitments",
    "event_history_outbox.prev_hash": "a hash",
    "events.history_head": "a hash",
    "idempotency_keys.answer": "what was answered, a phone number masked; kept for a day",
    "idempotency_keys.body_hash": "a hash",
    "payment_webhooks.body_hash": "a hash",
    "payment_webhooks.secret_hash": "a hash of a random secret",
    "payments.deposit_secret_hash": "the same",
    "users.phone_hash": "a hash under the index key, moved by stores.keys_index",
}
BODY_HASH = bytes(32)
REFUND_KEY = UUID(int=7)
SELECT_BYTEA = """
    SELECT table_name || '.' || column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type = 'bytea'"""
SELECT_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE users SET%%'"""

_numbers = count(30_000_000)


@dataclass(frozen=True)
class Vault:
    """A database whose values are encrypted under keys of the test's choice."""

    env: dict[str, str]
    pool: ConnectionPool

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.pool.connection() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def users(self, ring: KeyRing, index_key: bytes, phones: Sequence[str]) -> list[int]:
        """Users with these numbers, as a process with these keys would store them."""
        ids = self.sql("SELECT nextval('users_id_seq') FROM generate_series(1, %s)", len(phones))
        rows = [
            (n, ring.encrypt(phone.encode(), place_of_phone(n), os.urandom(NONCE_BYTES)), blind_index(phone, index_key))
            for (n,), phone in zip(ids, phones, strict=True)
        ]
        with self.pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT INTO users (id, phone_encrypted, phone_hash) VALUES (%s, %s, %s)", rows)
        return [row[0] for row in rows]

    def phones(self, ring: KeyRing) -> dict[int, str]:
        """The number of each user, deleted ones too."""
        rows = self.sql("SELECT id, phone_encrypted FROM users ORDER BY id")
        return {user_id: ring.decrypt(sealed, place_of_phone(user_id)).decode() for user_id, sealed in rows}

    def under(self, column: str) -> Counter[str]:
        """How many values are under which key."""
        (found,) = [one for one in ENCRYPTED if one.name == column]
        return keys.count_by_key(self.pool, found)

    @contextmanager
    def held(self, user_id: int) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
        """A user's row is locked by somebody who takes their time."""
        with psycopg.connect(self.env["TIMINGLE_POSTGRES_URL"]) as connection:
            connection.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (user_id,))
            yield connection

    def wait_blocked(self) -> None:
        wait_until("somebody waits for the row", lambda: self.sql(SELECT_WAITING)[0][0])

    @contextmanager
    def rotating(self, ring: KeyRing, *index_keys: bytes) -> "Iterator[subprocess.Popen[str]]":
        """`timingle keys rotate`, running, with these keys."""
        data_keys = ",".join(f"{key_id}:{in_base64(key)}" for key_id, key in ring.keys.items())
        index_key = ",".join(map(in_base64, index_keys))
        with subprocess.Popen(
            [sys.executable, "-c", "import cli; cli.main()", "keys", "rotate"],
            cwd=ROOT,
            env={**os.environ, **self.env, "TIMINGLE_DATA_KEYS": data_keys, "TIMINGLE_INDEX_KEY": index_key},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def rotate(self, ring: KeyRing, *index_keys: bytes) -> tuple[int, dict[str, int], list[str]]:
        """The same, ended: its exit code, how much it moved, and what it says of the keys."""
        with self.rotating(ring, *index_keys) as process:
            output, shown = process.communicate(timeout=COMMAND_S_MAX)
        assert "moved" in output, shown
        moved = {name: int(count) for name, count in MOVED.findall(output)}
        return process.returncode, moved, [line for line in output.splitlines() if line.endswith(".")]


def new_phone() -> str:
    """Another one each time: of thousands by chance two would be the same now and then."""
    return f"+8210{next(_numbers)}"


def in_base64(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Vault]:
    with place(stack.env) as made:
        with migrations_postgres.connect(made.postgres_url) as schema:
            migrations.up(schema, read_folder(ROOT / "migrations"), print)
        with open_pool(made.postgres_url) as pool:
            yield Vault(dict(made.env), pool)


@pytest.fixture
def vault(database: Vault) -> Vault:
    """Empty, though nobody may delete users and payments."""
    with database.pool.connection() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("payment_refunds", "payment_webhooks", "payments", "oauth_tokens", "dead_letters", "users"):
            connection.execute(f"DELETE FROM {table}")
    return database


def test_every_column_of_bytes_is_rotated_or_is_known_not_to_be_encrypted(vault: Vault) -> None:
    """A column that is forgotten would keep an old key in use, and nobody would see it."""
    columns = {row[0] for row in vault.sql(SELECT_BYTEA)}
    rotated = {column.name for column in ENCRYPTED if column.column != "metadata"}
    assert rotated <= columns
    assert columns - rotated - NOT_ENCRYPTED.keys() == set()


def test_all_that_is_encrypted_is_moved_and_reads_as_before(vault: Vault) -> None:
    phones = [new_phone() for _ in range(1_203)]
    ids = vault.users(BEFORE, OLD_INDEX, phones)
    vault.sql("UPDATE users SET deleted_at = now() WHERE id = %s", ids[0])
    dead_letters.add(vault.pool, BEFORE, 0, [refusal(saying(7, CANARY), version) for version in (5, 6)])
    letters = dead_letters.find(vault.pool, list(dead_letters.State))
    said = [letter.entry(BEFORE) for letter in letters]
    store_tokens_and_payments(vault, ids[0])

    code, moved, sentences = vault.rotate(BOTH, NEW_INDEX, OLD_INDEX)
    assert (code, moved) == (ExitCode.DONE, {
        "users.phone_encrypted": 1_203, "dead_letters.payload": 2, "oauth_tokens.access_token": 2,
        "oauth_tokens.refresh_token": 1, "payments.metadata": 1, "payment_webhooks.payload_encrypted": 1,
        "payment_refunds.reason_encrypted": 1, "users.phone_hash": 1_203,
    })  # fmt: skip
    assert sentences == [
        "Data key b is the newest: 1,211 values.",
        "Data key a is no longer in use: take it out of TIMINGLE_DATA_KEYS.",
        "Index key 1 is the newest: 1,203 values.",
        "Index key 2 is no longer in use: take it out of TIMINGLE_INDEX_KEY.",
    ]
    assert list(vault.phones(AFTER).values()) == phones
    assert [letter.entry(AFTER) for letter in dead_letters.find(vault.pool, list(dead_letters.State))] == said
    check_tokens_and_payments(vault)
    assert users.find(vault.pool, AFTER, [NEW_INDEX], phones[0]) == []
    for user_id, phone in list(zip(ids, phones, strict=True))[1::300]:
        (found,) = users.find(vault.pool, AFTER, [NEW_INDEX], phone)
        assert (found.id, found.phone) == (user_id, masked(phone))


def test_run_again_it_changes_nothing(vault: Vault) -> None:
    vault.users(BEFORE, OLD_INDEX, [new_phone() for _ in range(3)])
    vault.rotate(BOTH, NEW_INDEX, OLD_INDEX)
    before = vault.sql("SELECT u, xmin FROM users AS u ORDER BY id")
    for ring, index_keys in ((BOTH, (NEW_INDEX, OLD_INDEX)), (AFTER, (NEW_INDEX,))):
        code, moved, _ = vault.rotate(ring, *index_keys)
        assert (code, sum(moved.values())) == (ExitCode.DONE, 0)
    assert vault.sql("SELECT u, xmin FROM users AS u ORDER BY id") == before


@pytest.mark.parametrize("what", ["values", "index"])
def test_killed_in_the_middle_everything_is_readable_and_the_next_run_ends_it(vault: Vault, what: str) -> None:
    """A batch that somebody holds up is where it dies: the batches before it are moved, the others are not."""
    phones = [new_phone() for _ in range(1_800)]
    ids = vault.users(BEFORE if what == "values" else AFTER, OLD_INDEX, phones)
    with vault.held(ids[1_200]), vault.rotating(BOTH, NEW_INDEX, OLD_INDEX) as process:
        vault.wait_blocked()
        process.send_signal(signal.SIGKILL)
        process.wait(COMMAND_S_MAX)
    indexed = keys_index.count_by_key(vault.pool, BOTH, [NEW_INDEX, OLD_INDEX])
    if what == "values":
        assert (vault.under("users.phone_encrypted"), indexed) == ({"b": 1_000, "a": 800}, {1: 1_800})
    else:
        assert (vault.under("users.phone_encrypted"), indexed) == ({"b": 1_800}, {0: 1_000, 1: 800})
    assert list(vault.phones(BOTH).values()) == phones
    for place_, user_id in enumerate(ids):
        if place_ % 300 == 0:
            found = users.find(vault.pool, BOTH, [NEW_INDEX, OLD_INDEX], phones[place_])
            assert [user.id for user in found] == [user_id]

    code, moved, _ = vault.rotate(BOTH, NEW_INDEX, OLD_INDEX)
    assert code == ExitCode.DONE
    assert (moved["users.phone_encrypted"], moved["users.phone_hash"]) == (
        (800, 1_800) if what == "values" else (0, 800)
    )
    assert list(vault.phones(AFTER).values()) == phones
    assert vault.under("users.phone_encrypted") == {"b": 1_800}
    assert keys_index.count_by_key(vault.pool, AFTER, [NEW_INDEX]) == {0: 1_800}


def test_while_users_register_change_and_go_nothing_of_theirs_is_lost(vault: Vault) -> None:
    """As it is when ingest and workers have the new keys, and the rest is moved."""
    given = [new_phone() for _ in range(1_200)]
    phones = dict(zip(vault.users(BEFORE, OLD_INDEX, given), given, strict=True))

    async def live(process: "subprocess.Popen[str]") -> None:
        async with AsyncConnectionPool(vault.env["TIMINGLE_POSTGRES_API_URL"], min_size=1, open=False) as pool:
            for user_id in cycle(list(phones)):
                if process.poll() is not None:
                    return
                phones[user_id] = new_phone()
                asked = UserChange(name="a")
                await users.change(pool, BOTH, [NEW_INDEX, OLD_INDEX], user_id, asked, phones[user_id])
                if user_id % 3 == 0:
                    phone = new_phone()
                    async with pool.connection() as connection:
                        new = NewUser(phone="")
                        user = await users.create(connection, BOTH, [NEW_INDEX, OLD_INDEX], new, phone)
                    phones[user.id] = phone
                    await users.delete(pool, user.id)

    with vault.rotating(BOTH, NEW_INDEX, OLD_INDEX) as process:
        asyncio.run(live(process))
        assert process.wait(COMMAND_S_MAX) == ExitCode.DONE
    assert len(phones) > 1_200
    assert vault.phones(AFTER) == phones
    assert keys_index.count_by_key(vault.pool, AFTER, [NEW_INDEX]) == {0: len(phones)}


def test_a_value_that_changes_while_it_is_moved_is_not_lost(vault: Vault) -> None:
    """What was read is put back encrypted anew only if it is still there."""
    (column,) = [one for one in ENCRYPTED if one.table == "users"]
    old, new = new_phone(), new_phone()
    (user_id,) = vault.users(BEFORE, OLD_INDEX, [old])
    sealed = BOTH.encrypt(new.encode(), place_of_phone(user_id), os.urandom(NONCE_BYTES))
    for move in (
        lambda: list(keys.move(vault.pool, BOTH, column)),
        lambda: list(keys_index.move(vault.pool, BOTH, [NEW_INDEX, OLD_INDEX])),
    ):
        with vault.held(user_id) as other, ThreadPoolExecutor(1) as thread:
            moving = thread.submit(move)
            vault.wait_blocked()
            other.execute(
                "UPDATE users SET phone_encrypted = %s, phone_hash = %s WHERE id = %s",
                (sealed, blind_index(new, OLD_INDEX), user_id),
            )
            other.commit()
            assert [(batch.seen, batch.moved) for batch in moving.result(COMMAND_S_MAX)] == [(1, 0)]
        assert vault.phones(BOTH) == {user_id: new}
        old, new = new, new_phone()
        sealed = BOTH.encrypt(new.encode(), place_of_phone(user_id), os.urandom(NONCE_BYTES))
    assert users.find(vault.pool, BOTH, [NEW_INDEX, OLD_INDEX], old)[0].id == user_id


def test_two_runs_at_once_end_as_one(vault: Vault) -> None:
    phones = [new_phone() for _ in range(1_100)]
    vault.users(BEFORE, OLD_INDEX, phones)
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(vault.rotate, BOTH, NEW_INDEX, OLD_INDEX) for _ in range(2)]
    assert [run.result()[0] for run in runs] == [ExitCode.DONE] * 2
    assert list(vault.phones(AFTER).values()) == phones
    assert keys_index.count_by_key(vault.pool, AFTER, [NEW_INDEX]) == {0: 1_100}


def test_what_no_key_reads_is_named_keeps_its_place_and_does_not_hold_up_the_rest(vault: Vault) -> None:
    lost = vault.users(KeyRing({"z": LOST}), OLD_INDEX, [new_phone()])
    altered = vault.users(BEFORE, OLD_INDEX, [new_phone()])
    well = vault.users(BEFORE, OLD_INDEX, [new_phone()])
    vault.sql("UPDATE users SET phone_encrypted = phone_encrypted || '\\x00' WHERE id = %s", altered[0])
    kept = vault.sql("SELECT phone_encrypted, phone_hash FROM users WHERE id < %s", well[0])
    code, moved, sentences = vault.rotate(BOTH, NEW_INDEX, OLD_INDEX)
    assert (code, moved["users.phone_encrypted"], moved["users.phone_hash"]) == (ExitCode.FAILED, 1, 1)
    named = f"no key of TIMINGLE_DATA_KEYS decrypts 2 rows: {lost[0]}, {altered[0]}."
    assert sentences[:2] == [f"users.phone_encrypted: {named}", f"users.phone_hash: {named}"]
    assert "Data key a is still in use: 1 values. Run this again once every process has the new keys." in sentences
    assert "1 values are under data key z, which is not in TIMINGLE_DATA_KEYS." in sentences
    assert any(sentence.startswith("Index key 2 is still in use: 2 values.") for sentence in sentences)
    assert vault.sql("SELECT phone_encrypted, phone_hash FROM users WHERE id < %s", well[0]) == kept


def test_a_number_that_two_users_have_is_named_and_does_not_hold_up_the_rest(vault: Vault) -> None:
    """As it may be if the new index key was not given to every process before it was put first."""
    phone = new_phone()
    doubled = vault.users(BEFORE, OLD_INDEX, [new_phone(), phone, new_phone()])[1]
    vault.users(BEFORE, NEW_INDEX, [phone])
    code, moved, sentences = vault.rotate(BOTH, NEW_INDEX, OLD_INDEX)
    assert (code, moved["users.phone_encrypted"], moved["users.phone_hash"]) == (ExitCode.FAILED, 4, 2)
    assert sentences[0] == (
        f"users.phone_hash: the number of 1 rows: {doubled} is another user's too; `timingle users find`."
    )
    assert "Data key a is no longer in use: take it out of TIMINGLE_DATA_KEYS." in sentences
    assert len(users.find(vault.pool, AFTER, [NEW_INDEX, OLD_INDEX], phone)) == 2


@pytest.mark.parametrize("older", [[], [0], [3, 4, 5], [29], [1, 11, 12, 28], list(range(30))], ids=len)
def test_page_by_page_all_is_moved_and_counted_also_where_a_page_has_nothing_to_move(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, older: list[int]
) -> None:
    """No statement looks at more rows than a page has: a whole table may take longer than a statement is given."""
    monkeypatch.setattr(keys, "PAGE_ROWS", 4)
    monkeypatch.setattr(keys, "ROWS_A_BATCH", 3)
    phones = [new_phone() for _ in range(30)]
    for place_, phone in enumerate(phones):
        vault.users(BEFORE if place_ in older else AFTER, OLD_INDEX, [phone])
        vault.sql("SELECT setval('users_id_seq', nextval('users_id_seq') + 9)")  # ids have gaps
    column = ENCRYPTED[0]
    assert [page.rows for page in keys.pages(vault.pool, "users")] == [4] * 7 + [2]
    assert keys_index.count_users(vault.pool) == 30
    assert keys.count_by_key(vault.pool, column) == Counter({"a": len(older), "b": 30 - len(older)})
    batches = list(keys.move(vault.pool, BOTH, column))
    assert all(batch.seen == batch.moved <= 3 for batch in batches)
    assert sum(batch.moved for batch in batches) == len(older)
    assert list(vault.phones(AFTER).values()) == phones
    assert keys.count_by_key(vault.pool, column) == {"b": 30}


@pytest.mark.parametrize("column", ENCRYPTED, ids=lambda column: column.name)
def test_each_statement_reads_one_page_of_its_table(vault: Vault, column: keys.EncryptedColumn) -> None:
    """As above; by the primary key, for what a filter passes over is read as well."""
    for statement, parameters in (
        (keys.SELECT_PAGE_END, (0, 4)),
        (keys.SELECT_OLDER, (0, 4, 1, b"", 3)),
        (keys.COUNT_BY_KEY, (0, 4)),
    ):
        with vault.pool.connection() as connection:
            connection.execute("SET LOCAL enable_seqscan = off")  # it is empty
            rows = connection.execute(f"EXPLAIN {column.sql(statement)}", parameters).fetchall()
        plan = "\n".join(row[0] for row in rows)
        assert f"{column.table}_pkey" in plan, plan
        assert "Index Cond: ((id > " in plan or statement == keys.SELECT_PAGE_END, plan


def store_tokens_and_payments(vault: Vault, user_id: int) -> None:
    """Tokens and payments as other issues will store them, under the old key."""

    def seal(text: str, where: str) -> bytes:
        return BEFORE.encrypt(text.encode(), where, os.urandom(NONCE_BYTES))

    for n, refresh in ((1, seal("refresh 1", "oauth_tokens:1:refresh_token")), (2, None)):
        vault.sql(
            "INSERT INTO oauth_tokens (id, user_id, provider, access_token, refresh_token) VALUES (%s, %s, %s, %s, %s)",
            n, user_id, f"p{n}", seal(f"access {n}", f"oauth_tokens:{n}:access_token"), refresh,
        )  # fmt: skip
    for n, metadata in (
        (1, {"receipt": "r", "encrypted": seal("card", "payments:1:metadata").hex()}),
        (2, {"encrypted": "not ours"}),
        (3, {"receipt": "r"}),
        (4, None),
    ):
        vault.sql(
            """INSERT INTO payments (id, payer_id, receiver_id, amount, status, metadata)
            VALUES (%s, %s, %s, 1, 'PENDING', %s)""",
            n, user_id, user_id, Jsonb(metadata) if metadata else None,
        )  # fmt: skip
    vault.sql(
        """INSERT INTO payment_webhooks (provider, body_hash, event_type, headers, payload_encrypted, is_verified)
        VALUES ('TOSS', %s, 'PAYMENT_STATUS_CHANGED', '{}', %s, FALSE)""",
        BODY_HASH, seal("body", place_of_payload("TOSS", BODY_HASH)),
    )  # fmt: skip
    vault.sql(
        "INSERT INTO payment_refunds (payment_id, key, actor_id, amount, reason_encrypted) VALUES (1, %s, %s, 1, %s)",
        REFUND_KEY, user_id, seal("reason", place_of_reason(REFUND_KEY)),
    )  # fmt: skip


def check_tokens_and_payments(vault: Vault) -> None:
    """They say what they said, under the new key, and what was not encrypted is as it was."""
    tokens = vault.sql("SELECT id, access_token, refresh_token FROM oauth_tokens ORDER BY id")
    for n, access, refresh in tokens:
        assert AFTER.decrypt(access, f"oauth_tokens:{n}:access_token") == f"access {n}".encode()
        assert refresh is None or AFTER.decrypt(refresh, f"oauth_tokens:{n}:refresh_token") == b"refresh 1"
    first, *others = [row[0] for row in vault.sql("SELECT metadata FROM payments ORDER BY id")]
    assert AFTER.decrypt(bytes.fromhex(first.pop("encrypted")), "payments:1:metadata") == b"card"
    assert [first, *others] == [{"receipt": "r"}, {"encrypted": "not ours"}, {"receipt": "r"}, None]
    ((payload, reason),) = vault.sql(
        "SELECT (SELECT payload_encrypted FROM payment_webhooks), (SELECT reason_encrypted FROM payment_refunds)"
    )
    assert AFTER.decrypt(payload, place_of_payload("TOSS", BODY_HASH)) == b"body"
    assert AFTER.decrypt(reason, place_of_reason(REFUND_KEY)) == b"reason"
