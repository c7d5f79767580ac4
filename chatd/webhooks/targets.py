"""Targets: which addresses a hook may reach, so that nobody asks of this server what only it can reach.

The address that is connected to is what is checked, behind the look-up of its name, so that a name that
means something else a moment later gains nothing.
"""

import ipaddress
from typing import Final

from chatd.ops.relays import Trusted

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_LOW: Final = 0xFFFF_FFFF

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def may_reach(host: str, allowed: Trusted, *, secure: bool) -> bool:
    """Return whether the address ``host`` may be reached: a public one over TLS, or an ``allowed`` one."""
    if host in allowed:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return secure and all(map(_is_public, (address, *_within(address))))


def _is_public(address: Address) -> bool:
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    )


def _within(address: Address) -> list[Address]:
    """Return the addresses of IPv4 to which a network may lead what is sent to ``address``."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & _LOW))
    return [one for one in found if one is not None]
