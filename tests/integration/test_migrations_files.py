"""The folders of migrations as they are read: pairs of files, versions, statements."""

from pathlib import Path

import pytest

from domain.errors import MigrationError
from stores.migrations import Step, steps_down, steps_up
from stores.migrations_files import read_folder, split
from tests.integration.databases import ROOT


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text("SELECT 1;")
    return folder


@pytest.mark.parametrize("folder", ["migrations", "cql"])
def test_versions_begin_at_1_without_gaps(folder: str) -> None:
    files = read_folder(ROOT / folder)
    assert [file.version for file in files] == list(range(1, len(files) + 1))


def test_a_file_without_its_other_direction_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, "000001_one.up.sql", "000001_one.down.sql", "000002_two.up.sql", "notes.sql")
    with pytest.raises(MigrationError, match="000002_two has no down file"):
        read_folder(folder)


def test_two_files_of_one_version_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, *(f"000001_{title}.{way}.sql" for title in ("a", "b") for way in ("up", "down")))
    with pytest.raises(MigrationError, match=r"000001_a\.up\.sql and 000001_b\.up\.sql .* have one version"):
        read_folder(folder)


def test_steps_go_from_version_to_version_though_numbers_have_gaps(tmp_path: Path) -> None:
    write(tmp_path, *(f"{version:06}_x.{way}.sql" for version in (1, 3, 7) for way in ("up", "down")))
    one, three, seven = files = read_folder(tmp_path)
    assert steps_up(files, 1) == [Step(three.up, 1, 3), Step(seven.up, 3, 7)]
    assert steps_down(files, 7, 2) == [Step(seven.down, 7, 3), Step(three.down, 3, 1)]
    assert steps_down(files, 3, 99) == [Step(three.down, 3, 1), Step(one.down, 1, 0)]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        ("-- only; this\n/* and;\nthis */ ;;\n", []),
        ("a; b", [(1, "a"), (1, "b")]),
        ("\n-- c;\na 'x;''y' \"z;\"\n;\nb", [(3, "a 'x;''y' \"z;\""), (5, "b")]),
        ("a $$ ; $x$ ; $$; b $x$ ; $$ ; $x$", [(1, "a $$ ; $x$ ; $$"), (1, "b $x$ ; $$ ; $x$")]),
        ("a /* ; */ -- ;\n b;", [(1, "a /* ; */ -- ;\n b")]),
    ],
)
def test_a_semicolon_ends_a_statement_unless_it_is_quoted(text: str, statements: list[tuple[int, str]]) -> None:
    assert [(statement.line, statement.text) for statement in split(text)] == statements
