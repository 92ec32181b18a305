"""Every setting of timingle, typed, read once from TIMINGLE_* variables. An error names the variable.

Read by ingest, worker, cli and local only: the rooms below them take what they need as arguments.
"""

import base64
import difflib
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

from domain.errors import SettingsError

PREFIX: Final = "TIMINGLE_"
KEY_BYTES: Final = 32
INDEX_KEYS_MAX: Final = 2
"""The one that is coming and the one that is going."""
URL_OF_PROVIDER: Final = "https://host, or http://127.0.0.1:port for one that runs here; no path, no slash at its end"
# Read by the local stack and by `make`, not by the system itself.
LOCAL_ONLY: Final = frozenset({"INGEST_PORT", "FLOWER_PORT", "STATE_DIR"})

Url = Annotated[str, msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Settings(msgspec.Struct, frozen=True, rename=lambda field: PREFIX + field.upper()):
    """What a process needs to know about the world. Secrets have no default."""

    postgres_url: Url
    """PostgreSQL as workers, migrations and the command line use it; bypasses row-level security."""
    postgres_api_url: Url
    """PostgreSQL as ingest uses it; every statement under row-level security."""
    scylla_contact_points: Url
    """host:port, several with commas."""
    broker_url: Url
    """The Redis that carries Celery's messages. Losing it loses nothing."""
    journal_urls: Url
    """The Redis of each journal, several with commas. The place in the list is the journal's id: append only."""
    data_keys: Url
    """Key ring for what is encrypted at rest: `id:base64 of 32 bytes`, several with commas; the first encrypts."""
    index_key: Url
    """Key of the blind index of phone numbers: base64 of 32 bytes; two with a comma while it is rotated: the first
    hashes, both find. Kept apart from the data keys."""
    scylla_keyspace: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")] = "timingle"
    scylla_replication: Annotated[int, msgspec.Meta(ge=1, le=9)] = 3
    """Copies of each row in datacenter1."""
    journal_keep: Seconds = 20.0
    """Seconds that an entry stays in the journal after it was stored: twice the store's commit-log sync period."""
    trusted_proxies: str = ""
    """Addresses or networks, several with commas, whose X-Forwarded-For is believed; none unless said otherwise."""
    reports_url: Url = "file:///var/lib/timingle/reports"
    """Where audit PDFs are kept: `file:///folder` or `s3://bucket/prefix`."""
    fonts_folder: Url = "~/.cache/timingle/fonts"
    """Where the fonts of audit PDFs are, made there once if they are not."""
    signing_key: str = ""
    """What signs audit PDFs: a PEM file with an RSA key and its certificate, or its content. The workers of the reports
    queue need it."""
    tsa_url: str = ""
    """A timestamping authority (RFC 3161) that stamps each signature; none unless said otherwise."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    flower_basic_auth: str | None = None
    """user:password of the Flower dashboard."""
    toss_secret_key: str = ""
    """The secret key of Toss Payments. Without it no payments by Toss are taken."""
    toss_base_url: Url = "https://api.tosspayments.com"
    toss_source_networks: str = ""
    """Addresses or networks, several with commas, that Toss's webhooks come from; empty: from anywhere."""
    stripe_secret_key: str = ""
    """Stripe's secret key. Without it no payments by Stripe are taken."""
    stripe_webhook_secrets: str = ""
    """The signing secret of the endpoint at Stripe; several with commas while it is rolled: any of them verifies."""
    stripe_base_url: Url = "https://api.stripe.com"

    @property
    def contact_points(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of each CQL node to begin with."""
        points = (point.strip().rpartition(":") for point in self.scylla_contact_points.split(","))
        return tuple((host, int(port)) for host, _, port in points)

    @property
    def proxies(self) -> "tuple[IPv4Network | IPv6Network, ...]":
        """The networks of `trusted_proxies`."""
        return _networks(self.trusted_proxies)

    @property
    def toss_networks(self) -> "tuple[IPv4Network | IPv6Network, ...]":
        """The networks of `toss_source_networks`."""
        return _networks(self.toss_source_networks)

    @property
    def stripe_secrets(self) -> tuple[str, ...]:
        """The signing secrets of `stripe_webhook_secrets`."""
        return tuple(secret.strip() for secret in self.stripe_webhook_secrets.split(",") if secret.strip())

    @property
    def index_keys(self) -> tuple[bytes, ...]:
        """The blind index's keys, 32 bytes each; the first hashes."""
        return tuple(base64.b64decode(key.strip(), validate=True) for key in self.index_key.split(","))

    @property
    def journals(self) -> tuple[str, ...]:
        """The URL of each journal; the index is the journal's id."""
        return tuple(url.strip() for url in self.journal_urls.split(","))


def _networks(given: str) -> "tuple[IPv4Network | IPv6Network, ...]":
    return tuple(ip_network(one.strip()) for one in given.split(",") if one.strip())


def _keeps_secrets(url: str) -> bool:
    """Is a key that goes there read by nobody else?"""
    parts = urlsplit(url)
    is_here = parts.hostname in ("127.0.0.1", "::1", "localhost")
    is_bare = not (parts.path or parts.query or parts.fragment or parts.username)
    return bool(parts.hostname) and is_bare and (parts.scheme == "https" or (parts.scheme == "http" and is_here))


CHECKS: Final[tuple[tuple[str, str, Callable[[Settings], bool]], ...]] = (
    (
        "SCYLLA_CONTACT_POINTS",
        "host:port, several with commas",
        lambda given: all(host and 0 < port < 65_536 for host, port in given.contact_points),
    ),
    (
        "JOURNAL_URLS",
        "redis:// or rediss:// URLs, several with commas",
        lambda given: all(url.startswith(("redis://", "rediss://")) for url in given.journals),
    ),
    (
        "REPORTS_URL",
        "a URL like file:///folder or s3://bucket/prefix",
        lambda given: re.fullmatch("file:///.*|s3://[^/]+(/.*)?", given.reports_url) is not None,
    ),
    (
        "TRUSTED_PROXIES",
        "addresses or networks like 10.0.0.0/8, several with commas",
        lambda given: given.proxies is not None,
    ),
    (
        "TOSS_SOURCE_NETWORKS",
        "addresses or networks like 10.0.0.0/8, several with commas",
        lambda given: given.toss_networks is not None,
    ),
    ("TOSS_BASE_URL", URL_OF_PROVIDER, lambda given: _keeps_secrets(given.toss_base_url)),
    ("STRIPE_BASE_URL", URL_OF_PROVIDER, lambda given: _keeps_secrets(given.stripe_base_url)),
    (
        "STRIPE_WEBHOOK_SECRETS",
        f"given if {PREFIX}STRIPE_SECRET_KEY is, and only then",
        lambda given: bool(given.stripe_secrets) == bool(given.stripe_secret_key),
    ),
    (
        "INDEX_KEY",
        f"base64 of {KEY_BYTES} bytes, or two such keys with a comma",
        lambda given: (
            len(set(given.index_keys)) == len(given.index_keys) <= INDEX_KEYS_MAX
            and all(len(key) == KEY_BYTES for key in given.index_keys)
        ),
    ),
)
"""What no type can say: (setting, what it must be, whether it is)."""


def parse(environ: Mapping[str, str]) -> Settings:
    """Settings from variables; SettingsError names each variable that is missing, unknown or wrong."""
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    known = {field.encode_name for field in msgspec.structs.fields(Settings)}
    for name in sorted(given.keys() - known - {PREFIX + local for local in LOCAL_ONLY}):
        near = difflib.get_close_matches(name, known, n=1)
        raise SettingsError(f"{name} is no setting of timingle" + (f"; did you mean {near[0]}?" if near else "."))
    missing = [f.encode_name for f in msgspec.structs.fields(Settings) if f.required and not given.get(f.encode_name)]
    if missing:
        raise SettingsError(f"Not set: {', '.join(missing)}. `make up` writes local ones to .local/env.")
    try:
        settings = msgspec.convert({k: v for k, v in given.items() if k in known}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"A setting is wrong: {error}") from error
    for name, must_be, holds in CHECKS:
        with suppress(ValueError):  # no number, no base64: it does not hold
            if holds(settings):
                continue
        raise SettingsError(f"{PREFIX}{name} must be {must_be}.")
    return settings


@cache
def current() -> Settings:
    """This process's settings, read once: a variable changed later changes nothing."""
    return parse(os.environ)
