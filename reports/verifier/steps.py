"""The steps of a verification, from bytes to a verdict. Each goes as far as it can, whatever the ones before found."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from reports.verifier import chain, container, form, pages, timestamp
from reports.verifier.container import NotInForm
from reports.verifier.form import Signed
from reports.verifier.pdf import Pdf, Reference, Unreadable
from reports.verifier.verdict import Finding, Kind, Signer, Step, Verdict

CHAIN_FILE = "chain.json"


def verify(data: bytes, pinned: Sequence[x509.Certificate] = ()) -> Verdict:
    """Steps 1 to 10 on a file's bytes; all that is wrong is named, not only the first.

    `pinned` are the certificates that the reader vouches for: the signer's, and whatever else the signature holds.
    """
    verification = _Verification(data, pinned)
    verification.check_signature()
    verification.check_content()
    return verification.verdict()


def check_signature(data: bytes) -> list[Finding]:
    """Steps 1 to 7 alone: what is wrong with the signature of a file that has just been signed."""
    verification = _Verification(data, ())
    verification.check_signature()
    return verification.findings


class _Verification:
    """One file, and what has been found out about it so far."""

    def __init__(self, data: bytes, pinned: Sequence[x509.Certificate]) -> None:
        self.data, self.pinned = data, pinned
        self.findings: list[Finding] = []
        self.signer: Signer | None = None
        self.authority: Signer | None = None
        self.beside: list[Signer] = []
        self.claimed_at: datetime | None = None
        self.stamped_at: datetime | None = None
        self.chain = chain.Chain()

    def check_signature(self) -> None:
        """Steps 1 to 7."""
        signed, found = form.locate(self.data)
        self.findings += found
        if signed:
            self.claimed_at = signed.claimed_at
            self.findings += form.check_place(signed)
            self._check_container(signed, signed.container)

    def _check_container(self, signed: Signed, der: bytes) -> None:
        """Steps 3 to 6."""
        try:
            parts = container.parts_of(der)
        except NotInForm as error:
            self._found(Step.CONTAINER, Kind.CONTAINER, "the container", str(error))
            return
        if (at := first_difference(der, container.rebuilt(parts))) is not None:
            self._found(Step.CONTAINER, Kind.CONTAINER, f"byte {at} of the container")
        if parts.digest != signed.digest:
            self._found(Step.DIGEST, Kind.CHANGED, "the signed bytes")
        if not container.is_signed(parts):
            self._found(Step.SIGNATURE, Kind.SIGNATURE, "the signature")
        self.signer = self._signer(Step.KEY, parts.certificate, self.claimed_at)
        self.beside += (self._signer(Step.KEY, one, None) for one in parts.others)
        if signed.says_stamped != (parts.token is not None):
            wrong = "it was taken away" if signed.says_stamped else "nobody asked for it"
            self._found(Step.TIMESTAMP, Kind.TIMESTAMP, "the timestamp", wrong)
        if parts.token:
            self._check_timestamp(parts.token, parts.signature)

    def _check_timestamp(self, der: bytes, signature: bytes) -> None:
        """Step 7."""
        try:
            token = timestamp.token_of(der)
            said = timestamp.said_by(token)
        except NotInForm as error:
            self._found(Step.TIMESTAMP, Kind.CONTAINER, "the timestamp", str(error))
            return
        if (at := first_difference(der, timestamp.rebuilt(token))) is not None:
            self._found(Step.TIMESTAMP, Kind.CONTAINER, f"byte {at} of the timestamp")
        for wrong in timestamp.wrong_with(token, said, signature):
            self._found(Step.TIMESTAMP, Kind.TIMESTAMP, "the timestamp", wrong)
        self.stamped_at = said.at
        self.authority = self._signer(Step.TIMESTAMP, token.certificate, said.at)
        self.beside += (self._signer(Step.TIMESTAMP, one, None) for one in token.others)

    def _signer(self, step: Step, certificate: x509.Certificate, at: datetime | None) -> Signer:
        if at and not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            self._found(step, Kind.OUTSIDE_VALIDITY, certificate.subject.rfc4514_string())
        fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
        return Signer(certificate.subject.rfc4514_string(), fingerprint, certificate in self.pinned)

    def check_content(self) -> None:
        """Steps 8 to 10, of the file as a viewer shows it: with whatever was appended."""
        try:
            pdf = Pdf.load(self.data)
            content = pages.attached(pdf, CHAIN_FILE)
            texts = list(self._texts(pdf))
        except Unreadable as error:
            self._found(Step.PRINT, Kind.UNREADABLE, "the document", str(error))
            return
        if content is None:
            self._found(Step.CHAIN, Kind.NO_CHAIN, CHAIN_FILE)
            return
        self.chain = chain.read(content)
        self.findings += self.chain.findings
        self.findings += chain.check(self.chain)
        self.findings += chain.check_values(self.chain.entries)
        self.findings += pages.check(texts, self.chain)

    def _texts(self, pdf: Pdf) -> Iterator[str]:
        maps: dict[Reference, pages.Map] = {}
        for number, page in enumerate(pages.pages_of(pdf), 1):
            try:
                yield pages.text_of(pdf, page, maps)
            except Unreadable as error:
                self._found(Step.PRINT, Kind.UNREADABLE, f"page {number}", str(error))
                yield ""

    def _found(self, step: Step, kind: Kind, where: str, detail: str = "") -> None:
        self.findings.append(Finding(step, kind, where, detail))

    def verdict(self) -> Verdict:
        """What it comes to."""
        return Verdict(
            sha256=hashlib.sha256(self.data).hexdigest(),
            findings=tuple(sorted(self.findings, key=lambda finding: finding.step)),
            signer=self.signer,
            claimed_at=self.claimed_at,
            authority=self.authority,
            stamped_at=self.stamped_at,
            beside=tuple(self.beside),
            event_id=self.chain.event_id,
            report_id=self.chain.report_id,
            length=self.chain.length,
            head=self.chain.head.hex() if self.chain.head is not None else None,
        )


def first_difference(found: bytes, rebuilt: bytes) -> int | None:
    """Where two containers differ first; None: nowhere."""
    if found == rebuilt:
        return None
    differing = (at for at, pair in enumerate(zip(found, rebuilt, strict=False)) if pair[0] != pair[1])
    return next(differing, min(len(found), len(rebuilt)))
