"""Makes the files that reports.font_pinning names: one weight of each variable font, no more of it than is printed."""

import fcntl
import os
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

from reports.faces import BOLD, FALLBACK, Face
from reports.font_pinning import file_name

UNUSED_TABLES: Final = ("GSUB", "GPOS", "GDEF", "BASE", "STAT", "vhea", "vmtx", "gasp", "DSIG")
"""What reportlab does not read; without them a font is smaller and sooner made."""


def make_missing(cache: Path) -> None:
    """Make what is not there, two at a time; whoever comes second waits and finds it."""
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "lock"):
        missing = [face for face in (BOLD, *FALLBACK) if not (cache / file_name(face)).exists()]
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            list(pool.map(_make, missing, [cache] * len(missing)))


def _make(face: Face, cache: Path) -> None:
    font = TTFont(face.source, recalcTimestamp=False)  # on every machine the same file: equal reports, equal bytes
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
    unfinished = cache / f"{file_name(face)}.{os.getpid()}"
    pinned_font.save(unfinished)
    unfinished.replace(cache / file_name(face))


def _keep_only(font: TTFont, code_points: set[int]) -> None:
    subsetter = Subsetter(Options(notdef_outline=True, hinting=False, recalc_bounds=False))
    subsetter.populate(unicodes=code_points)
    subsetter.subset(font)


def _rename(font: TTFont, face: Face) -> None:
    """Give each font a PostScript name of its own: reportlab keeps them apart by it."""
    for record in font["name"].names:
        if record.nameID in (4, 6):
            record.string = f"{Path(face.file).stem.partition('[')[0]}-{face.weight}"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Held by one process at a time; the system lets go of it when that one dies."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
