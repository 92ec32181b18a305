"""Signs audit PDFs by pyHanko: PAdES B-B (ETSI EN 319 142-1), B-T where an authority timestamps it (RFC 3161).

The file is signed where it stands, by one incremental update: what was rendered stays byte for byte what it was.
"""

from pathlib import Path
from typing import Final

from asn1crypto import cms, keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.timestamps import HTTPTimeStamper, TimestampRequestError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from domain.errors import Away, Wrong
from reports.signing_key import SigningKey
from reports.verifier import timestamp
from reports.verifier.container import NotInForm
from reports.verifier.form import STAMPED, UNSTAMPED
from reports.verifier.steps import check_signature

FIELD: Final = "Signature"
CONTAINER_BYTES_MAX: Final = 16_384
"""Its place in the file. Two certificate chains and a timestamp take about 10 kB."""
ANSWER_S_MAX: Final = 10.0
AUTHORITY: Final = "The timestamping authority"


class _Authority(HTTPTimeStamper):
    """A timestamping authority whose answers are brought into the one form that the verifier insists on."""

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """What the authority answers. Raises TimestampRequestError, NotInForm."""
        try:
            answer = await super().async_request_tsa_response(req)
            is_granted = answer["status"]["status"].native == "granted"
        except ValueError as error:
            raise TimestampRequestError("not an answer of RFC 3161") from error
        if not is_granted:
            return answer  # pyHanko says why
        token = timestamp.token_of(answer["time_stamp_token"].dump())
        in_form = cms.ContentInfo.load(timestamp.rebuilt(token))
        return tsp.TimeStampResp({"status": answer["status"], "time_stamp_token": in_form})


def sign(path: Path, key: SigningKey, timestamp_url: str = "") -> None:
    """Sign a rendered PDF. Raises Away if the authority does not answer, Wrong if its answer cannot be used.

    Killed in the middle it leaves a file that no verifier passes: render it again.
    """
    registry = SimpleCertificateStore()
    registry.register_multiple(map(_asn1, key.others))
    private = key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(_asn1(key.certificate), keys.PrivateKeyInfo.load(private), registry)
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason=(STAMPED if timestamp_url else UNSTAMPED).decode(),
    )
    authority = _Authority(timestamp_url, timeout=ANSWER_S_MAX) if timestamp_url else None
    try:
        with path.open("r+b") as file:
            sign_pdf(
                IncrementalPdfFileWriter(file),
                metadata,
                signer,
                timestamper=authority,
                bytes_reserved=2 * CONTAINER_BYTES_MAX,
                in_place=True,
            )
    except TimestampRequestError as error:
        raise Away(AUTHORITY, type(error.__cause__ or error).__name__) from error
    except NotInForm as error:
        raise Wrong(AUTHORITY, "NotInForm") from error
    if findings := check_signature(path.read_bytes()):
        raise Wrong(AUTHORITY if authority else "The verifier", findings[0].kind.name)


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
