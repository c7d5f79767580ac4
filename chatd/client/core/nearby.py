"""Servers nearby: what becomes of the announcements that were heard, and which server is meant by ``lan``.

What is announced is data of strangers. It makes an address as a person might type one, and nothing more: who
we are there, and whether TLS is spoken, is settled as for any other address.
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from msgspec import Struct

from chatd.client.core.address import Address, Scheme
from chatd.client.core.problems import ClientError
from chatd.lan.announcement import Announcement
from chatd.lan.places import can_be_reached

MOST: Final = 50
"""Servers that are shown; a network with more of them is not told from one where somebody plays."""


class Heard(NamedTuple):
    """An announcement, and the addresses that came with it."""

    announcement: Announcement
    addresses: tuple[str, ...]


class Nearby(Struct, frozen=True):
    """One server that announces itself: its ``name`` is what it says itself.

    ``page`` is the URL of its page, "" for none. ``answers`` is whether somebody takes connections there,
    ``known`` whether the profile has a secret or a pin of it, and ``lowered`` whether it announces plain text
    on a host that the profile knows by TLS.
    """

    name: str
    address: Address
    page: str = ""
    answers: bool = False
    known: bool = False
    lowered: bool = False

    @property
    def written(self) -> str:
        """Return its address as a person writes it for ``--server``."""
        return self.address.text.removeprefix("tcp://")

    @property
    def can_be_meant(self) -> bool:
        """Return whether it may be taken by itself."""
        return self.answers and not self.lowered


def servers(heard: Iterable[Heard]) -> list[Nearby]:
    """Return the servers that were ``heard``, by name, each of them once."""
    found = {one.address.text: one for one in map(_server, heard) if one is not None}
    return sorted(found.values(), key=lambda one: (one.name.casefold(), one.written))[:MOST]


def _server(heard: Heard) -> Nearby | None:
    """Return where a client would go; None where nobody could, or it is this machine's own business."""
    one = heard.announcement
    host = one.host or next(filter(can_be_reached, heard.addresses), "")
    scheme = _SCHEMES[one.way, one.tls]
    address = Address(scheme, host, one.port)
    if not host or address.here:
        return None
    page = f"http{'s' if one.web_tls else ''}://{Address('tcp', host, one.web)}/" if one.web else ""
    return Nearby(one.name, address, page)


_SCHEMES: Final[dict[tuple[str, bool], Scheme]] = {
    ("native", False): "tcp",
    ("native", True): "tls",
    ("web", False): "ws",
    ("web", True): "wss",
}


def is_lowered(address: Address, secured: Collection[str]) -> bool:
    """Return whether ``address`` is in plain text, and its host one of those that are known by TLS."""
    return not address.tls and address.host_key in secured


def meant(found: Collection[Nearby]) -> list[Nearby]:
    """Return those of which one is meant by ``lan``. Raises `ClientError` where there is none."""
    usable = [one for one in found if one.can_be_meant]
    if usable:
        return usable
    lowered = next((one for one in found if one.lowered), None)
    if lowered is not None:
        raise ClientError(
            "server-lowered",
            f"{lowered.written} announces itself in plain text, but you know that host by TLS;"
            f" if that is right, write --server {lowered.written}.",
        )
    if found:
        raise ClientError(
            "no-server", "No server that announces itself here answers; see chatc servers, or try again."
        )
    raise ClientError("no-server", "No server announces itself on the local network; write --server HOST.")
