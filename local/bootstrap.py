"""Makes .venv from the hashed lock, with what any Python 3.11 has by itself. A script: `make setup` runs it.

A stamp in .venv says for which lock, interpreter and folder it was made: while it is true, nothing is done.
"""

import hashlib
import importlib.util
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "locks" / "dev.txt"
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
STAMP: Final = VENV / "timingle-stamp"
# What pip says when no wheel fits this machine.
NO_WHEEL: Final = ("No matching distribution found for", "Could not find a version that satisfies")


def main() -> None:
    """Make or mend .venv, or leave it alone."""
    place = f"{sys.version} {ROOT}\n"
    stamp = place + hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    made_for = STAMP.read_text() if STAMP.exists() else ""
    if made_for == stamp:
        return
    if not _works() or (made_for and not made_for.startswith(place)):
        make_venv()
    print(f"Installing the packages of {LOCK.relative_to(ROOT)} into .venv", flush=True)
    pip("install", "--only-binary=:all:", "--require-hashes", "-r", str(LOCK))
    pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    STAMP.write_text(stamp)


def _works() -> bool:
    """Whether .venv has a python with pip: a run that was cut may have left less."""
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def make_venv() -> None:
    """Make an empty .venv; says what to install if this Python cannot."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        _fail(
            f"{sys.executable} lacks the module {missing[0]}: install it "
            f"(Debian, Ubuntu: apt install python{sys.version_info.major}.{sys.version_info.minor}-venv)."
        )
    print(f"Making .venv with Python {platform.python_version()}", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False)
    if made.returncode:
        _fail(f"{sys.executable} -m venv failed; the reason stands above.")


def pip(*arguments: str) -> None:
    """Run pip, its progress visible; on failure say in one sentence what is the matter."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        lines = []
        for line in running.stdout:
            lines.append(line)
            if not line.startswith(("Requirement already", "Ignoring ", "  Using cached", "Looking in")):
                print(line, end="", flush=True)
    if running.returncode:
        reasons = [line for line in lines if any(words in line for words in NO_WHEEL)]
        if reasons:
            _fail(
                f"A package has no wheel for {platform.system()} on {platform.machine()} with Python "
                f"{platform.python_version()}: {reasons[-1].strip()}"
            )
        _fail("pip failed; the reason stands above. `make setup` goes on where it stopped.")


def _fail(sentence: str) -> NoReturn:
    sys.exit(sentence)


if __name__ == "__main__":
    main()
