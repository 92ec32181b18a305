"""timingle keys signing: the key that signs audit PDFs, and the certificate by which readers know it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

import settings
from domain.errors import BadInput, SettingsError
from reports.signing_key import SigningKey

NAME_LENGTH_MAX: Final = 64
"""Of a certificate's common name (RFC 5280, ub-common-name)."""

app = typer.Typer(no_args_is_help=True, help="The key that signs audit PDFs.")


@app.command()
def create(
    file: Annotated[Path, typer.Argument(metavar="FILE.pem")],
    name: Annotated[str, typer.Option(help="Who signs, as readers will see it.")],
) -> None:
    """Make a key with a certificate of its own, in a file that only you may read.

    Good for local use, and wherever readers get the certificate from you: give TIMINGLE_SIGNING_KEY the file's path.
    """
    if not name.strip() or not name.isprintable() or len(name) > NAME_LENGTH_MAX:
        raise BadInput(f"--name must be one line of {NAME_LENGTH_MAX} printable characters at most.", "name")
    key = SigningKey.create(name, datetime.now(UTC))
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(key.pem)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.", "file") from error
    print(f"TIMINGLE_SIGNING_KEY={file.resolve()}")
    print(f"SHA-256 of its certificate, for readers of reports: {key.fingerprint}")


@app.command()
def certificate() -> None:
    """Print the certificates of TIMINGLE_SIGNING_KEY in PEM: what readers of reports need, and nothing secret."""
    setting = settings.current().signing_key
    if not setting:
        raise SettingsError("TIMINGLE_SIGNING_KEY is not set; `timingle keys signing create` makes a key.")
    print(SigningKey.load(setting).certificates_pem, end="")
