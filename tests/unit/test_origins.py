"""ingest.origins: an address is believed as far as those who told it are our own proxies."""

from ipaddress import ip_network

import pytest

from ingest.calls import Call
from ingest.clients import NOBODY
from ingest.origins import address_of, comes_from

NETWORKS = [ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")]
PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # no proxy of ours: anybody can write that
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),  # what the caller himself wrote stands before
        ("10.0.0.1", "192.0.2.66, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("2001:db8:ffff::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, _hidden, 10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        (None, "198.51.100.1", None),
        ("", "198.51.100.1", None),
    ],
)
def test_a_forwarded_address_is_read_from_its_end(peer: str | None, forwarded: str, address: str | None) -> None:
    assert address_of(peer, forwarded.encode(), PROXIES) == address


def test_without_named_proxies_no_header_counts() -> None:
    assert address_of("10.0.0.1", b"198.51.100.1", []) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "listed"),
    [
        ("198.51.100.7", "", True),
        ("2001:db8::7", "", True),
        ("203.0.113.9", "", False),
        ("203.0.113.9", "198.51.100.7", False),  # no proxy of ours: anybody can write that
        ("10.0.0.1", "198.51.100.7", True),
        ("10.0.0.1", "198.51.100.7, 203.0.113.9", False),  # the caller wrote what stands before
        ("10.0.0.1", "", False),
        (None, "198.51.100.7", False),
    ],
)
def test_a_caller_is_of_a_network_by_the_address_that_is_believed(
    peer: str | None, forwarded: str, listed: bool
) -> None:
    call = Call(NOBODY, "POST /", {}, b"", {b"x-forwarded-for": forwarded.encode()}, b"", peer)
    assert comes_from(call, NETWORKS, PROXIES) is listed
