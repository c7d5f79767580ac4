"""Networks: ranges of addresses, as bans name them."""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")


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


def unmapped(network: str) -> str:
    """Return ``network`` as IPv4 where it is IPv4 in the clothes of IPv6, which no peer's address is."""
    made = ip_network(network)
    mapped = made.network_address.ipv4_mapped if isinstance(made, IPv6Network) else None
    return network if mapped is None or made.prefixlen < _MAPPED else f"{mapped}/{made.prefixlen - _MAPPED}"


def is_wide(network: str) -> bool:
    """Return whether ``network`` is so large that whoever bans it has hardly meant all of it."""
    made = ip_network(unmapped(network))
    return made.prefixlen < NARROWEST[made.version]


NARROWEST: Final = {4: 8, 6: 16}
"""Bits of the prefix that a ban has at least, by the version of IP: no registry hands out larger networks."""

_MAPPED: Final = 96
"""Bits before the IPv4 address in an address of IPv6 that stands for one."""


def shown(network: str) -> str:
    """Return ``network`` as people write it: a single address without the length of its prefix."""
    made = ip_network(network)
    return str(made.network_address) if made.prefixlen == made.max_prefixlen else network


class Networks(Generic[Value]):
    """A value for each of some networks, found by an address with a look per length of their prefixes."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        self._by_size: dict[tuple[int, int], dict[int, Value]] = {}

    def __len__(self) -> int:
        """Return how many networks there are."""
        return len(self._values)

    def __contains__(self, network: str) -> bool:
        """Return whether ``network``, in its one spelling, is one of them."""
        return network in self._values

    def put(self, network: str, value: Value) -> Value | None:
        """Give ``network``, in its one spelling, another ``value``; return the one that it had."""
        before = self._values.get(network)
        self._values[network] = value
        size, number = _place(network)
        self._by_size.setdefault(size, {})[number] = value
        return before

    def drop(self, network: str) -> Value:
        """Forget ``network`` and return its value. Raises KeyError."""
        value = self._values.pop(network)
        size, number = _place(network)
        same = self._by_size[size]
        del same[number]
        if not same:
            del self._by_size[size]
        return value

    def values(self) -> list[Value]:
        """Return the values, in the order in which their networks came."""
        return list(self._values.values())

    def around(self, host: str) -> Iterator[Value]:
        """Yield the values of the networks in which the address ``host`` lies."""
        if not self._by_size:
            return
        address = _address(host)
        if address is None:
            return
        for (version, rest), same in self._by_size.items():
            if version == address.version and int(address) >> rest in same:
                yield same[int(address) >> rest]


def _place(network: str) -> tuple[tuple[int, int], int]:
    """Return the version and the bits behind the prefix of ``network``, and its prefix as a number."""
    made = ip_network(network)
    rest = made.max_prefixlen - made.prefixlen
    return (made.version, rest), int(made.network_address) >> rest
