"""Variable fonts made into fonts of one weight, once a machine: reportlab cannot vary them, and varying takes seconds.

`python -m reports.font_pinning FOLDER` makes those that are not there yet; `make setup` runs it, and whoever comes
first if nobody has. It is a process of its own because it needs a few hundred MB for a moment.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from fontTools import version as fonttools_version

from domain.errors import TimingleError
from reports.faces import BOLD, FALLBACK, Face

FORMAT: Final = 2
"""Raise it when fonts are to be made otherwise than before."""


class FontsNotMade(TimingleError):
    """The fonts of the audit PDF could not be made; `python -m reports.font_pinning FOLDER` says why."""


def pinned(cache: Path) -> dict[Face, Path]:
    """The file of each face; made first, by one process at a time, if one is missing. Raises FontsNotMade."""
    files = {face: cache / file_name(face) for face in (*FALLBACK, BOLD)}
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


def file_name(face: Face) -> str:
    """Another source, weight, way or maker makes another file."""
    made_of = f"{FORMAT} {fonttools_version} {face.file} {face.weight} {face.source.stat().st_size}"
    return f"{face.name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.ttf"


if __name__ == "__main__":  # who only asks where the fonts are needs nothing of what makes them
    from reports.font_instances import make_missing

    make_missing(Path(sys.argv[1]))
