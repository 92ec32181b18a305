"""`timingle audit`: whoever alters a history in one store is found, and which entry, and how (P6)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import psycopg
import pytest

from bench.confirmed_events import make_confirmed, make_users
from cli import audit as commands
from cli.exit_codes import ExitCode
from domain.errors import BadInput, NotThere
from domain.history import Entry, chain
from domain.history_verify import FaultKind
from reports.signing_key import SigningKey
from stores import history_copy, history_outbox
from tasks.audit import Place, audit, check, read, refill, refillable
from tasks.history import relay_all
from tests.audit_reports import REPORT_ID, report, with_event
from tests.integration.chained import Connection, read_chain, read_event
from tests.integration.own import Own, rows_of, saying
from tests.integration.tampering import unguarded
from tests.signed_reports import drawn, ours, signed

LENGTH: Final = 6
"""CREATED, three who take part, CONFIRMED, DONE."""
KEY: Final = "event_id = {} AND changed_at = {} AND change_id = {}"
INSERT_REPORT: Final = f"""
    INSERT INTO audit_reports (id, event_id, requested_by, language, history_length, history_head, status, object_key,
        sha256, size_bytes, expires_at)
    SELECT {REPORT_ID}, id, creator_id, 'ko', history_length, %s, 'ready', 'key', %s, 1, now()
    FROM events WHERE id = %s"""
Found = tuple[int, Place, FaultKind]


@dataclass(frozen=True)
class Target:
    """An event whose history is whole, and those who may alter it."""

    own: Own
    owner: Connection
    event_id: int

    @property
    def entries(self) -> list[Entry]:
        return read_chain(self.owner, self.event_id)

    def in_scylla(self, seq: int, sets: str) -> None:
        """Set cells of an entry."""
        self.own.cql(f"UPDATE event_history SET {sets} WHERE {self.key(seq)}")

    def in_postgres(self, seq: int, sets: str) -> None:
        """Set columns of an entry."""
        self.run(f"UPDATE event_history_outbox SET {sets} WHERE event_id = {self.event_id} AND chain_seq = {seq}")

    def run(self, *statements: str) -> None:
        """In PostgreSQL, without triggers."""
        with unguarded(self.owner):
            for statement in statements:
                self.owner.execute(statement.replace("%", "%%"))

    def key(self, seq: int) -> str:
        """Where an entry stands in ScyllaDB."""
        entry = self.entries[seq - 1]
        return KEY.format(self.event_id, int(entry.changed_at.timestamp() * 1_000), entry.change_id)

    def write(self, *entries: Entry) -> None:
        """Rows in ScyllaDB, over whatever is there."""
        history_copy.overwrite(self.own.stores.scylla, entries, datetime.now(UTC))

    def found(self, receipts: dict[int, bytes] | None = None) -> list[Found]:
        """What an audit finds."""
        _, findings = audit(self.own.stores, self.event_id, receipts or {})
        return [(fault.chain_seq, place, fault.kind) for place, fault in findings]


@pytest.fixture(scope="module")
def owner(own_stores: Own) -> Iterator[Connection]:
    with psycopg.connect(own_stores.env["TIMINGLE_POSTGRES_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def target(own: Own, owner: Connection) -> Target:
    owner.execute("UPDATE event_history_outbox SET relayed_at = now() WHERE relayed_at IS NULL")
    (event_id,) = make_confirmed(owner, make_users(owner, 3), 1, -60)
    owner.execute("SELECT complete_if_due(%s)", (event_id,))
    own.stores.groups[0].prepare()
    own.append(saying(event_id, "안녕"))  # makes the chat's register: the relay may not, so soon after Redis's start
    own.stores.groups[0].set_bell()
    assert relay_all(own.stores) == LENGTH
    return Target(own, owner, event_id)


def swap_in_scylla(target: Target) -> None:
    """Two entries under each other's keys."""
    keys = ("changed_at", "change_id", "chain_seq")
    second, fourth = target.entries[1], target.entries[3]
    for entry, other in ((second, fourth), (fourth, second)):
        target.write(msgspec.structs.replace(entry, **{key: getattr(other, key) for key in keys}))


