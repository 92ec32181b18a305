"""What pip cannot install, done once: Cassandra's jars, and class-data archives that let it start faster."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local import cassandra, jars, java, ports
from local.service import Service, StackError
from local.supervisor import Supervisor
from reports.font_pinning import pinned

DUMP_S_MAX: Final = 120
FONTS: Final = Path(__file__).resolve().parent.parent / ".local" / "fonts"
"""Of audit PDFs, for all stacks of this project folder."""


@dataclass(frozen=True, slots=True)
class Installation:
    """All that is shared by the stacks of this project folder, whatever their state directory."""

    folder: Path

    @property
    def repository(self) -> Path:
        """A Maven repository of our own: nothing is put into the user's home."""
        return self.folder / "m2"

    @property
    def archives(self) -> Path:
        """The folder of the class-data archives."""
        return self.folder / f"cassandra-{jars.VERSION}"

    def cassandra(self, data: Path, at: ports.Ports, flags: tuple[str, ...] = ()) -> Service:
        """The CQL node on this data, with the archives if they were made."""
        base, dynamic = self.archives / "base.jsa", self.archives / "dynamic.jsa"
        if not flags and base.exists() and dynamic.exists():
            flags = (f"-XX:SharedArchiveFile={base}{os.pathsep}{dynamic}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
        classpath = jars.classpath(self.repository, jars.read_sums(jars.SUMS))
        return cassandra.service(java.program(), classpath, flags, data, at.cql, at.cql_storage, at.cql_jmx)

    @property
    def _stamp(self) -> str:
        """What the archives depend on: the jars, the runtime and their place."""
        told = f"{jars.SUMS.read_text()}{java.program()}{self.folder}"
        return hashlib.sha256(told.encode()).hexdigest()

    def is_complete(self) -> bool:
        """Whether a stack can be started."""
        stamp = self.archives / "installed"
        return stamp.exists() and stamp.read_text() == self._stamp

    def complete(self, say: Callable[[str], None]) -> None:
        """Fetch, check and prepare what is missing. StackError, FontsNotMade say what went wrong."""
        if not FONTS.exists():
            say("making the fonts of audit PDFs")
        pinned(FONTS)
        if self.is_complete():
            return
        say(f"fetching Cassandra {jars.VERSION}: {len(jars.read_sums(jars.SUMS))} jars, 67 MB")
        jars.fetch(self.repository, jars.read_sums(jars.SUMS), say)
        shutil.rmtree(self.archives, ignore_errors=True)
        self.archives.mkdir(parents=True)
        say("starting Cassandra once to keep its classes in an archive")
        self._archive_classes()
        (self.archives / "installed").write_text(self._stamp)

    def _archive_classes(self) -> None:
        base = self.archives / "base.jsa"
        dump = [str(java.program()), "-Xshare:dump", f"-XX:SharedArchiveFile={base}"]
        done = subprocess.run(dump, capture_output=True, text=True, check=False, timeout=DUMP_S_MAX)
        if done.returncode:
            raise StackError(f"java -Xshare:dump failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        flags = (f"-XX:SharedArchiveFile={base}", f"-XX:ArchiveClassesAtExit={self.archives / 'dynamic.jsa'}")
        with tempfile.TemporaryDirectory(dir=self.archives) as scratch:
            folder = Path(scratch)
            at = ports.choose(ports.preferred(folder, self.folder), {}, lambda *_: None)
            node = self.cassandra(folder / "data", at, flags)
            with Supervisor([node], folder, lambda *_: None, lambda _: None) as supervisor:
                supervisor.start(node.name)
