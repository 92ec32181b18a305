"""timingle dead-letters: operations that could not be applied, shown by their ids."""

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec
import typer

from cli.exit_codes import ExitCode
from cli.opened import migrated
from cli.tables import cell, print_table
from domain.entries import Entry
from domain.errors import BadInput, NotThere
from domain.operations import KINDS
from stores import dead_letters
from stores.connections import Stores
from stores.dead_letters import DeadLetter, State
from tasks.replay import Replay

SHOWN_MAX: Final = 100
"""A screen or two; --all shows the rest."""


Ids = Annotated[list[int], typer.Argument(metavar="ID...", min=1)]
app = typer.Typer(no_args_is_help=True, help="Operations that could not be applied: look, mend the cause, replay.")


@app.command(name="list")
def show_list(
    state: Annotated[list[State] | None, typer.Option(help="Only these; may be given more than once.")] = None,
    every: Annotated[bool, typer.Option("--all", help=f"All of them, not only the newest {SHOWN_MAX}.")] = False,
) -> None:
    """Show open dead letters (or those of a state), newest first: ids and causes, never a text."""
    states = state or [State.OPEN]
    with migrated() as stores:
        found = dead_letters.find(stores.postgres, states)
        while every and found and (older := dead_letters.find(stores.postgres, states, before=found[-1].id)):
            found += older
    columns = ("id", "state", "kind", "cause", "event", "message", "seq", "actor", "since")
    print_table(columns, [row_of(letter) for letter in found])
    if not every and len(found) == SHOWN_MAX:
        print(f"These are the newest {SHOWN_MAX}; --all shows all.", file=sys.stderr)


@app.command()
def show(
    dead_letter_id: Annotated[int, typer.Argument(metavar="ID", min=1)],
    payload: Annotated[bool, typer.Option("--payload", help="What it asks for too: personal text.")] = False,
) -> None:
    """Show one dead letter by ids; with --payload also what it asks for, decrypted, as JSON."""
    with migrated() as stores:
        letter = dead_letters.get(stores.postgres, dead_letter_id)
        for name in ("id", "state", "kind", "cause_class", "cause_code", "event_id", "message_id", "seq", "actor_id",
                     "journal", "version", "entry_id", "created_at", "resolved_at"):  # fmt: skip
            print(f"{name:<12} {cell(getattr(letter, name))}")
        if payload:
            print("What follows is personal text: treat it so.", file=sys.stderr)
            print(payload_of(stores, letter))


@app.command()
def replay(
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID...")] = None,
    every: Annotated[bool, typer.Option("--all", help="All open ones.")] = False,
) -> None:
    """Store what dead letters ask for, once the cause is mended: each takes its place as if it had never failed.

    With a message goes what was asked of it since, in the order in which it was asked. One that is refused again stays
    open and says the cause. A letter is closed when it is sure to be on ScyllaDB's disk: TIMINGLE_JOURNAL_KEEP later.
    """
    if bool(ids) == every:
        raise BadInput("Say which: timingle dead-letters replay ID..., or --all.", "id")
    with migrated() as stores:
        replaying, refused = Replay(stores), 0
        for letters in dead_letters.all_open(stores.postgres) if every else [named(stores, ids or [])]:
            causes = replaying.store(letters)
            refused += len(causes)
            for dead_letter_id, codes in causes.items():
                print(f"{dead_letter_id}: refused again ({', '.join(sorted(codes))}); stays open")
        if replaying.stored:
            print(f"Written; waiting {stores.journal_keep_s:g} s until it is sure to be on disk.", file=sys.stderr)
        print(f"{len(replaying.close())} replayed, {refused} refused again")
    if refused:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def discard(ids: Ids) -> None:
    """Close dead letters for good, unapplied. A message that could not be stored stays a stub; payloads are kept."""
    with migrated() as stores:
        discarded = dead_letters.resolve(stores.postgres, ids, State.DISCARDED)
    if discarded:
        print(f"{len(discarded)} discarded")
    check_found(ids, discarded)


def named(stores: Stores, ids: Sequence[int]) -> list[DeadLetter]:
    """The open dead letters of these ids, and what was asked of their messages since. Raises NotThere."""
    letters = dead_letters.open_named(stores.postgres, ids)
    check_found(ids, (letter.id for letter in letters))
    return letters


def check_found(ids: Iterable[int], found: Iterable[int]) -> None:
    """Raises NotThere, naming those that were not found."""
    if missing := sorted({*ids} - {*found}):
        raise NotThere(f"No open dead letter {', '.join(map(str, missing))}; see `timingle dead-letters list`.")


def row_of(letter: DeadLetter) -> tuple[object, ...]:
    """A letter as the list shows it; its cause as class/code, such as refused/not_the_author."""
    cause = f"{letter.cause_class}/{letter.cause_code}"
    about = (letter.event_id, letter.message_id, letter.seq, letter.actor_id)
    return letter.id, letter.state, letter.kind, cause, *about, letter.created_at


def payload_of(stores: Stores, letter: DeadLetter) -> str:
    """What a letter asks for, as JSON: its operations, or an unreadable entry's fields with their bytes in base64."""
    entry = letter.entry(stores.keys)
    asked: object
    if isinstance(entry, Entry):
        asked = [{"kind": KINDS[type(o)]} | msgspec.structs.asdict(o) for o, *_ in entry.operations]
    else:
        asked = {name.decode("latin-1"): value for name, value in entry.fields.items()}
    return msgspec.json.format(msgspec.json.encode(asked)).decode()
