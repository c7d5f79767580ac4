"""Relays that may speak for others: the ``trusted`` networks of a listener with ``proxy_protocol``."""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from chatd.ops.reading import Problem
from chatd.ops.settings import ListenConfig

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX: Final = "unix"
"""How ``trusted`` names everyone who may open the listener's UNIX socket."""


class Trusted:
    """The networks of relays that are believed; ask with ``host in trusted``.

    ``words`` are networks such as ``10.0.0.0/8``, single addresses, and ``unix``. Raises ValueError.
    """

    def __init__(self, words: Iterable[str]) -> None:
        words = tuple(words)
        self._unix = UNIX in words
        self._networks = [_network(word) for word in words if word != UNIX]

    def __contains__(self, host: str) -> bool:
        """Return whether ``host``, an IP address or ``unix``, is one of them."""
        if host == UNIX:
            return self._unix
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


def _network(word: str) -> Network:
    network = ipaddress.ip_network(word)
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError("IPv4 addresses are written as such")
    return network


def relay_problems(listen: ListenConfig, path: str, *, tls: bool) -> Iterator[Problem]:
    """Yield the problems with the relays of the listener at ``path``, whose endpoint has ``tls`` or not."""
    if listen.proxy_protocol and not listen.trusted:
        yield Problem(
            f"{path}.trusted",
            "proxy_protocol needs the networks that the relay connects from; "
            'name them, such as ["10.0.0.0/8"].',
        )
    if listen.trusted and not listen.proxy_protocol:
        yield Problem(
            f"{path}.trusted", "trusted has no effect alone; say proxy_protocol = true or leave it out."
        )
    if listen.proxy_protocol and tls:
        yield Problem(
            f"{path}.endpoint",
            "an ssl: endpoint cannot take the PROXY header, which comes before TLS; "
            "write tcp: with certificate and key.",
        )
    for index, word in enumerate(listen.trusted):
        try:
            Trusted([word])
        except ValueError:
            yield Problem(
                f"{path}.trusted[{index}]",
                f'{word!r} is not a network; right ones are "10.0.0.0/8", "2001:db8::/32" and "unix".',
            )
