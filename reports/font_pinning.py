"""Variable fonts made into fonts of one weight, once a machine: reportlab cannot vary them, and varying takes seconds.

`python -m reports.font_pinning FOLDER` makes those that are not there yet; `make setup` runs it, and whoever comes
first if nobody has. It is a process of its own because it needs a few hundred MB for a moment.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fontTools import version as fonttools_version
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

from domain.errors import TimingleError
from reports.faces import BOLD, FALLBACK, Face

FORMAT: Final = 1
"""Raise it when fonts are to be made otherwise than before."""
UNUSED_TABLES: Final = ("GSUB", "GPOS", "GDEF", "BASE", "STAT", "vhea", "vmtx", "gasp", "DSIG")
"""What reportlab does not read; without them a font is smaller and sooner made."""


class FontsNotMade(TimingleError):
    """The fonts of the audit PDF could not be made; `python -m reports.font_pinning FOLDER` says why."""


def pinned(cache: Path) -> dict[Face, Path]:
    """The file of each face; made first, by one process at a time, if one is missing. Raises FontsNotMade."""
    files = {face: cache / _file_name(face) for face in (*FALLBACK, BOLD)}
    if not all(file.exists() for file in files.values()):
        made = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "reports.font_pinning", str(cache)],
            check=False,
            capture_output=True,
            cwd=Path(__file__).parents[1],
        )
        if made.returncode:
            raise FontsNotMade
    return files


def make_missing(cache: Path) -> None:
    """Make what is not there, two at a time; whoever comes second waits and finds it."""
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "lock"):
        missing = [face for face in (BOLD, *FALLBACK) if not (cache / _file_name(face)).exists()]
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            list(pool.map(_make, missing, [cache] * len(missing)))


def _make(face: Face, cache: Path) -> None:
    font = TTFont(face.source)
    for tag in UNUSED_TABLES:
        if tag in font:
            del font[tag]
    if face == BOLD:  # a Hanja in a heading is printed in the regular weight: a third less to make
        _keep_only(
            font, {code for code in font.getBestCmap() if not unicodedata.name(chr(code), "").startswith("CJK ")}
        )
    if face.name == "Chinese":  # beside the Korean one only the rest of it is ever asked for, about half
        with TTFont(FALLBACK[0].source, lazy=True) as korean:
            _keep_only(font, set(font.getBestCmap()) - set(korean.getBestCmap()))
    pinned_font = instantiateVariableFont(
        font,
        {axis.axisTag: face.weight if axis.axisTag == "wght" else axis.defaultValue for axis in font["fvar"].axes},
        inplace=True,
        optimize=False,
        # Without it both weights are named Thin, reportlab merges them, and bold prints as regular.
        updateFontNames=False,
    )
    _rename(pinned_font, face)
    unfinished = cache / f"{_file_name(face)}.{os.getpid()}"
    pinned_font.save(unfinished)
    unfinished.replace(cache / _file_name(face))


def _keep_only(font: TTFont, code_points: set[int]) -> None:
    subsetter = Subsetter(Options(notdef_outline=True, hinting=False, recalc_bounds=False))
    subsetter.populate(unicodes=code_points)
    subsetter.subset(font)


def _rename(font: TTFont, face: Face) -> None:
    """Give each font a PostScript name of its own: reportlab keeps them apart by it."""
    for record in font["name"].names:
        if record.nameID in (4, 6):
            record.string = f"{Path(face.file).stem.partition('[')[0]}-{face.weight}"


def _file_name(face: Face) -> str:
    """Another source, weight, way or maker makes another file."""
    made_of = f"{FORMAT} {fonttools_version} {face.file} {face.weight} {face.source.stat().st_size}"
    return f"{face.name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.ttf"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Held by one process at a time; the system lets go of it when that one dies."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    make_missing(Path(sys.argv[1]))
