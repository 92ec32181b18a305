"""The verifier as a program of its own: python3 verify_audit_pdf.pyz REPORT.pdf --certificate timingle.pem"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography import x509

from reports.verifier.steps import verify
from reports.verifier.verdict import Outcome

EPILOG = "Exit codes: " + " · ".join(f"{one.value} {one.meaning}" for one in Outcome) + " · 2 wrong usage, or no file."


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify one file, print what is found, and answer the exit code."""
    parser = argparse.ArgumentParser(prog="verify_audit_pdf", description=__doc__, epilog=EPILOG)
    parser.add_argument("file", type=Path, metavar="REPORT.pdf")
    parser.add_argument(
        "--certificate",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.pem",
        help="certificates that you vouch for: timingle's, and the timestamping authority's; may be given again",
    )
    given = parser.parse_args(arguments)
    try:
        verdict = verify(given.file.read_bytes(), read_certificates(given.certificate))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(*verdict.lines(), sep="\n")  # noqa: T201
    return verdict.outcome.value


def read_certificates(files: Iterable[Path]) -> list[x509.Certificate]:
    """All certificates of these PEM files. Raises OSError, ValueError."""
    return [one for file in files for one in x509.load_pem_x509_certificates(file.read_bytes())]


if __name__ == "__main__":
    sys.exit(main())
