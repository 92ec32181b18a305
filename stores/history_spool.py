"""A temporary file: entries of a history as they were read once, to be read again and again, the same each time.

What was checked is then what is shown, whatever becomes of the store meanwhile, and 50,000 entries take no memory.
"""

import os
import tempfile
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import msgspec

from domain.history import Entry

_encode: Final = msgspec.msgpack.Encoder().encode
_entry: Final = msgspec.msgpack.Decoder(Entry)


class Spool:
    """Entries in the order in which they were added. Called, it reads them from the first on."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  ended by `close`; no name is left behind if we are killed
        self._ends = array("Q", [0])

    def add(self, entry: Entry) -> None:
        """Put an entry behind the others."""
        self._ends.append(self._ends[-1] + self._file.write(_encode(entry)))

    def __call__(self) -> Iterator[Entry]:
        """All of them; several may read at once."""
        self._file.flush()
        for begin, end in pairwise(self._ends):
            yield _entry.decode(os.pread(self._file.fileno(), end - begin, begin))

    def close(self) -> None:
        """The file is gone."""
        self._file.close()
