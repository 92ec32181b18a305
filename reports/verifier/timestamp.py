"""A timestamp of the signature (RFC 3161), in the one form that `reports.signing` brings an authority's answer into.

What an authority signed stays as it is; what it did not sign (how algorithms are named, what stands beside) is built
again, by the signer to write it and by the verifier to compare.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from reports.verifier.container import (
    SIGNED_DATA,
    Algorithm,
    Attribute,
    ContentInfo,
    Encapsulated,
    NotInForm,
    Oid,
    SignedData,
    SignerInfo,
    certificate_set,
    certificates_of,
    digest_of,
    encoded,
    is_rsa_signature,
    issuer_and_serial,
    opened,
)

TST_INFO: Final = Oid("1.2.840.113549.1.9.16.1.4")
SIGNING_CERTIFICATE: Final = {
    Oid("1.2.840.113549.1.9.16.2.12"): ("sha1",),
    Oid("1.2.840.113549.1.9.16.2.47"): ("sha256", "sha384", "sha512"),
}
"""Attributes that bind the authority's certificate (RFC 2634, RFC 5035), and by which hashes."""
ALGORITHMS: Final[dict[Oid, tuple[hashes.HashAlgorithm, Oid]]] = {
    Oid("2.16.840.1.101.3.4.2.1"): (hashes.SHA256(), Oid("1.2.840.113549.1.1.11")),
    Oid("2.16.840.1.101.3.4.2.2"): (hashes.SHA384(), Oid("1.2.840.113549.1.1.12")),
    Oid("2.16.840.1.101.3.4.2.3"): (hashes.SHA512(), Oid("1.2.840.113549.1.1.13")),
}
"""Digests, and RSA with each."""
TIME: Final = 0x18
"""GeneralizedTime's tag."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a timestamp says that must be checked."""

    certificate: x509.Certificate
    """The authority's."""
    others: tuple[x509.Certificate, ...]
    info: bytes
    """TSTInfo, DER."""
    attributes: tuple[Attribute, ...]
    digest_algorithm: Oid
    digest: bytes
    signature: bytes


class Said(NamedTuple):
    """What an authority says (TSTInfo)."""

    imprint: bytes
    """Hash of what was stamped."""
    at: datetime


def token_of(container: bytes) -> Token:
    """The parts of a timestamp. Raises NotInForm."""
    signed, signer = opened(container)
    certificate, others = certificates_of(signed, signer)
    algorithm = signer.digest_algorithm.algorithm
    if signed.content.content is None or algorithm not in ALGORITHMS:
        raise NotInForm("it is no timestamp by SHA-256, SHA-384 or SHA-512")
    attributes = tuple(signer.signed.as_list())
    return Token(
        certificate, others, signed.content.content, attributes, algorithm, digest_of(signer), signer.signature
    )


def rebuilt(token: Token) -> bytes:
    """The one container that has these parts."""
    digest_algorithm = Algorithm(algorithm=token.digest_algorithm, parameters=asn1.Null())
    _, signature_algorithm = ALGORITHMS[token.digest_algorithm]
    signer = SignerInfo(
        version=1,
        signer=issuer_and_serial(token.certificate),
        digest_algorithm=digest_algorithm,
        signed=asn1.SetOf(list(token.attributes)),
        signature_algorithm=Algorithm(algorithm=signature_algorithm, parameters=asn1.Null()),
        signature=token.signature,
        unsigned=None,
    )
    signed = SignedData(
        version=3,
        digest_algorithms=asn1.SetOf([digest_algorithm]),
        content=Encapsulated(type=TST_INFO, content=token.info),
        certificates=certificate_set(token.certificate, token.others),
        signers=asn1.SetOf([signer]),
    )
    return asn1.encode_der(ContentInfo(type=SIGNED_DATA, content=signed))


def wrong_with(token: Token, said: Said, signature: bytes) -> Iterator[str]:
    """All that is wrong with a timestamp of this signature's value."""
    algorithm, _ = ALGORITHMS[token.digest_algorithm]
    if hashed(token.info, algorithm) != token.digest:
        yield "what it says was changed"
    if not is_rsa_signature(token.certificate, token.signature, encoded(token.attributes), algorithm):
        yield "its own signature is not right"
    if not _binds_its_certificate(token):
        yield "it does not name its certificate by hash"
    if not _may_stamp(token.certificate):
        yield "its certificate is not one for timestamps"
    if not any(said.imprint == hashed(signature, known) for known, _ in ALGORITHMS.values()):
        yield "it is of another signature"


def said_by(token: Token) -> Said:
    """What a timestamp is of, and when it was made. Raises NotInForm."""
    try:
        fields = elements(bytes(asn1.decode_der(asn1.TLV, token.info).data))
        _, (_, imprint) = elements(fields[2][1])
        time = next(value for tag, value in fields if tag == TIME).decode("ascii")
        seconds, _, fraction = time.removesuffix("Z").partition(".")
        at = datetime.strptime(f"{seconds}.{fraction or 0}", "%Y%m%d%H%M%S.%f").replace(tzinfo=UTC)
    except (ValueError, IndexError, StopIteration) as error:
        raise NotInForm("it does not say when and of what it is") from error
    return Said(imprint, at)


def elements(content: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each DER element in these bytes, as far as they go."""
    found, at = [], 0
    while at + 2 <= len(content):
        length, begin = content[at + 1], at + 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(content[at + 2 : begin])
        found.append((content[at], content[begin : begin + length]))
        at = begin + length
    return found


def hashed(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """The hash of some bytes."""
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _binds_its_certificate(token: Token) -> bool:
    der = token.certificate.public_bytes(Encoding.DER)
    for one in token.attributes:
        for name in SIGNING_CERTIFICATE.get(one.type, ()):
            own = hashlib.new(name, der, usedforsecurity=name != "sha1").digest()
            if any(own in bytes(value.data) for value in one.values.as_list()):
                return True
    return False


def _may_stamp(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return usage.critical and list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
