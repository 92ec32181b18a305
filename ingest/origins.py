"""Where a call comes from, as an event's history notes it.

Anybody can write an X-Forwarded-For. It is believed only of a proxy that the operator named, and of each address in it
only what the proxies after it said: so it is read from its end, up to the first address that is no proxy of ours.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from domain.history import Origin
from ingest.calls import Call

Network = IPv4Network | IPv6Network
USER_AGENT_CHARACTERS_MAX: Final = 500
"""The longest of browsers have about 300."""


def origin_of(call: Call, proxies: Sequence[Network]) -> Origin:
    """The caller's address, and what he calls his program."""
    agent = call.headers.get(b"user-agent", b"").decode("utf-8", "replace")[:USER_AGENT_CHARACTERS_MAX]
    return Origin(address_of(call.peer, call.headers.get(b"x-forwarded-for", b""), proxies), agent or None)


def comes_from(call: Call, networks: Sequence[Network], proxies: Sequence[Network]) -> bool:
    """Whether whoever is behind our proxies calls from one of these networks."""
    address = parse(address_of(call.peer, call.headers.get(b"x-forwarded-for", b""), proxies) or "")
    return address is not None and any(address in network for network in networks)


def address_of(peer: str | None, forwarded: bytes, proxies: Sequence[Network]) -> str | None:
    """The address of whoever is behind our proxies; None if the peer has none (a Unix socket)."""
    address = parse(peer or "")
    hops = forwarded.decode("latin-1").split(",")
    while address is not None and hops and any(address in network for network in proxies):
        before = parse(hops.pop())
        if before is None:
            break
        address = before
    return None if address is None else str(address)


def parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without a port behind it; one that is only mapped to IPv6 as it is."""
    text = text.strip()
    host = (
        text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0] if text.count(":") == 1 else text
    )
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
