"""The fonts of audit PDFs are made once a machine, whoever comes first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.install import FONTS
from reports.faces import BOLD, FALLBACK
from reports.font_pinning import FontsNotMade, pinned

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All the fonts but the smallest."""
    for face, file in pinned(FONTS).items():
        if face.name != "Hebrew":
            os.link(file, tmp_path / file.name)
    return tmp_path


def test_those_who_come_at_once_make_a_missing_font_once(folder: Path) -> None:
    before = {file.name: file.stat().st_ino for file in folder.iterdir()}
    making = [sys.executable, "-m", "reports.font_pinning", str(folder)]
    at_once = [subprocess.Popen(making, cwd=ROOT) for _ in range(2)]
    assert [one.wait(60) for one in at_once] == [0, 0]
    files = pinned(folder)
    assert files.keys() == {*FALLBACK, BOLD}
    assert {file.name for file in folder.iterdir()} == {*(file.name for file in files.values()), "lock"}
    assert all((folder / name).stat().st_ino == inode for name, inode in before.items() if name != "lock")
    (made,) = {file for file in files.values() if file.name not in before}
    assert made.read_bytes() == next(file for face, file in pinned(FONTS).items() if face.name == "Hebrew").read_bytes()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FontsNotMade, match=r"python -m reports\.font_pinning"):
        pinned(tmp_path / "file" / "fonts")
