"""What the daemon says of itself on the local network: decided by what listens where."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final, NamedTuple

from chatd.lan.announcement import NAME_BYTES, Announcement
from chatd.lan.places import Place
from chatd.ops.settings import LanConfig

_ANY: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what is told, not what is listened on


class Open(NamedTuple):
    """A listener for TCP that is open on ``interface``, an address or "" or "::" for all of them.

    ``relayed`` is one at which nobody but a relay may connect.
    """

    protocol: str
    tls: bool
    interface: str
    port: int
    relayed: bool = False


class Saying(NamedTuple):
    """What is to be announced, and at which addresses of this machine it is true: "" and "::" are all."""

    announcement: Announcement
    interface: str

    def places(self, there: Iterable[Place]) -> tuple[Place, ...]:
        """Return those of the places that are ``there`` at which the server can be reached."""
        if self.interface == "::":
            return tuple(there)
        if self.interface in _ANY:
            return tuple(place for place in there if ":" not in place.address)
        return tuple(place for place in there if place.address == self.interface)


def saying(lan: LanConfig, listeners: Iterable[Open], machine: str) -> Saying | None:
    """Return what the daemon announces by its ``listeners``; None where nobody else can reach one of them.

    ``machine`` is the name of the machine, under which it is found where ``lan`` says no other.
    """
    reached = [one for one in listeners if not one.relayed and not _is_here(one.interface)]
    native = _best(reached, "native")
    web = _best((one for one in reached if native is None or _is_where(native, one)), "web")
    main = native or web
    if main is None:
        return None
    said = Announcement(
        name=lan.name or _cut(machine) or "chatd",
        port=main.port,
        way="web" if native is None else "native",
        tls=main.tls,
        web=0 if web is None else web.port,
        web_tls=web is not None and web.tls,
        host=lan.host,
    )
    return Saying(said, main.interface)


def _best(listeners: Iterable[Open], protocol: str) -> Open | None:
    """Return the first listener for ``protocol``, one with TLS before all others."""
    spoken = [one for one in listeners if one.protocol == protocol]
    return min(spoken, key=lambda one: not one.tls, default=None)


def _is_where(one: Open, other: Open) -> bool:
    """Return whether ``other`` can be reached at an address at which ``one`` is found."""
    if other.interface in _ANY:
        return ":" not in one.interface or "::" in (one.interface, other.interface)
    return other.interface == one.interface


def _is_here(interface: str) -> bool:
    if interface in _ANY:
        return False
    address = ip_address(interface.partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _cut(machine: str) -> str:
    """Return the name of the machine without its domain, as far as a name in DNS may go."""
    name = "".join(letter for letter in machine.partition(".")[0] if letter.isprintable())
    return name.encode()[:NAME_BYTES].decode(errors="ignore")
