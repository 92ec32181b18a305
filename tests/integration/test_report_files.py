"""stores.report_files: a folder and a server that speaks S3 keep files alike (P9)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from moto.server import ThreadedMotoServer

from domain.errors import Away, NoLongerThere, SettingsError
from local.probes import LOOPBACK
from stores import report_files
from stores.report_files import CHUNK_BYTES, Digest, Files, digest_of, open_store
from tests.faults.road import free_port

KEY: Final = "audit-reports/7.pdf"
CONTENT: Final = os.urandom(2 * CHUNK_BYTES + 5)
KINDS: Final = ("folder", "S3")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An empty bucket's URL; AWS's own variables say how to come there."""
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environ.setenv("AWS_ACCESS_KEY_ID", "id")
        environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environ.setenv("AWS_REGION", "us-east-1")
        httpx.put(f"http://{host}:{port}/bucket").raise_for_status()
        yield "s3://bucket/some/prefix"
    server.stop()


@pytest.fixture(params=KINDS)
def files(request: pytest.FixtureRequest, tmp_path: Path, s3: str) -> Files:
    """A store without this key."""
    made = open_store(s3 if request.param == "S3" else (tmp_path / "새 폴더").as_uri())
    report_files.delete(made, KEY)
    return made


async def read_all(files: Files, size_bytes: int = len(CONTENT)) -> list[bytes]:
    return [piece async for piece in await report_files.read(files, KEY, size_bytes)]


async def test_a_file_is_read_as_it_was_put_a_piece_at_a_time(files: Files) -> None:
    assert report_files.put(files, KEY, CONTENT)
    pieces = await read_all(files)
    assert b"".join(pieces) == CONTENT
    assert [len(piece) for piece in pieces] == [CHUNK_BYTES, CHUNK_BYTES, 5]
    assert report_files.digest(files, KEY) == digest_of(CONTENT)


def test_a_file_that_is_there_is_never_written_over(files: Files) -> None:
    """P9. Two workers, each with a signature of its own: the file stays the one whose digest was noted."""
    assert report_files.put(files, KEY, b"first")
    assert not report_files.put(files, KEY, b"second, and longer")
    assert report_files.digest(files, KEY) == digest_of(b"first")


async def test_a_file_that_was_removed_is_not_there_and_may_be_removed_again(files: Files) -> None:
    report_files.put(files, KEY, b"first")
    for _ in range(2):
        report_files.delete(files, KEY)
    assert report_files.digest(files, KEY) is None
    with pytest.raises(NoLongerThere):
        await read_all(files)


def test_a_digest_is_sha_256_and_size() -> None:
    assert digest_of(b"") == Digest(
        bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), 0
    )


@pytest.mark.parametrize("url", ["reports", "http://bucket/x", "file:reports", "file://host/reports", "s3:///x", ""])
def test_another_url_is_no_place_for_files(url: str) -> None:
    with pytest.raises(SettingsError):
        open_store(url)


async def test_a_store_that_does_not_answer_is_away(s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{LOOPBACK}:{free_port()}")
    monkeypatch.setattr(report_files, "RETRY_S_MAX", 0)
    (tmp_path / "audit-reports").write_text("a file where a folder should be")
    for store in (open_store(s3), open_store(tmp_path.as_uri())):
        with pytest.raises(Away):
            report_files.put(store, KEY, CONTENT)
        with pytest.raises(Away):
            report_files.digest(store, KEY)
        with pytest.raises(Away):
            await read_all(store)
