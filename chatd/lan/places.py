"""Places: addresses of machines, and at which of them others can reach one."""

from ipaddress import IPv4Address, ip_address
from typing import NamedTuple


class Place(NamedTuple):
    """One address of this machine, and the number of the interface that has it."""

    address: str
    interface: int


def can_be_reached(text: str) -> bool:
    """Return whether ``text`` is an address at which others can reach a machine, as it is written.

    Addresses of IPv6 that hold for one link alone are left out: they mean nothing without an interface.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved:
        return False
    return isinstance(address, IPv4Address) or not (address.is_link_local or address.ipv4_mapped)
