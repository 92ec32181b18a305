"""The verifier as one file, which runs on a machine without this project: Python 3.11 or newer and `cryptography`.

A zip archive of the very modules that `timingle audit verify` runs, readable with `unzip`; equal modules make equal
bytes, so that its SHA-256 can be published.
"""

import io
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

NAME: Final = "verify_audit_pdf.pyz"
SHEBANG: Final = b"#!/usr/bin/env python3\n"
MAIN: Final = "import sys\n\nfrom reports.verifier.command import main\n\nsys.exit(main())\n"
REPORTS: Final = Path(__file__).parent


def single_file() -> bytes:
    """The program (PEP 441)."""
    archive = io.BytesIO()
    archive.write(SHEBANG)
    modules = [REPORTS / "__init__.py", *sorted((REPORTS / "verifier").glob("*.py"))]
    texts = {f"reports/{path.relative_to(REPORTS).as_posix()}": path.read_text("utf-8") for path in modules}
    with ZipFile(archive, "a", ZIP_DEFLATED) as opened:
        for name, text in {"__main__.py": MAIN, **texts}.items():
            opened.writestr(ZipInfo(name), text, ZIP_DEFLATED)
    return archive.getvalue()
