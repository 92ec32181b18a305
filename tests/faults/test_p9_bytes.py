"""P9: no changed byte passes, wherever in the file: in what is signed, in the signature's place, in its container.

FUZZ_CHANGES says how many changes are tried (300), FUZZ_SEED repeats a run. A failure prints the seed and the change.
"""

import os
import random
from collections.abc import Callable
from functools import cache
from typing import Final

import pytest
from cryptography import x509

from reports.verifier import Outcome, verify
from reports.verifier.form import locate
from tests.authority import Authority
from tests.signed_reports import container_in, genuine, ours, signed, unsigned, with_container

CHANGES: Final = int(os.environ.get("FUZZ_CHANGES", "300"))
SEED: Final = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(1_000_000)))


@cache
def stamped() -> tuple[bytes, list[x509.Certificate]]:
    """A genuine report with a timestamp, whose certificates the reader has all: the largest container there is."""
    with Authority() as authority:
        return signed(unsigned(), timestamp_url=authority.url), [ours().certificate, *authority.certificates]


def one_byte(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Any byte of the file becomes any other."""
    return other_byte(content, rng, 0, len(content))


def one_byte_of_the_place(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Any byte where the signature stands, which no signature covers, angle brackets included."""
    place, _ = locate(content)
    assert place
    return other_byte(content, rng, place.start, place.end)


def other_byte(content: bytes, rng: random.Random, first: int, end: int) -> tuple[bytes, str]:
    at = rng.randrange(first, end)
    byte = rng.choice([byte for byte in range(256) if byte != content[at]])
    return content[:at] + bytes([byte]) + content[at + 1 :], f"byte {at} became {byte:#04x}"


def one_bit_of_the_container(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Any bit of the container, written as it must be."""
    container = bytearray(container_in(content))
    bit = rng.randrange(8 * len(container))
    container[bit // 8] ^= 1 << bit % 8
    return with_container(content, bytes(container)), f"bit {bit} of the container"


@pytest.mark.parametrize("change", [one_byte, one_byte_of_the_place, one_bit_of_the_container])
def test_no_changed_byte_passes(change: Callable[[bytes, random.Random], tuple[bytes, str]]) -> None:
    """P9. Plain PAdES validation lets one in ten pass, and a third of the container's bits."""
    content, certificates = stamped()
    files = {"stamped": content, "unstamped": genuine()}
    assert {verify(one, certificates).outcome for one in files.values()} == {Outcome.PROVEN}
    rng = random.Random(f"{SEED} {change.__name__}")  # noqa: S311
    passed = []
    for _ in range(CHANGES // 6):
        for name, file in files.items():
            changed, described = change(file, rng)
            if verify(changed, certificates).outcome is Outcome.PROVEN:
                passed.append(f"{name}: {described}")
    assert not passed, f"FUZZ_SEED={SEED}"