def swap_in_postgres(target: Target) -> None:
    """The same."""
    where = f"WHERE event_id = {target.event_id} AND chain_seq"
    target.run(
        f"UPDATE event_history_outbox SET chain_seq = 99 {where} = 2",
        f"UPDATE event_history_outbox SET chain_seq = 2 {where} = 4",
        f"UPDATE event_history_outbox SET chain_seq = 4 {where} = 99",
    )


def chain_beyond_the_end(target: Target) -> Entry:
    """An entry that follows the last one, as nobody made it."""
    last = target.entries[-1]
    hashed = last.hashed_bytes.replace(f'"chain_seq" : {LENGTH}'.encode(), f'"chain_seq" : {LENGTH + 1}'.encode())
    return msgspec.structs.replace(
        last,
        chain_seq=LENGTH + 1,
        changed_at=last.changed_at + timedelta(seconds=1),
        prev_hash=last.entry_hash,
        hashed_bytes=hashed,
        entry_hash=chain(last.entry_hash, hashed),
    )


def cut_off_everywhere_but_in_scylla(target: Target) -> None:
    """The last entry never was, says PostgreSQL."""
    head = target.entries[LENGTH - 2].entry_hash.hex()
    target.run(
        f"DELETE FROM event_history_outbox WHERE event_id = {target.event_id} AND chain_seq = {LENGTH}",
        f"""UPDATE events SET history_length = {LENGTH - 1}, history_head = '\\x{head}', status = 'CONFIRMED'
            WHERE id = {target.event_id}""",
    )


