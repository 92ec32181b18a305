"""The key that signs audit PDFs, and its certificate: PEM, a private RSA key and the certificates that go with it.

Only RSA: of a message and a key it has one right signature (PKCS #1 v1.5, RFC 8017), ECDSA has two, so that a file
could be changed and still pass.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from domain.errors import SettingsError

PEM_BEGINS: Final = "-----BEGIN "
KEY_BITS: Final = 3072
"""As strong as AES-128, which is what NIST SP 800-57 asks for beyond 2030."""
KEY_BITS_MIN: Final = 2048
VALID_DAYS: Final = 3_650
"""A self-signed certificate is trusted because somebody compared it, not because of its dates."""
MUST_BE: Final = "a PEM file, or its content: an RSA key of 2048 bits or more, and its certificate before any other"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, its certificate, and the certificates between that and its root, if there are any."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    others: tuple[x509.Certificate, ...]

    @classmethod
    def load(cls, setting: str) -> Self:
        """A key from the path of a PEM file, or from its content. Raises SettingsError, which shows no key."""
        try:
            pem = setting.encode() if setting.lstrip().startswith(PEM_BEGINS) else Path(setting).read_bytes()
            key = load_pem_private_key(pem, password=None)
            certificate, *others = x509.load_pem_x509_certificates(pem)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SettingsError(f"TIMINGLE_SIGNING_KEY must be {MUST_BE}.") from error
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BITS_MIN:
            raise SettingsError(f"TIMINGLE_SIGNING_KEY must be {MUST_BE}.")
        if certificate.public_key() != key.public_key():
            raise SettingsError("The first certificate of TIMINGLE_SIGNING_KEY must be that of its key.")
        return cls(key, certificate, tuple(others))

    @classmethod
    def create(cls, name: str, now: datetime) -> Self:
        """A new key with a certificate of its own that says this name."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=True,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate, ())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex: what readers compare."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def certificates_pem(self) -> str:
        """What to give to whoever checks reports."""
        return "".join(one.public_bytes(Encoding.PEM).decode() for one in (self.certificate, *self.others))

    @property
    def pem(self) -> str:
        """All of it: what `load` reads."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return key + self.certificates_pem
