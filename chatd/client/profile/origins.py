"""Origins: where a secret may go.

It goes to the scheme, host and port that gave it, and to those that a person has named for it; never from TLS
to plain text.

``localhost``, ``127.0.0.1``, ``::1`` and a UNIX socket are four origins: another user of the machine may
listen at one of them while the daemon listens at another.
"""

from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from msgspec import Struct

from chatd.client.core.address import Address
from chatd.client.core.proxy import Proxy
from chatd.disk import rooted


class Origin(Struct, frozen=True):
    """One place that gives and takes secrets; ``machine`` is the same for all of one machine."""

    text: str
    machine: str

    @property
    def secure(self) -> bool:
        """Return whether what is said there is encrypted, to somebody who was verified."""
        return self.text.startswith(_SECURE)

    def takes(self, giver: str) -> bool:
        """Return whether a secret that ``giver`` gave may be said here at all, if a person wants it."""
        return self.secure or not giver.startswith(_SECURE)


def origin_of(address: Address, proxy: Proxy | None = None) -> Origin:
    """Return the origin that ``address`` names, reached through ``proxy`` if there is one.

    What is written as this machine is another one behind each proxy, so that the proxy is part of it there.
    """
    if address.scheme == "unix":
        return Origin(f"unix:{rooted(Path(address.host))}", address.host_key)
    host = address.host.lower().rstrip(".")
    with suppress(ValueError):
        host = str(ip_address(host))
    text = Address(address.scheme, host, address.port).text
    if proxy is not None and address.here:
        behind = f"{_THROUGH}{proxy.scheme}://{proxy}".lower()
        return Origin(text + behind, address.host_key + behind)
    return Origin(text, address.host_key)


_SECURE: Final = ("tls://", "wss://")
"""How the origins begin that are reached by TLS."""

_THROUGH: Final = " through "
"""What stands between a server and the proxy that leads to it."""


def written(text: str) -> str:
    """Return how people write the address of the origin ``text``."""
    return text.partition(_THROUGH)[0].removeprefix("tcp://")