S, P = Place.SCYLLA, Place.POSTGRES
TAMPERINGS: Final[dict[str, tuple[Callable[[Target], None], list[Found]]]] = {
    "scylla, a value": (lambda t: t.in_scylla(5, "new_value = '\"DONE\"'"), [(5, S, FaultKind.ALTERED_COLUMN)]),
    "scylla, a name": (lambda t: t.in_scylla(2, "actor_name = 'x'"), [(2, S, FaultKind.ALTERED_COLUMN)]),
    "scylla, a salt": (lambda t: t.in_scylla(1, "salts = {'title': 0x00}"), [(1, S, FaultKind.ALTERED_COLUMN)]),
    "scylla, bytes": (lambda t: t.in_scylla(3, "hashed_bytes = 0x7b7d"), [(3, S, FaultKind.ALTERED_BYTES)]),
    "scylla, bytes and their hash": (
        lambda t: t.write(msgspec.structs.replace(t.entries[2], hashed_bytes=b"{}", entry_hash=chain(b"", b"{}"))),
        [(3, S, FaultKind.ALTERED_BYTES)],
    ),
    "scylla, an entry taken out": (
        lambda t: t.own.cql(f"DELETE FROM event_history WHERE {t.key(2)}"),
        [(2, S, FaultKind.MISSING)],
    ),
    "scylla, the end cut off": (
        lambda t: t.own.cql(f"DELETE FROM event_history WHERE {t.key(LENGTH)}"),
        [(LENGTH, S, FaultKind.TRUNCATED)],
    ),
    "scylla, one too many": (
        lambda t: t.write(chain_beyond_the_end(t)),
        [(LENGTH + 1, S, FaultKind.EXTRA)],
    ),
    "scylla, exchanged": (swap_in_scylla, [(2, S, FaultKind.REORDERED), (4, S, FaultKind.REORDERED)]),
    "scylla, all gone": (
        lambda t: t.own.cql(f"DELETE FROM event_history WHERE event_id = {t.event_id}"),
        [(1, S, FaultKind.TRUNCATED)],
    ),
    "postgres, a value": (lambda t: t.in_postgres(5, "new_value = '\"DONE\"'"), [(5, P, FaultKind.ALTERED_COLUMN)]),
    "postgres, a salt": (lambda t: t.in_postgres(1, 'salts = \'{"title": "zz"}\''), [(1, P, FaultKind.ALTERED_COLUMN)]),
    "postgres, bytes": (lambda t: t.in_postgres(3, "hashed_bytes = '{}'"), [(3, P, FaultKind.ALTERED_BYTES)]),
    "postgres, an entry taken out": (
        lambda t: t.run(f"DELETE FROM event_history_outbox WHERE event_id = {t.event_id} AND chain_seq = 3"),
        [(3, P, FaultKind.MISSING)],
    ),
    "postgres, the beginning taken out": (
        lambda t: t.run(f"DELETE FROM event_history_outbox WHERE event_id = {t.event_id} AND chain_seq < 3"),
        [(1, P, FaultKind.MISSING), (2, P, FaultKind.MISSING)],
    ),
    "postgres, all gone": (
        lambda t: t.run(f"DELETE FROM event_history_outbox WHERE event_id = {t.event_id}"),
        [(seq, P, FaultKind.MISSING) for seq in range(1, LENGTH + 1)],
    ),
    "postgres, the end cut off": (
        lambda t: t.run(f"DELETE FROM event_history_outbox WHERE event_id = {t.event_id} AND chain_seq = {LENGTH}"),
        [(LENGTH, P, FaultKind.TRUNCATED)],
    ),
    "postgres, the end and the head": (cut_off_everywhere_but_in_scylla, [(LENGTH, S, FaultKind.EXTRA)]),
    "postgres, exchanged": (swap_in_postgres, [(2, P, FaultKind.REORDERED), (4, P, FaultKind.REORDERED)]),
    "postgres, the present row": (
        lambda t: t.run(f"UPDATE events SET title = 'x' WHERE id = {t.event_id}"),
        [(LENGTH, P, FaultKind.PRESENT_ROW)],
    ),
    "postgres, a participant": (
        lambda t: t.run(f"DELETE FROM event_participants WHERE event_id = {t.event_id}"),
        [(LENGTH, P, FaultKind.PRESENT_ROW)],
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_was_altered_in_one_store_is_named_with_its_store_and_kind(target: Target, tampering: str) -> None:
    """P6. The first bad entry first."""
    assert target.found() == []
    tamper, expected = TAMPERINGS[tampering]
    tamper(target)
    assert target.found() == expected


def test_what_is_yet_to_be_relayed_is_no_fault(target: Target) -> None:
    """P6."""
    target.own.cql(f"DELETE FROM event_history WHERE {target.key(LENGTH)}")
    target.run(
        f"UPDATE event_history_outbox SET relayed_at = NULL WHERE event_id = {target.event_id} AND chain_seq = {LENGTH}"
    )
    assert target.found() == []


@pytest.mark.parametrize("first_kept", [3, LENGTH + 1])
def test_what_was_kept_for_long_enough_and_trimmed_is_no_fault(target: Target, first_kept: int) -> None:
    """P6."""
    target.run(f"DELETE FROM event_history_outbox WHERE event_id = {target.event_id} AND chain_seq < {first_kept}")
    history = read(target.own.stores, target.event_id)
    in_35_days = datetime.now(UTC) + timedelta(days=35)
    assert check(history, in_35_days, {}) == []
    assert len(check(history, in_35_days - timedelta(hours=1), {})) == first_kept - 1


def test_a_receipt_holds_against_whoever_has_both_stores(target: Target) -> None:
    """P6. Cut off in both, and the head with it, the chain is whole again to all but who has a receipt."""
    receipt = {LENGTH: target.entries[-1].entry_hash}
    assert target.found(receipt) == []
    target.own.cql(f"DELETE FROM event_history WHERE {target.key(LENGTH)}")
    cut_off_everywhere_but_in_scylla(target)
    assert target.found() == []
    assert target.found(receipt) == [(LENGTH, place, FaultKind.TRUNCATED) for place in (P, S)]
    other = {LENGTH - 1: receipt[LENGTH]}
    assert target.found(other) == [(LENGTH - 1, place, FaultKind.ALTERED_BYTES) for place in (P, S)]
    said = target.own.timingle(
        "audit", "verify", str(target.event_id), "--receipt", f"{LENGTH}:{receipt[LENGTH].hex()}"
    )
    assert "Without the receipts it is whole" in said.stdout


def test_the_command_names_what_is_wrong_and_refills_what_postgresql_keeps(target: Target) -> None:
    """P6."""
    own, event = target.own, str(target.event_id)
    said = own.output_of("audit", "verify", event)
    head = read_event(target.owner, target.event_id).history_head
    assert f"{LENGTH} in ScyllaDB, 0 yet to be relayed, {LENGTH} kept in PostgreSQL." in said
    assert f"Whole. Its head: {head}\n" in said
    target.in_scylla(2, "actor_name = '카나리아'")
    own.cql(f"DELETE FROM event_history WHERE {target.key(4)}")
    ended = own.timingle("audit", "verify", event, "--receipt", f"{LENGTH}:{head}")
    assert ended.returncode == ExitCode.NOT_WHOLE, ended
    table = ended.stdout.partition("\n")[2]
    assert [row[:3] for row in rows_of(table)[:2]] == [
        ["2", "ScyllaDB", "altered column"],
        ["4", "ScyllaDB", "missing"],
    ]
    assert "카나리아" not in ended.stdout + ended.stderr
    assert "Without the receipts" not in ended.stdout
    refilled = own.timingle("audit", "refill", event)
    assert (refilled.returncode, refilled.stdout) == (0, f"{LENGTH} entries written, 0 refused\n"), refilled
    assert target.found() == []


def test_what_was_altered_in_postgresql_is_not_written_over_the_last_good_copy(target: Target) -> None:
    """P6."""
    target.in_postgres(2, "actor_name = '카나리아'")
    target.in_postgres(3, "hashed_bytes = '카나리아'")
    altered = [(2, P, FaultKind.ALTERED_COLUMN), (3, P, FaultKind.ALTERED_BYTES)]
    assert target.found() == altered
    refilled = target.own.timingle("audit", "refill", str(target.event_id))
    assert refilled.returncode == ExitCode.NOT_WHOLE, refilled
    assert f"{LENGTH - 2} entries written, 0 refused\n2 altered in PostgreSQL" in refilled.stdout
    assert f"Entry 2 of event {target.event_id} is altered in PostgreSQL" in refilled.stderr
    assert "카나리아" not in refilled.stdout + refilled.stderr
    assert target.found() == altered


def test_a_file_is_compared_with_what_is_on_record(target: Target, tmp_path: Path) -> None:
    """P9. Without settings it is checked for itself, and that is said; with them our own certificate is known."""
    own, file, certificate = target.own, tmp_path / "report.pdf", tmp_path / "timingle.pem"
    key, of_target = SigningKey.load(own.env["TIMINGLE_SIGNING_KEY"]), report(entries=target.entries)
    file.write_bytes(signed(drawn(with_event(of_target, id=target.event_id)), key))
    target.owner.execute(INSERT_REPORT, (of_target.chain.head, sha256(file.read_bytes()).digest(), target.event_id))
    assert "WHOLE: not a byte was changed" in own.output_of("audit", "verify", str(file))
    certificate.write_text(key.certificates_pem)
    said = Own({}, own.stores).output_of("audit", "verify", str(file), "--certificate", str(certificate))
    assert said.startswith("Not compared with what is on record: Not set: TIMINGLE_POSTGRES_URL")
    file.write_bytes(signed(drawn(with_event(of_target, id=target.event_id)), key))
    cut_off_everywhere_but_in_scylla(target)
    ended = own.timingle("audit", "verify", str(file))
    assert ended.returncode == ExitCode.NOT_WHOLE, ended
    assert f"step 11: entry {LENGTH} in PostgreSQL: not what is on record (truncated" in ended.stdout
    assert "step 11: the file: not what is on record (SHA-256)" in ended.stdout, "made again it is another file"
    file.write_bytes(signed(drawn(with_event(of_target, id=999_999_999)), ours()))
    ended = own.timingle("audit", "verify", str(file))
    assert "step 11: the file: not what is on record (no such report)" in ended.stdout
    assert "step 11: There is no event 999999999.: not what is on record" in ended.stdout


def test_a_signing_key_is_made_once_in_a_file_that_only_its_owner_reads(own: Own, tmp_path: Path) -> None:
    """P9."""
    file = tmp_path / "signing.pem"
    said = own.output_of("keys", "signing", "create", str(file), "--name", "살롱")
    key = SigningKey.load(str(file))
    assert said.splitlines()[0] == f"TIMINGLE_SIGNING_KEY={file}"
    assert key.fingerprint in said
    assert file.stat().st_mode & 0o777 == 0o600
    assert key.certificate.subject.rfc4514_string() == "CN=살롱"
    code, line = own.failure_of("keys", "signing", "create", str(file), "--name", "살롱")
    assert (code, "File exists" in line) == (ExitCode.WRONG_USAGE, True)
    with_key = Own({**own.env, "TIMINGLE_SIGNING_KEY": str(file)}, own.stores)
    assert with_key.output_of("keys", "signing", "certificate") == key.certificates_pem


def test_all_histories_are_refilled_and_what_a_person_had_erased_stays_so(target: Target) -> None:
    """P6. A restored ScyllaDB may still have it."""
    target.own.cql("TRUNCATE event_history")
    target.write(*target.entries)
    target.owner.execute(
        "UPDATE event_history_outbox SET metadata = metadata - 'title', salts = salts - 'title' WHERE event_id = %s",
        (target.event_id,),
    )
    written = sum(done.entries for done in refill(target.own.stores, None))
    assert written == history_outbox.count(target.own.stores.postgres)
    assert history_copy.of_event(target.own.stores.scylla, target.event_id) == target.entries
    assert target.entries[0].metadata == {}


@pytest.mark.parametrize("page", [1, 4, LENGTH, LENGTH + 1])
def test_a_history_is_counted_and_refilled_a_page_at_a_time_and_no_other(
    target: Target, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """P6. One of 100,000 entries would fill the memory."""
    (other,) = make_confirmed(target.owner, make_users(target.owner, 3), 1, 60)
    assert other > target.event_id, "it follows in the order of keys"
    with monkeypatch.context() as patched:
        patched.setattr(history_outbox, "_read", None)
        assert refillable(target.own.stores, target.event_id) == LENGTH
    target.own.cql("TRUNCATE event_history")
    monkeypatch.setattr(history_outbox, "PAGE_ROWS", page)
    written = [done.entries for done in refill(target.own.stores, target.event_id)]
    assert (sum(written), max(written)) == (LENGTH, min(page, LENGTH))
    assert history_copy.of_event(target.own.stores.scylla, target.event_id) == target.entries
    assert history_copy.of_event(target.own.stores.scylla, other) == []


def test_what_cannot_be_done_is_said_in_one_line(own: Own) -> None:
    assert own.failure_of("audit", "refill", "999999999") == (ExitCode.FAILED, "timingle: There is no event 999999999.")
    with pytest.raises(NotThere):
        audit(own.stores, 999_999_999, {})
    for event_id, every in ((None, False), (1, True)):
        with pytest.raises(BadInput):
            commands.refill(event_id, every)
    for receipt in ("1", "1:zz", "0:" + "0" * 64, "1:" + "0" * 63):
        with pytest.raises(BadInput):
            commands.verify("1", [receipt])
