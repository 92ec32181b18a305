"""The files of `migrations/` and `cql/`: NNNNNN_title.up.ext and .down.ext, golang-migrate's convention."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from domain.errors import MigrationError

Direction = Literal["up", "down"]

NAME: Final = re.compile(r"(?P<version>\d+)_(?P<title>.+)\.(?P<direction>up|down)\.(?:sql|cql)")
BLANK: Final = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
# What may hold a semicolon that ends nothing, or a semicolon. A body in BEGIN ATOMIC … END is not understood.
TOKEN: Final = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | '[^']*' | "[^"]*" | (?P<quote>\$\w*\$).*?(?P=quote) | (?P<end>;)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file. Numbers and lines begin at 1, offsets (in characters) at 0."""

    number: int
    line: int
    begin: int
    text: str


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema, with the files that make it and undo it."""

    version: int
    title: str
    up: Path
    down: Path

    def path(self, direction: Direction) -> Path:
        return self.up if direction == "up" else self.down


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder by version. MigrationError if one lacks a direction or its version is taken."""
    found: dict[tuple[int, str], dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if name := NAME.fullmatch(path.name):
            found.setdefault((int(name["version"]), name["title"]), {})[name["direction"]] = path
    for (version, title), paths in found.items():
        if len(paths) < 2:
            raise MigrationError(f"{folder.name}/{version:06}_{title} has no {'down' if 'up' in paths else 'up'} file.")
    migrations = tuple(
        Migration(version, title, paths["up"], paths["down"]) for (version, title), paths in found.items()
    )
    for earlier, later in pairwise(migrations):
        if earlier.version == later.version:
            raise MigrationError(f"{earlier.up.name} and {later.up.name} in {folder.name} have one version.")
    return migrations


def split(text: str) -> tuple[Statement, ...]:
    """The statements of a file, without their semicolons and the comments before them."""
    ends = [token.start() for token in TOKEN.finditer(text) if token["end"]]
    statements: list[Statement] = []
    for begin, end in zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True):
        blank = BLANK.match(text, begin)
        first = blank.end() if blank else begin
        if first < end:
            line = text.count("\n", 0, first) + 1
            statements.append(Statement(len(statements) + 1, line, first, text[first:end].rstrip()))
    return tuple(statements)
