"""A stack's settings: random secrets made once, and `env`, a file of `export` lines that says what is in force."""

import base64
import os
import secrets
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

import settings
from local import fakes
from local.install import FONTS
from local.ports import Ports
from local.probes import LOOPBACK
from reports.signing_key import SigningKey

KEY_BYTES: Final = 32
SIGNING_KEY: Final = "signing.pem"
FROM_OUTSIDE: Final = "# From the environment of that start: "
HEAD: Final = """\
# The settings of the local stack as they are in force. Source it: `. {path}`. Written anew by every start.
# A TIMINGLE_* variable in the environment of `make up` wins over what stands here.
"""


class Secrets(msgspec.Struct, frozen=True):
    """What is random about a stack. Lost with its file, and with it what is stored under them."""

    postgres: str
    postgres_api: str
    journal: str
    broker: str
    flower: str
    data_key: str
    index_key: str
    toss: str
    stripe: str
    stripe_webhooks: str


def keep_secrets(path: Path) -> Secrets:
    """The secrets of this file, made at the first call; what a later version needs beside them is added."""
    kept = msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}
    names = [field.name for field in msgspec.structs.fields(Secrets)]
    keys = {name: base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() for name in names if name.endswith("_key")}
    made = {name: secrets.token_urlsafe(18) for name in names} | keys | kept
    if made != kept:
        write_private(path, msgspec.json.encode(made))
    return msgspec.convert(made, Secrets)


def keep_signing_key(path: Path) -> None:
    """Make the file of the key that signs audit PDFs, at the first call."""
    if not path.exists():
        write_private(path, SigningKey.create("timingle (local)", datetime.now(UTC)).pem.encode())


def defaults(ports: Ports, secret: Secrets, state: Path) -> dict[str, str]:
    """The local value of every TIMINGLE_* variable that has no other default."""
    postgres = f"{LOOPBACK}:{ports.postgres}/timingle"
    return {
        "TIMINGLE_POSTGRES_URL": f"postgresql://timingle:{secret.postgres}@{postgres}?sslmode=disable",
        "TIMINGLE_POSTGRES_API_URL": f"postgresql://timingle_api:{secret.postgres_api}@{postgres}",
        "TIMINGLE_SCYLLA_CONTACT_POINTS": f"{LOOPBACK}:{ports.cql}",
        "TIMINGLE_SCYLLA_REPLICATION": "1",
        "TIMINGLE_BROKER_URL": f"redis://:{secret.broker}@{LOOPBACK}:{ports.broker}/0",
        "TIMINGLE_JOURNAL_URLS": f"redis://:{secret.journal}@{LOOPBACK}:{ports.journal}/0",
        "TIMINGLE_DATA_KEYS": f"1:{secret.data_key}",
        "TIMINGLE_INDEX_KEY": secret.index_key,
        "TIMINGLE_REPORTS_URL": (state / "data" / "reports").resolve().as_uri(),
        "TIMINGLE_FONTS_FOLDER": str(FONTS),
        "TIMINGLE_SIGNING_KEY": str(state / SIGNING_KEY),
        "TIMINGLE_FLOWER_BASIC_AUTH": f"timingle:{secret.flower}",
        "TIMINGLE_TOSS_SECRET_KEY": f"test_sk_{secret.toss}",
        "TIMINGLE_TOSS_BASE_URL": fakes.url(ports),
        "TIMINGLE_STRIPE_SECRET_KEY": f"sk_test_{secret.stripe}",
        "TIMINGLE_STRIPE_WEBHOOK_SECRETS": f"whsec_{secret.stripe_webhooks}",
        "TIMINGLE_STRIPE_BASE_URL": fakes.url(ports),
        "TIMINGLE_INGEST_PORT": str(ports.ingest),
        "TIMINGLE_FLOWER_PORT": str(ports.flower),
    }


def overrides(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment sets otherwise. A value that this file itself gave to the shell that sourced it is none."""
    ours = _own_values(path)
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(settings.PREFIX) and name != "TIMINGLE_STATE_DIR" and ours.get(name) != value
    }


def write(path: Path, local: Mapping[str, str], outside: Mapping[str, str]) -> dict[str, str]:
    """Write the file and answer what is in force. SettingsError names a variable that is unknown or wrong."""
    with_own_key = {url for key, url in fakes.BASE_URLS.items() if key in outside}
    in_force = {**{name: value for name, value in local.items() if name not in with_own_key}, **outside}
    settings.parse(in_force)
    head = HEAD.format(path=path) + FROM_OUTSIDE + (" ".join(outside) or "none") + "\n"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in in_force.items()]
    write_private(path, (head + "".join(lines)).encode())
    return in_force


def read(path: Path) -> dict[str, str]:
    """The variables of such a file."""
    words = shlex.split(path.read_text(), comments=True)
    pairs = [word.partition("=") for word in words if word != "export"]
    return {name: value for name, _, value in pairs}


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _own_values(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    marks = [line for line in path.read_text().splitlines() if line.startswith(FROM_OUTSIDE)]
    outside = {name for mark in marks for name in mark.removeprefix(FROM_OUTSIDE).split()}
    return {name: value for name, value in read(path).items() if name not in outside}
