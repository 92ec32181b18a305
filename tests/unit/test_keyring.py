"""Encryption at rest: what went in comes out, in its own place and unaltered, or not at all."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SettingsError
from domain.keyring import FORMAT, NONCE_BYTES, KeyRing, NotDecryptable

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
BEFORE = KeyRing.parse(f"2026a:{OLD}")
ROTATED = KeyRing.parse(f"2026b:{NEW}, 2026a:{OLD}")
WITHOUT_OLD = KeyRing.parse(f"2026b:{NEW}")
PLACE = "dead_letters:0:1764000000000000"


@given(
    plaintext=st.binary(max_size=20_000), place=st.text(), nonce=st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)
)
def test_what_was_encrypted_comes_out_in_its_own_place(plaintext: bytes, place: str, nonce: bytes) -> None:
    assert ROTATED.decrypt(ROTATED.encrypt(plaintext, place, nonce), place) == plaintext


def test_nothing_of_the_plaintext_shows() -> None:
    assert b"canary" not in ROTATED.encrypt(b"canary" * 100, PLACE, os.urandom(NONCE_BYTES))


def test_after_a_rotation_the_new_key_encrypts_and_the_old_one_still_decrypts() -> None:
    kept = BEFORE.encrypt(b"kept", PLACE, os.urandom(NONCE_BYTES))
    assert ROTATED.decrypt(kept, PLACE) == b"kept"
    fresh = ROTATED.encrypt(b"fresh", PLACE, os.urandom(NONCE_BYTES))
    assert WITHOUT_OLD.decrypt(fresh, PLACE) == b"fresh"
    with pytest.raises(NotDecryptable):
        WITHOUT_OLD.decrypt(kept, PLACE)


@given(st.binary(max_size=100))
def test_what_the_newest_key_encrypted_begins_with_its_head_and_nothing_else_does(plaintext: bytes) -> None:
    """By its head a value under an older key is found."""
    for ring, is_newest in ((ROTATED, True), (WITHOUT_OLD, True), (BEFORE, False)):
        sealed = ring.encrypt(plaintext, PLACE, os.urandom(NONCE_BYTES))
        assert sealed.startswith(ROTATED.head) == is_newest
    assert not KeyRing.parse(f"2026b1:{NEW}").encrypt(plaintext, PLACE, bytes(NONCE_BYTES)).startswith(ROTATED.head)


def test_under_another_key_of_the_same_id_it_does_not_decrypt() -> None:
    with pytest.raises(NotDecryptable):
        KeyRing.parse(f"2026a:{NEW}").decrypt(BEFORE.encrypt(b"x", PLACE, bytes(NONCE_BYTES)), PLACE)


@given(st.text(), st.text())
def test_moved_to_another_row_it_does_not_decrypt(here: str, there: str) -> None:
    sealed = ROTATED.encrypt(b"x", here, bytes(NONCE_BYTES))
    if here != there:
        with pytest.raises(NotDecryptable):
            ROTATED.decrypt(sealed, there)


@given(st.data())
def test_with_any_bit_turned_it_does_not_decrypt(data: st.DataObject) -> None:
    sealed = bytearray(ROTATED.encrypt(b"a few words", PLACE, bytes(NONCE_BYTES)))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(NotDecryptable):
        ROTATED.decrypt(bytes(sealed), PLACE)


def test_cut_anywhere_it_does_not_decrypt() -> None:
    sealed = ROTATED.encrypt(b"a few words", PLACE, bytes(NONCE_BYTES))
    for end in range(len(sealed)):
        with pytest.raises(NotDecryptable):
            ROTATED.decrypt(sealed[:end], PLACE)


@given(st.binary(max_size=100))
def test_what_was_never_encrypted_here_does_not_decrypt(noise: bytes) -> None:
    for sealed in (noise, FORMAT + b"\x052026b" + noise):
        with pytest.raises(NotDecryptable):
            ROTATED.decrypt(sealed, PLACE)


def test_the_layout_is_what_rows_written_by_earlier_releases_have() -> None:
    """Rows outlive a deploy: what the first release wrote must stay readable."""
    written = "01053230323661000102030405060708090a0bd3c3f94a4f82f9f49db51374518d750114c1134ea9"
    assert BEFORE.decrypt(bytes.fromhex(written), PLACE) == b"hello"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 1),
        (OLD, 1),
        (f":{OLD}", 1),
        ("2026a:canary", 1),
        (f"2026a:{base64.b64encode(bytes(16)).decode()}", 1),
        (f"2026a:{OLD},", 2),
        (f"2026a:{OLD},2026a:{NEW}", 2),
        (f"{'a' * 256}:{OLD}", 1),
        (f"키:{OLD}", 1),
    ],
)
def test_a_wrong_ring_is_refused_by_its_place_and_shows_no_key(text: str, place: int) -> None:
    with pytest.raises(SettingsError, match=rf"^TIMINGLE_DATA_KEYS, key {place}: ") as raised:
        KeyRing.parse(text)
    assert OLD not in str(raised.value)
    assert "canary" not in str(raised.value)
