"""The signature's container: CMS SignedData (RFC 5652) as PAdES B-B has it (ETSI EN 319 142-1), in one form only.

A container is not checked field by field. It is built again from the few parts that a check can bind to the document
(the certificate, the digest, the signature's value, a timestamp), and compared byte by byte: nothing else can differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

Oid = x509.ObjectIdentifier
DATA: Final = Oid("1.2.840.113549.1.7.1")
SIGNED_DATA: Final = Oid("1.2.840.113549.1.7.2")
CONTENT_TYPE: Final = Oid("1.2.840.113549.1.9.3")
MESSAGE_DIGEST: Final = Oid("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE_V2: Final = Oid("1.2.840.113549.1.9.16.2.47")
TIMESTAMP_TOKEN: Final = Oid("1.2.840.113549.1.9.16.2.14")
SHA256: Final = Oid("2.16.840.1.101.3.4.2.1")
SHA256_RSA: Final = Oid("1.2.840.113549.1.1.11")
NOT_A_CERTIFICATE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises of one that is damaged."""


@asn1.sequence
class Algorithm:
    """AlgorithmIdentifier whose parameters are NULL."""

    algorithm: Oid
    parameters: asn1.Null


@asn1.sequence
class Attribute:
    """Attribute of CMS."""

    type: Oid
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class IssuerAndSerial:
    """IssuerAndSerialNumber."""

    issuer: asn1.TLV
    serial: int


@asn1.sequence
class SignerInfo:
    """SignerInfo whose signer is named by issuer and serial number."""

    version: int
    signer: IssuerAndSerial
    digest_algorithm: Algorithm
    signed: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]
    signature_algorithm: Algorithm
    signature: bytes
    unsigned: Annotated[asn1.SetOf[Attribute] | None, asn1.Implicit(1)]


@asn1.sequence
class Encapsulated:
    """EncapsulatedContentInfo; without content: it stands elsewhere, in the document."""

    type: Oid
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class SignedData:
    """SignedData without revocation lists."""

    version: int
    digest_algorithms: asn1.SetOf[Algorithm]
    content: Encapsulated
    certificates: Annotated[asn1.SetOf[asn1.TLV], asn1.Implicit(0)]
    signers: asn1.SetOf[SignerInfo]


@asn1.sequence
class ContentInfo:
    """ContentInfo of SignedData."""

    type: Oid
    content: Annotated[SignedData, asn1.Explicit(0)]


@asn1.sequence
class IssuerSerial:
    """IssuerSerial of a certificate (RFC 5035): its issuer is one directoryName."""

    issuer: list[Annotated[asn1.TLV, asn1.Explicit(4)]]
    serial: int


@asn1.sequence
class CertificateId:
    """ESSCertIDv2 with its default hash, SHA-256."""

    sha256: bytes
    issuer_serial: IssuerSerial


@asn1.sequence
class SigningCertificate:
    """SigningCertificateV2."""

    certificates: list[CertificateId]


class NotInForm(Exception):
    """A container that our signer does not write; says what about it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a container says that must be checked."""

    certificate: x509.Certificate
    """The signer's."""
    others: tuple[x509.Certificate, ...]
    """Whatever certificates stand beside it."""
    digest: bytes
    """What the signature says that the document's SHA-256 is."""
    signature: bytes
    token: bytes | None
    """The timestamp's own container, DER."""


def parts_of(container: bytes) -> Parts:
    """The parts of a container. Raises NotInForm."""
    signed, info = opened(container)
    certificate, others = certificates_of(signed, info)
    return Parts(certificate, others, digest_of(info), info.signature, _token_of(info))


def rebuilt(parts: Parts) -> bytes:
    """The one container that has these parts. Raises NotInForm."""
    digest_algorithm = Algorithm(algorithm=SHA256, parameters=asn1.Null())
    token = asn1.SetOf([attribute(TIMESTAMP_TOKEN, parts.token)]) if parts.token else None
    info = SignerInfo(
        version=1,
        signer=issuer_and_serial(parts.certificate),
        digest_algorithm=digest_algorithm,
        signed=asn1.SetOf(signed_attributes(parts)),
        signature_algorithm=Algorithm(algorithm=SHA256_RSA, parameters=asn1.Null()),
        signature=parts.signature,
        unsigned=token,
    )
    signed = SignedData(
        version=1,
        digest_algorithms=asn1.SetOf([digest_algorithm]),
        content=Encapsulated(type=DATA, content=None),
        certificates=certificate_set(parts.certificate, parts.others),
        signers=asn1.SetOf([info]),
    )
    return asn1.encode_der(ContentInfo(type=SIGNED_DATA, content=signed))


