"""What people see of the demo: the story line by line, and the table of what was asked and what is stored."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.rule import Rule
from rich.status import Status
from rich.table import Table
from rich.text import Text

from domain.korea import KOREA
from local.demo.api import Entry, History
from local.demo.script import Line, script
from reports.verifier import Verdict

WIDTH_IN_A_FILE: Final = 120
"""Where there is no terminal that says how wide it is: a log of CI."""
ENGLISH_FROM_WIDTH: Final = 100
"""Narrower, two languages beside each other would break into pieces."""
QUOTED_CHARACTERS_MAX: Final = 18
"""Korean is wide: this is a third of a line."""
FINDINGS_SHOWN_MAX: Final = 3
COLORS: Final = ("cyan", "magenta", "green")


class Row(NamedTuple):
    """One thing that was asked for, and what became of it."""

    what: str
    asked: str
    stored: str

    @property
    def ok(self) -> bool:
        return self.asked == self.stored


def quoted(text: str) -> str:
    """The beginning of a text."""
    return f"“{text}”" if len(text) <= QUOTED_CHARACTERS_MAX else f"“{text[:QUOTED_CHARACTERS_MAX].rstrip()}…”"


def described(entry: Entry, names: Mapping[int, str]) -> str:
    """What an entry says, in a few words."""
    match entry.field_name, entry.old_value, entry.new_value:
        case "participants", old, new:
            about = new if isinstance(new, dict) else old
            return names.get(about["user_id"], "somebody else") if isinstance(about, dict) else ""
        case ("start_time" | "end_time") as field, str() as old, str() as new:
            return f"{field} {clock(old)} → {clock(new)}"
        case "payments", _, dict() as new:
            refunded = f", {new['refunded_amount']} of it given back" if float(new["refunded_amount"]) else ""
            return f"{new['status']}: {new['amount']} {new['currency']}{refunded}"
        case None, _, dict() as new:
            return str(new.get("canceled_reason") or new.get("title") or "")
        case field, old, new:
            return f"{field} {old} → {new}"


def clock(moment: str) -> str:
    """The salon's time of day."""
    return f"{datetime.fromisoformat(moment).astimezone(KOREA):%H:%M}"


class Show:
    """Prints to standard output, in color where that is a terminal."""

    def __init__(self) -> None:
        in_file = not os.isatty(1) and "COLUMNS" not in os.environ
        self._console = Console(width=WIDTH_IN_A_FILE if in_file else None, emoji=False, highlight=False)

    def opening(self, url: str) -> None:
        """Who they are, and what about."""
        people = " · ".join(f"{person.name} {person.english}" for person in script().people)
        self._console.print(Rule("[bold]timingle[/]: two days at 살롱 바람 (Salon Baram)"))
        self._console.print(f"Each line is a call of the HTTP API at {url}. An accepted message is durable at once.")
        self._console.print(people, style="dim")
        for event in script().events:
            names = ", ".join(script().person(who).name for who in (event.creator, *event.participants))
            self._print(event.id, "", "", f"{event.title}: {names}", event.english)

    def day(self, name: str) -> None:
        """A day begins."""
        self._console.print(Rule(name, align="left"))

    def line(self, line: Line, what: str | Text, english: str = "", *, first: bool = True) -> None:
        """What somebody did; `first` unless it belongs to the line above."""
        self._print(line.event, line.at, script().person(line.who).name, what, english, first=first)

    def timeline(self, title: str, history: History, names: Mapping[int, str]) -> None:
        """An event's history, oldest first: when, who, what, and the beginning of each entry's hash."""
        self._console.print(Rule(f"The history of {title}: each entry's hash covers the one before", align="left"))
        grid = Table.grid(padding=(0, 1), expand=True)
        for width, style in ((3, "dim"), (12, "dim"), (9, "bold"), (24, "cyan")):
            grid.add_column(width=width, style=style)
        grid.add_column(ratio=1, overflow="fold")
        grid.add_column(width=8, style="dim")
        for entry in reversed(history.entries):
            at = f"{entry.changed_at.astimezone(KOREA):%H:%M:%S.%f}"[:-3]
            nobody = "provider" if entry.field_name == "payments" else "the clock"
            who, what = entry.actor_name or nobody, described(entry, names)
            grid.add_row(str(entry.chain_seq), at, who, entry.change_type, what, entry.entry_hash[:8])
        self._console.print(grid)

    def verdicts(self, title: str, file: Path, genuine: Verdict, tampered: Verdict) -> None:
        """What a verifier says of an audit PDF, and of a copy that somebody touched."""
        self._console.print(Rule(f"An audit PDF of {title}, for somebody who does not trust us", align="left"))
        self._console.print(Text(f"{file}", "bold"), soft_wrap=True)
        for what, verdict in (("as it came", genuine), ("a copy with one byte changed", tampered)):
            self._console.print(Text(f"{what}: ", "dim") + Text(verdict.bottom_line))
            for finding in verdict.findings[:FINDINGS_SHOWN_MAX]:
                self._console.print(Text(f"  {finding}", "yellow"))

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[Status]:
        """A line that moves while something is waited for."""
        with self._console.status(what) as status:
            yield status

    def result(self, rows: Sequence[Row], seconds: float) -> None:
        """The table, and the verdict."""
        wrong = sum(not row.ok for row in rows)
        table = Table(title=f"Read back through the API {seconds:.1f} s after the last call", title_justify="left")
        for column in ("", "What", "Asked", "Stored"):
            table.add_column(column, overflow="fold")
        for row in rows:
            verdict = Text("ok", "green") if row.ok else Text("differs", "bold red")
            table.add_row(verdict, row.what, row.asked, row.stored, style="" if row.ok else "red")
        self._console.print(table)
        if wrong:
            self._console.print(f"{wrong} of {len(rows)} rows differ from what was asked for.", style="bold red")
        else:
            self._console.print(f"All {len(rows)} rows agree: all is stored as it was asked for.", style="bold green")

    def _print(self, event_id: str, at: str, who: str, what: str | Text, english: str, *, first: bool = True) -> None:
        place = [event.id for event in script().appointments].index(event_id)
        grid = Table.grid(padding=(0, 1), expand=True)
        for width, style in ((5, "dim"), (4, COLORS[place % len(COLORS)]), (6, "bold")):
            grid.add_column(width=width, style=style)
        cells: list[str | Text] = [at, event_id, who, what] if first else ["", "", "", what]
        grid.add_column(ratio=6, overflow="fold")
        if english and self._console.width >= ENGLISH_FROM_WIDTH:
            grid.add_column(ratio=5, style="dim", overflow="fold")
            cells.append(english)
        grid.add_row(*cells)
        self._console.print(grid)
