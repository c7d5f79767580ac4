"""The names of peers, as logs and limits know them."""

from ipaddress import IPv6Network
from typing import Any, Final

from twisted.internet.interfaces import IAddress

LOCAL_HOST: Final = "unix"
"""The host of whoever comes over a UNIX socket."""


def relay_of(transport: Any) -> str | None:
    """Return the address of the relay that the connection came through; None if it came directly."""
    relay: str | None = getattr(transport, "relay", None)
    return relay


def name_of(address: IAddress | None) -> str:
    """Return a peer's address as logs show it: HOST:PORT, IPv4 as IPv4 also on a dual-stack listener."""
    host = getattr(address, "host", None)
    if host is None:
        return LOCAL_HOST
    host = host_of(address)
    port = getattr(address, "port", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(address: IAddress | None) -> str:
    """Return a peer's host without the port; ``unix`` for a UNIX socket."""
    host: str | None = getattr(address, "host", None)
    return LOCAL_HOST if host is None else host.removeprefix("::ffff:")


def is_local(host: str) -> bool:
    """Return whether ``host`` is this machine, where one relay may speak for many clients."""
    return host in {LOCAL_HOST, "::1"} or host.startswith("127.")


def network_of(host: str) -> str:
    """Return the addresses that one subscriber has: ``host`` itself, or the /64 network of an IPv6 address.

    Limits count by it, since whoever has one IPv6 address has 2**64 of them.
    """
    return _network(host, 64) or host


def wide_network_of(host: str) -> str | None:
    """Return the /48 network of an IPv6 address: what one contract may bring; None for any other host."""
    return _network(host, 48)


def _network(host: str, bits: int) -> str | None:
    if ":" not in host:
        return None
    try:
        return str(IPv6Network((host.partition("%")[0], bits), strict=False))
    except ValueError:
        return None
