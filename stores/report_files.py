"""An object store: the files of audit reports. A folder, or whatever speaks S3, by its URL (P9).

A file is there whole or not at all, and is never written over. Credentials, region and endpoint of S3 are found where
AWS's own tools find them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, an instance's role.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from obstore import Bytes
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore, S3Store

from domain.errors import NoLongerThere, SettingsError
from stores.errors import object_store_errors

CONNECT_S_MAX: Final = 3
REQUEST_S_MAX: Final = 30
RETRY_S_MAX: Final = 10
CHUNK_BYTES: Final = 1_048_576
"""What is held of a file while it is read."""

Files = ObjectStore
"""Where files are kept."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What tells whether a file is the one that was stored."""

    sha256: bytes
    size_bytes: int


def open_store(url: str) -> Files:
    """The store of this URL: `file:///folder`, which is made if it is not there, or `s3://bucket/prefix`.

    Raises SettingsError for any other, Away if the folder cannot be made.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc == "" and parts.path.startswith("/"):
        with object_store_errors():
            return LocalStore(Path(unquote(parts.path)), automatic_cleanup=False, mkdir=True)
    if parts.scheme == "s3" and parts.netloc:
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options={
                "allow_http": True,  # of an endpoint that is named so
                "connect_timeout": timedelta(seconds=CONNECT_S_MAX),
                "timeout": timedelta(seconds=REQUEST_S_MAX),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=RETRY_S_MAX)},
        )
    raise SettingsError(
        f"{parts.scheme or 'This'}: is no place for reports; file:///folder and s3://bucket/prefix are."
    )


def put(files: Files, key: str, content: bytes) -> bool:
    """Store a file; False if there is one already, which stays. Raises Away."""
    with object_store_errors():
        try:
            files.put(key, content, mode="create")
        except AlreadyExistsError:
            return False
    return True


def digest(files: Files, key: str) -> Digest | None:
    """Of the file that is there; None if there is none. Raises Away."""
    with object_store_errors():
        try:
            content = files.get(key).bytes()
        except FileNotFoundError:
            return None
    return digest_of(content)


def digest_of(content: Bytes | bytes) -> Digest:
    """Of a file as it is."""
    return Digest(sha256(content).digest(), len(content))


def delete(files: Files, key: str) -> None:
    """Remove a file, if it is there. Raises Away."""
    with object_store_errors():
        try:
            files.delete(key)
        except FileNotFoundError:
            return


async def read(files: Files, key: str, size_bytes: int) -> AsyncIterator[bytes]:
    """A file of so many bytes, a piece at a time; the first has been read when this returns.

    A piece is a request of its own: who takes it slowly meets no time-out, and what fails is tried again.
    Raises NoLongerThere, Away, as does the iterator.
    """
    first = await _piece(files, key, 0, size_bytes)

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        for start in range(CHUNK_BYTES, size_bytes, CHUNK_BYTES):
            yield await _piece(files, key, start, size_bytes)

    return pieces()


async def _piece(files: Files, key: str, start: int, size_bytes: int) -> bytes:
    with object_store_errors():
        try:
            return bytes(await files.get_range_async(key, start=start, end=min(start + CHUNK_BYTES, size_bytes)))
        except FileNotFoundError:
            raise NoLongerThere("The file is not there any more.") from None
