"""reports.signing and reports.verifier: signatures as others see them, timestamps, keys, the verifier on its own."""

import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from domain.errors import Away, SettingsError, Wrong
from reports.signing_key import SigningKey
from reports.verifier import Kind, Outcome, container, verify
from reports.verifier_file import single_file
from tests.authority import Authority, asn1
from tests.signed_reports import container_in, genuine, key_of, ours, signed, unsigned, with_container

NOBODY = "http://127.0.0.1:9"
ALONE = """\
import runpy, sys
sys.path.append(sys.argv[1])
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Python without its site-packages, and one folder of packages instead."""


def test_pyhanko_finds_a_genuine_report_whole_and_trusted_and_its_timestamp_too() -> None:
    """P9. Independent readers agree."""
    with Authority() as authority:
        content = signed(unsigned(), timestamp_url=authority.url)
    roots = ValidationContext(trust_roots=[asn1(ours().certificate)])
    stamp_roots = ValidationContext(trust_roots=[asn1(authority.certificates[1])])
    (embedded,) = PdfFileReader(io.BytesIO(content)).embedded_signatures
    status = validate_pdf_signature(embedded, roots, ts_validation_context=stamp_roots)
    assert status.bottom_line, status.pretty_print_details()
    assert status.timestamp_validity
    assert status.timestamp_validity.trusted
    verdict = verify(content, [ours().certificate, *authority.certificates])
    assert (verdict.outcome, verdict.findings) == (Outcome.PROVEN, ())
    assert verdict.stamped_at == status.timestamp_validity.timestamp
    assert verify(content, [ours().certificate]).outcome is Outcome.UNVOUCHED, "nobody vouched for the authority"


def test_a_timestamp_is_not_taken_away_or_put_there_unseen() -> None:
    """P9. No signature covers it, but the signer says that it is there."""
    with Authority() as authority:
        stamped = signed(unsigned(), timestamp_url=authority.url)
    certificates = [ours().certificate, *authority.certificates]
    taken_away = replace(container.parts_of(container_in(stamped)), token=None)
    (finding,) = verify(with_container(stamped, container.rebuilt(taken_away)), certificates).findings
    assert (finding.kind, finding.detail) == (Kind.TIMESTAMP, "it was taken away")
    token = container.parts_of(container_in(stamped)).token
    put_there = replace(container.parts_of(container_in(genuine())), token=token)
    found = verify(with_container(genuine(), container.rebuilt(put_there)), certificates).findings
    assert {finding.detail for finding in found} == {"nobody asked for it", "it is of another signature"}


def test_an_authority_that_cannot_be_used_is_said_before_a_file_goes_out() -> None:
    """P9. One that is away is tried again; an answer that no reader could check never will be right."""
    with pytest.raises(Away, match=r"The timestamping authority did not answer \(ClientConnectorError\)"):
        signed(unsigned(), timestamp_url=NOBODY)
    with Authority(answer=b"busy") as authority, pytest.raises(Away, match=r"\(ValueError\)"):
        signed(unsigned(), timestamp_url=authority.url)
    with Authority(ExtendedKeyUsageOID.CODE_SIGNING) as authority, pytest.raises(Wrong, match=r"\(TIMESTAMP\)"):
        signed(unsigned(), timestamp_url=authority.url)


def test_what_was_rendered_stays_as_it_was_under_the_signature() -> None:
    """P9."""
    assert genuine().startswith(unsigned())


def test_a_key_is_read_from_its_file_and_from_its_content_alike(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    path.write_text(ours().pem)
    assert SigningKey.load(str(path)).pem == SigningKey.load(ours().pem).pem == ours().pem
    assert "PRIVATE" not in ours().certificates_pem


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """A key alone."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "setting",
    [
        "/nowhere/signing.pem",
        "-----BEGIN nothing",
        ours().certificates_pem,
        pem_of(ours().key),
        pem_of(ec.generate_private_key(ec.SECP256R1())) + ours().certificates_pem,
        pem_of(rsa.generate_private_key(public_exponent=65_537, key_size=1_024)) + ours().certificates_pem,  # noqa: S505
        pem_of(key_of("another").key) + ours().certificates_pem,
    ],
    ids=["no file", "no PEM", "no key", "no certificate", "ECDSA", "a short key", "another's certificate"],
)
def test_a_key_that_cannot_sign_is_refused_by_the_name_of_its_setting(setting: str) -> None:
    with pytest.raises(SettingsError, match="TIMINGLE_SIGNING_KEY") as raised:
        SigningKey.load(setting)
    assert "BEGIN" not in str(raised.value)


def test_what_was_signed_outside_the_certificates_validity_is_named() -> None:
    """P9."""
    old = SigningKey.create("timingle (2010)", datetime.now(UTC) - timedelta(days=5_000))
    with pytest.raises(Wrong, match=r"\(OUTSIDE_VALIDITY\)"):
        signed(unsigned(), old)


@pytest.fixture
def two_packages(tmp_path: Path) -> Path:
    """A folder with cryptography, and cffi's module that it needs, and nothing else."""
    folder = tmp_path / "packages"
    folder.mkdir()
    site = Path(x509.__file__).parents[2]
    for found in [site / "cryptography", *site.glob("_cffi_backend*")]:
        (folder / found.name).symlink_to(found)
    return folder


def test_the_verifier_runs_as_one_file_on_a_machine_that_has_only_two_packages(
    tmp_path: Path, two_packages: Path
) -> None:
    """P9."""
    program, certificate = tmp_path / "verify_audit_pdf.pyz", tmp_path / "timingle.pem"
    program.write_bytes(single_file())
    assert program.read_bytes() == single_file(), "equal modules make equal bytes"
    certificate.write_text(ours().certificates_pem)
    spoilt = genuine().replace(b"/Contents <3082", b"/Contents <3083")
    for content, options, outcome, said in (
        (genuine(), ["--certificate", certificate], Outcome.PROVEN, "WHOLE: not a byte was changed"),
        (genuine(), [], Outcome.UNVOUCHED, ours().fingerprint),
        (spoilt, ["--certificate", certificate], Outcome.ALTERED, "step 3: the container"),
    ):
        file = tmp_path / "report.pdf"
        file.write_bytes(content)
        command: list[str | Path] = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            ALONE,
            two_packages,
            program,
            file,
            *map(str, options),
        ]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (outcome, "")
        assert said in ended.stdout
