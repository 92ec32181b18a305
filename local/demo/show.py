"""What people see of the demo: the story line by line, and the table of what was asked and what is stored."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import Console
from rich.rule import Rule
from rich.status import Status
from rich.table import Table
from rich.text import Text

from local.demo.script import Line, script

WIDTH_IN_A_FILE: Final = 120
"""Where there is no terminal that says how wide it is: a log of CI."""
ENGLISH_FROM_WIDTH: Final = 100
"""Narrower, two languages beside each other would break into pieces."""
QUOTED_CHARACTERS_MAX: Final = 18
"""Korean is wide: this is a third of a line."""
COLORS: Final = ("cyan", "magenta")


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
        place = [event.id for event in script().events].index(event_id)
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
