"""Networks: ranges of addresses, as bans name them."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def within(host: str, network: str) -> bool:
    """Return whether the address ``host`` lies in ``network``."""
    addresses, address = _network(network), _address(host)
    return addresses is not None and address is not None and address in addresses


@lru_cache(maxsize=4096)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def network_named(text: str) -> str | None:
    """Return the range of addresses that ``text`` names in its one spelling, or None."""
    network = _network(text)
    return None if network is None else str(network)
