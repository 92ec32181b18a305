"""Signed audit PDFs for tests, and what a forger can do to one with our tools."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from asn1crypto import x509 as asn1_x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.generic import ArrayObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko_certvalidator.registry import SimpleCertificateStore

from domain.audit_report import AuditReport, Language
from domain.history import Entry
from local.install import FONTS
from reports.document import render
from reports.signing import sign
from reports.signing_key import SigningKey
from reports.verifier.form import locate
from tests.audit_reports import report

ENTRIES: Sequence[Entry] = tuple(report().entries())
LENGTH = len(ENTRIES)


@cache
def key_of(name: str) -> SigningKey:
    """A key of its own for each name, made once."""
    return SigningKey.create(name, datetime.now(UTC) - timedelta(minutes=1))


def ours() -> SigningKey:
    """The key that readers know."""
    return key_of("timingle (test)")


def drawn(given: AuditReport) -> bytes:
    """A report before it is signed."""
    out = io.BytesIO()
    render(given, out, FONTS, lambda *_: None)
    return out.getvalue()


def signed(content: bytes, key: SigningKey | None = None, timestamp_url: str = "") -> bytes:
    """A signed PDF."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "report.pdf")
        path.write_bytes(content)
        sign(path, key or ours(), timestamp_url)
        return path.read_bytes()


@cache
def unsigned() -> bytes:
    """The salon's report before it is signed."""
    return drawn(report(Language.ENGLISH))


@cache
def genuine() -> bytes:
    """The salon's report as a worker makes it."""
    return signed(unsigned())


def of_entries(entries: Sequence[Entry], **changes: object) -> AuditReport:
    """The salon's report with other entries, but pinned as it was."""
    return replace(report(Language.ENGLISH), entries=lambda: entries, **changes)  # type: ignore[arg-type]


def container_in(content: bytes) -> bytes:
    """The container of a file's signature."""
    place, _ = locate(content)
    assert place
    return place.container


def with_container(content: bytes, other: bytes) -> bytes:
    """A file with another container, written as it must be."""
    place, _ = locate(content)
    assert place
    digits = other.hex().upper().encode().ljust(len(place.digits), b"0")
    return content[: place.start + 1] + digits + content[place.end - 1 :]


def with_page_of(content: bytes, other: bytes, page: int) -> bytes:
    """An unsigned file, one of its pages exchanged for the same one of another file; pages count from 0."""
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(content)), writer_kwargs={"stream_xrefs": False})
    foreign, resources = PdfFileReader(io.BytesIO(other)).find_page_for_modification(page)
    ours, _ = writer.find_page_for_modification(page)
    imported = writer.import_object(foreign.get_object().raw_get("/Contents"))
    ours.get_object()["/Contents"] = imported
    ours.get_object()["/Resources"] = writer.import_object(resources)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def updated(content: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """A file with an incremental update after its signature."""
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def signed_again(content: bytes, key: SigningKey) -> bytes:
    """A signed file with one more signature."""
    private = key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    certificate = asn1_x509.Certificate.load(key.certificate.public_bytes(Encoding.DER))
    signer = SimpleSigner(certificate, PrivateKeyInfo.load(private), SimpleCertificateStore())
    out = sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content)), PdfSignatureMetadata(field_name="Second"), signer)
    again: bytes = out.getvalue()
    return again


def without_last_page(writer: IncrementalPdfFileWriter) -> None:
    """Take the last page away."""
    pages = writer.root["/Pages"]
    pages["/Kids"] = ArrayObject(list(pages["/Kids"])[:-1])
    writer.mark_update(writer.root.raw_get("/Pages"))


def with_other_chain(chain: bytes) -> Callable[[IncrementalPdfFileWriter], None]:
    """Put another chain.json in the place of the attached one."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        _, specification = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
        stream = specification.get_object()["/EF"].raw_get("/F")
        stream.get_object()._data = chain
        stream.get_object()._encoded_data = None
        writer.mark_update(stream)

    return change
