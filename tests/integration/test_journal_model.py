"""P2, P3. The journal's `append` and `seed` against a model, in whatever order people and losses come."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.entries import Entry, read_entry
from domain.ids import MessageId
from domain.operations import Edit
from domain.submissions import Receipt, Rejection, Submission
from local.stack import Stack
from stores.journal import CLOCK, SeedNeeded, register
from tests.journals import Caller, asked, in_database, said

EVENTS = (7, 8)
MESSAGE = MessageId(1_764_000_000_000_000, 1, 99).uuid
AHEAD_US = 3_600_000_000


@dataclass(frozen=True)
class Asked:
    """One operation of a call."""

    event_id: int
    names_seq: int = 0
    client_id: str = ""
    text: str = ""

    @property
    def is_message(self) -> bool:
        return not self.names_seq

    def submission(self) -> Submission:
        if self.is_message:
            return said(self.event_id, self.text, client_id=self.client_id)
        return asked(Edit(self.event_id, MESSAGE, 42, ""), self.names_seq)


@dataclass
class Model:
    """What the journal must know, and the answers it must remember."""

    clock: int | None = 0
    last_version: int = 0
    seqs: dict[int, int] = field(default_factory=lambda: dict.fromkeys(EVENTS, 0))
    """The true last seq of each event."""
    lost: set[int] = field(default_factory=lambda: set(EVENTS))
    """Events whose register has to be seeded first."""
    answered: dict[tuple[int, str], tuple[str, Receipt]] = field(default_factory=dict)
    taken: list[tuple[int, int]] = field(default_factory=list)
    """(event, seq) of all that was taken, in order."""


messages = st.builds(
    Asked, st.sampled_from(EVENTS), client_id=st.sampled_from(["", "a", "b", "c"]), text=st.sampled_from(["하나", "둘"])
)
changes = st.builds(Asked, st.sampled_from(EVENTS), names_seq=st.integers(1, 5))


calls = st.lists(st.one_of(messages, messages, changes), min_size=1, max_size=6)


class JournalMachine(RuleBasedStateMachine):
    """Each rule does one thing to the journal and to the model, and compares what they answer."""

    caller: Caller

    def __init__(self) -> None:
        super().__init__()
        self.caller.start_anew()
        self.model = Model()
        for event_id in EVENTS:
            self.make_register_good(event_id)

    @rule(group=calls)
    def append(self, group: list[Asked]) -> None:
        model = self.model
        new = {one.event_id for one in group if (one.event_id, one.client_id) not in model.answered}
        missing = new & model.lost
        clock_missing = bool(new) and model.clock is None
        submissions = [one.submission() for one in group]
        if missing or clock_missing:
            with pytest.raises(SeedNeeded) as needed:
                self.caller.append(*submissions)
            assert (set(needed.value.event_ids), needed.value.clock) == (missing, clock_missing)
            return
        for one, answer in zip(group, self.caller.append(*submissions).answers, strict=True):
            self.compare(one, answer)

    def compare(self, one: Asked, answer: Receipt | Rejection) -> None:
        model = self.model
        key = (one.event_id, one.client_id)
        if one.client_id and key in model.answered:
            text, first = model.answered[key]
            assert answer == (first if text == one.text else Rejection.CONFLICT)
        elif one.names_seq > model.seqs[one.event_id]:
            assert answer is Rejection.BEYOND
        else:
            assert isinstance(answer, Receipt)
            assert model.clock is not None
            assert answer.version > model.clock
            model.clock = model.last_version = answer.version
            if one.is_message:
                model.seqs[one.event_id] += 1
            assert answer.seq == (model.seqs[one.event_id] if one.is_message else 0)
            model.taken.append((one.event_id, answer.seq))
            if one.client_id:
                model.answered[key] = (one.text, answer)

    @rule(group=calls)
    def append_in_the_end(self, group: list[Asked]) -> None:
        """As ingest does: what is missing is made good, and the call made again."""
        self.make_clock_good()
        for event_id in EVENTS:
            self.make_register_good(event_id)
        self.append(group)

    @rule(event_id=st.sampled_from(EVENTS))
    def make_register_good(self, event_id: int) -> None:
        """Other stores know the true last seq; where nothing was lost they may know less."""
        last = self.model.seqs[event_id]
        assert self.caller.seed(event_id, last if event_id in self.model.lost else 0) == [b"OK", last]
        self.model.lost.discard(event_id)

    @rule(event_id=st.sampled_from(EVENTS), wholly=st.booleans())
    def lose_register(self, event_id: int, wholly: bool) -> None:
        """It expired, or is of another run of Redis: then it may lag behind the other stores."""
        if wholly:
            self.caller.redis.delete(register(event_id))
        elif self.caller.redis.exists(register(event_id)):
            self.caller.redis.hset(register(event_id), mapping={"i": "0" * 40, "s": 0})
        self.model.lost.add(event_id)

    @rule()
    def lose_clock(self) -> None:
        self.caller.redis.delete(CLOCK)
        self.model.clock = None

    def make_clock_good(self) -> None:
        """From its note, plus one sweep's time: past all versions given."""
        if self.model.clock is None:
            self.model.clock = self.model.last_version + AHEAD_US
            self.caller.redis.set(CLOCK, self.model.clock, nx=True)

    @rule(client_id=st.sampled_from("abc"), event_id=st.sampled_from(EVENTS))
    def forget_answer(self, client_id: str, event_id: int) -> None:
        """Its time is over."""
        if self.model.answered.pop((event_id, client_id), None):
            self.caller.redis.delete(said(event_id, client_id=client_id).idempotency_key)

    @invariant()
    def the_stream_holds_what_was_taken_and_nothing_else(self) -> None:
        entries = [read_entry(entry_id, fields) for entry_id, fields in self.caller.entries()]
        placed = [p for entry in entries if isinstance(entry, Entry) for p in entry.operations]
        assert [(p.operation.event_id, p.seq) for p in placed] == self.model.taken
        versions = [p.version for p in placed]
        assert versions == sorted(set(versions))

    @invariant()
    def seqs_have_no_gap(self) -> None:
        for event_id, last in self.model.seqs.items():
            seqs = [seq for event, seq in self.model.taken if event == event_id and seq]
            assert seqs == list(range(1, last + 1))


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    made = Caller(in_database(stack.env["TIMINGLE_JOURNAL_URLS"], 2))
    yield made
    made.close()


def test_the_journal_does_as_its_model_says(caller: Caller) -> None:
    machine = type("Machine", (JournalMachine,), {"caller": caller})
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=30))
