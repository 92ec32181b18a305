"""A timestamping authority (RFC 3161) on a real HTTP server, with a root of its own; it answers as it is told to."""

import threading
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

KEY_BITS = 2_048


class Authority(AbstractContextManager["Authority"]):
    """`with Authority() as authority:` serves timestamps at `authority.url`."""

    def __init__(self, purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING, answer: bytes = b"") -> None:
        """`answer` is given whatever is asked; without it, a timestamp is."""
        root_key, key = (rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS) for _ in range(2))
        root = certificate("Root", "Root", root_key.public_key(), root_key, None)
        own = certificate("Authority", "Root", key.public_key(), root_key, purpose)
        self.certificates = [own, root]
        private = PrivateKeyInfo.load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        store = SimpleCertificateStore.from_certs([asn1(root)])
        self._stamper = DummyTimeStamper(asn1(own), private, certs_to_embed=store)
        self._answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
                body = authority._answer or authority._stamper.request_tsa_response(asked).dump()
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler

    def __enter__(self) -> "Authority":
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def certificate(
    name: str,
    issuer: str,
    key: rsa.RSAPublicKey,
    issuer_key: rsa.RSAPrivateKey,
    purpose: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    """A certificate for a purpose, or of a root."""
    now = datetime.now(UTC)
    subject, issued_by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def asn1(one: x509.Certificate) -> asn1_x509.Certificate:
    """The same for pyHanko."""
    return asn1_x509.Certificate.load(one.public_bytes(Encoding.DER))
