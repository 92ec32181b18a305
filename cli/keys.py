"""timingle keys: move all that is encrypted, and the index of phone numbers, to the newest keys; signing keys."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli import signing_keys
from cli.exit_codes import ExitCode
from cli.opened import migrated
from cli.tables import print_table
from stores import keys, keys_index
from stores.connections import Stores
from stores.keys import Batch

INDEX: Final = "users.phone_hash"
IDS_SHOWN_MAX: Final = 10
Verdict = tuple[bool, str]
"""Whether all is well, and a sentence."""

app = typer.Typer(
    no_args_is_help=True,
    help="The keys of what is encrypted at rest, of the phone numbers' index, and of audit PDFs.",
)
app.add_typer(signing_keys.app, name="signing")


@dataclass(slots=True)
class Moved:
    """What became of a column."""

    moved: int = 0
    unreadable: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)


@app.command()
def rotate() -> None:
    """Move everything to the first of TIMINGLE_DATA_KEYS and the first of TIMINGLE_INDEX_KEY.

    May run while everything runs, be killed and be run again. At the end it says which keys are no longer in use. Give
    the new keys to every process first: docs/operations.md tells how, step by step.
    """
    with migrated() as stores:
        moved = dict(move_all(stores))
        verdicts = [*left_behind(moved), *data_keys_in_use(stores), *index_keys_in_use(stores)]
    print_table(("value", "moved"), [(name, done.moved) for name, done in moved.items()])
    for _, sentence in verdicts:
        print(sentence)
    if not all(is_well for is_well, _ in verdicts):
        raise typer.Exit(ExitCode.FAILED)


def move_all(stores: Stores) -> Iterator[tuple[str, Moved]]:
    """Move one column after another, showing how far it is."""
    pool, ring = stores.postgres, stores.keys
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for column in keys.ENCRYPTED:
            held = keys.count_by_key(pool, column)
            older = held.total() - held[ring.newest]
            yield column.name, watched(progress, column.name, older, keys.move(pool, ring, column))
        phones = keys_index.move(pool, ring, stores.index_keys)
        yield INDEX, watched(progress, INDEX, keys_index.count_users(pool), phones)


def watched(progress: Progress, name: str, total: int, batches: Iterable[Batch]) -> Moved:
    """What became of all batches, shown as they come."""
    task, done = progress.add_task(name, total=total), Moved()
    for batch in batches:
        progress.advance(task, batch.seen)
        done.moved += batch.moved
        done.unreadable += batch.unreadable
        done.doubled += batch.doubled
    return done


def left_behind(moved: dict[str, Moved]) -> Iterator[Verdict]:
    """What could not be moved."""
    for name, done in moved.items():
        if done.unreadable:
            yield False, f"{name}: no key of TIMINGLE_DATA_KEYS decrypts {rows(done.unreadable)}."
        if done.doubled:
            yield False, f"{name}: the number of {rows(done.doubled)} is another user's too; `timingle users find`."


def data_keys_in_use(stores: Stores) -> Iterator[Verdict]:
    """How much is under each data key now."""
    held = sum((keys.count_by_key(stores.postgres, column) for column in keys.ENCRYPTED), Counter[str]())
    for key_id in stores.keys.keys:
        yield verdict(f"Data key {key_id}", "TIMINGLE_DATA_KEYS", held.pop(key_id, 0), key_id == stores.keys.newest)
    for key_id, count in sorted(held.items()):
        name = f"data key {key_id}, which is not in TIMINGLE_DATA_KEYS" if key_id else "no key"
        yield False, f"{count:,} values are under {name}."


def index_keys_in_use(stores: Stores) -> Iterator[Verdict]:
    """How many phone numbers are found under each index key now."""
    held = keys_index.count_by_key(stores.postgres, stores.keys, stores.index_keys)
    # A number that cannot be read may be under any of them.
    unknown = held[keys_index.UNKNOWN]
    yield verdict("Index key 1", "TIMINGLE_INDEX_KEY", held[0], True)
    for place in range(1, len(stores.index_keys)):
        yield verdict(f"Index key {place + 1}", "TIMINGLE_INDEX_KEY", held[place] + unknown, False)


def verdict(key: str, variable: str, count: int, is_newest: bool) -> Verdict:
    """Whether a key may go."""
    if is_newest:
        return True, f"{key} is the newest: {count:,} values."
    if not count:
        return True, f"{key} is no longer in use: take it out of {variable}."
    return False, f"{key} is still in use: {count:,} values. Run this again once every process has the new keys."


def rows(ids: Sequence[int]) -> str:
    """Rows by their ids, the first of them if there are many."""
    shown = ", ".join(map(str, ids[:IDS_SHOWN_MAX]))
    return f"{len(ids):,} rows: {shown}" + (", …" if len(ids) > IDS_SHOWN_MAX else "")
