"""Encryption at rest: AES-256-GCM under a ring of keys; the newest encrypts, all of them decrypt.

Layout: 1 byte format · 1 byte length of the key's id · the id · 12 bytes nonce · ciphertext and 16 bytes tag. What is
encrypted is bound to its place (the row it belongs to) and its key's id as associated data: moved to another row it
does not decrypt. NIST SP 800-38D allows 2^32 random nonces a key.

WARNING: rows outlive a deploy. A change of this layout needs a new format byte, and the old one must stay readable.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import SettingsError, TimingleError

FORMAT: Final = b"\x01"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class NotDecryptable(TimingleError):
    """This was encrypted under a key that is not in DATA_KEYS, or it was altered, or belongs to another row."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Data keys by their ids, the newest first."""

    keys: dict[str, bytes]

    @classmethod
    def parse(cls, text: str) -> Self:
        """A ring from `id:base64`, several with commas. Raises SettingsError, which shows no key."""
        keys: dict[str, bytes] = {}
        for place, part in enumerate(text.split(","), 1):
            key_id, _, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not key_id or len(key_id) > 255 or not key_id.isascii() or len(key) != KEY_BYTES or key_id in keys:
                raise SettingsError(
                    f"TIMINGLE_DATA_KEYS, key {place}: must be id:base64 of {KEY_BYTES} bytes, ids unique."
                )
            keys[key_id] = key
        return cls(keys)

    @property
    def newest(self) -> str:
        """The id of the key that encrypts."""
        return next(iter(self.keys))

    @property
    def head(self) -> bytes:
        """How all begins that the newest key encrypts, and nothing else does."""
        return FORMAT + bytes([len(self.newest)]) + self.newest.encode()

    def encrypt(self, plaintext: bytes, place: str, nonce: bytes) -> bytes:
        """Encrypt for one place, such as `dead_letters:0:1764000000000000`; the nonce is 12 random bytes."""
        sealed = AESGCM(self.keys[self.newest]).encrypt(nonce, plaintext, _bound_to(place, self.newest.encode()))
        return self.head + nonce + sealed

    def decrypt(self, sealed: bytes, place: str) -> bytes:
        """The plaintext of what was encrypted for this place. Raises NotDecryptable."""
        end = 2 + sealed[1] if len(sealed) > 1 else 0
        key_id, nonce = sealed[2:end], sealed[end : end + NONCE_BYTES]
        key = self.keys.get(key_id.decode("ascii", "replace"))
        if sealed[:1] != FORMAT or key is None or len(nonce) != NONCE_BYTES:
            raise NotDecryptable
        try:
            return AESGCM(key).decrypt(nonce, sealed[end + NONCE_BYTES :], _bound_to(place, key_id))
        except InvalidTag:
            raise NotDecryptable from None


def _bound_to(place: str, key_id: bytes) -> bytes:
    return place.encode() + b"\x00" + key_id