def signed_attributes(parts: Parts) -> list[Attribute]:
    """What the signature is of: the document's digest, and which certificate signs."""
    name = asn1.decode_der(asn1.TLV, parts.certificate.issuer.public_bytes())
    own_id = CertificateId(
        sha256=parts.certificate.fingerprint(hashes.SHA256()),
        issuer_serial=IssuerSerial(issuer=[name], serial=parts.certificate.serial_number),
    )
    return [
        attribute(CONTENT_TYPE, asn1.encode_der(DATA)),
        attribute(MESSAGE_DIGEST, asn1.encode_der(parts.digest)),
        attribute(SIGNING_CERTIFICATE_V2, asn1.encode_der(SigningCertificate(certificates=[own_id]))),
    ]


def is_signed(parts: Parts) -> bool:
    """Is the signature's value that of these attributes under the certificate's key?"""
    return is_rsa_signature(parts.certificate, parts.signature, encoded(signed_attributes(parts)), hashes.SHA256())


def is_rsa_signature(certificate: x509.Certificate, value: bytes, of: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    """Only RSA with PKCS #1 v1.5: its signature has one right value, that of ECDSA has two."""
    try:
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(value, of, PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def opened(container: bytes) -> tuple[SignedData, SignerInfo]:
    """A container and its one signer. Raises NotInForm."""
    try:
        content = asn1.decode_der(ContentInfo, container).content
    except ValueError as error:
        raise NotInForm("it is no DER of signed data with one signer") from error
    signers = content.signers.as_list()
    if len(signers) != 1:
        raise NotInForm(f"it has {len(signers)} signers")
    return content, signers[0]


def certificates_of(signed: SignedData, info: SignerInfo) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
    """The signer's certificate, and the others. Raises NotInForm."""
    own: list[x509.Certificate] = []
    others: list[x509.Certificate] = []
    try:
        for der in map(asn1.encode_der, signed.certificates.as_list()):
            one = x509.load_der_x509_certificate(der)
            _ = one.subject.rfc4514_string(), one.not_valid_before_utc, one.not_valid_after_utc, one.extensions
            is_own = asn1.encode_der(issuer_and_serial(one)) == asn1.encode_der(info.signer)
            (own if is_own else others).append(one)
    except NOT_A_CERTIFICATE as error:  # its parts are read when they are asked for
        raise NotInForm("it holds something that is no certificate") from error
    if len(own) != 1:
        raise NotInForm(f"it holds {len(own)} certificates of its signer")
    return own[0], tuple(others)


def digest_of(info: SignerInfo) -> bytes:
    """The message digest that was signed. Raises NotInForm."""
    values = [value for one in info.signed.as_list() if one.type == MESSAGE_DIGEST for value in one.values.as_list()]
    try:
        (digest,) = values
        return asn1.decode_der(bytes, asn1.encode_der(digest))
    except ValueError as error:
        raise NotInForm("it holds no message digest, or several") from error


def _token_of(info: SignerInfo) -> bytes | None:
    attributes = info.unsigned.as_list() if info.unsigned else []
    values = [value for one in attributes for value in one.values.as_list()]
    if len(values) > 1:
        raise NotInForm("it holds more than a timestamp that is not signed")
    return asn1.encode_der(values[0]) if values else None


def issuer_and_serial(certificate: x509.Certificate) -> IssuerAndSerial:
    """How a container names a certificate."""
    issuer = asn1.decode_der(asn1.TLV, certificate.issuer.public_bytes())
    return IssuerAndSerial(issuer=issuer, serial=certificate.serial_number)


def certificate_set(own: x509.Certificate, others: Iterable[x509.Certificate]) -> asn1.SetOf[asn1.TLV]:
    """Certificates as a container holds them."""
    return asn1.SetOf([asn1.decode_der(asn1.TLV, one.public_bytes(Encoding.DER)) for one in (own, *others)])


def attribute(kind: Oid, value: bytes) -> Attribute:
    """An attribute with one value, given as DER."""
    return Attribute(type=kind, values=asn1.SetOf([asn1.decode_der(asn1.TLV, value)]))


def encoded(attributes: Iterable[Attribute]) -> bytes:
    """The DER of a set of attributes, which is what a signature is of."""
    return asn1.encode_der(asn1.SetOf(list(attributes)))
