"""Announcements: what a server says of itself by multicast DNS on the local network (RFC 6763).

docs/PROTOCOL.md, "Found without an address". What comes in is data of strangers: whatever is not in order
is no announcement.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

SERVICE: Final = "_chatd._tcp.local."
"""The type of service under which servers are found."""

NAME_BYTES: Final = 63
"""Bytes of UTF-8 that a name may have: a label of DNS."""

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")

_MAX_PORT: Final = 65_535

Way = Literal["native", "web"]


class Announcement(Struct, frozen=True, kw_only=True):
    """One server: its ``name`` for people, and that ``way`` is spoken at ``port``, over TLS or not.

    ``web`` is the port of its page, 0 for none, with TLS or not. ``host`` is the name by which DNS knows the
    server and to which its certificate is made out, "" where it is reached by its addresses.
    """

    name: str
    port: int
    way: Way = "native"
    tls: bool = False
    web: int = 0
    web_tls: bool = False
    host: str = ""

    @property
    def properties(self) -> dict[str, str]:
        """Return what is said in the TXT record."""
        told = {"v": "1", "way": self.way, "tls": _YES if self.tls else _NO}
        if self.web:
            told |= {"web": str(self.web), "webtls": _YES if self.web_tls else _NO}
        if self.host:
            told["host"] = self.host
        return told


_YES: Final = "1"
_NO: Final = "0"


def is_host(text: str) -> bool:
    """Return whether ``text`` can be the name of a host."""
    return _HOST.fullmatch(text) is not None


def read(name: str, port: int | None, properties: Mapping[bytes, bytes | None]) -> Announcement | None:
    """Return the announcement that was heard under ``name``, or None where it is none that can be used."""
    told = {key.decode("ascii", "replace"): value or b"" for key, value in properties.items()}
    said = {key: value.decode("ascii", "replace") for key, value in told.items()}
    way, host, web = said.get("way", "native"), said.get("host", ""), said.get("web", "")
    if not name or port is None or not 1 <= port <= _MAX_PORT:
        return None
    if way not in {"native", "web"} or (host and not is_host(host)):
        return None
    if web and (not _PORT.fullmatch(web) or int(web) > _MAX_PORT):
        return None
    return Announcement(
        name=name,
        port=port,
        way="web" if way == "web" else "native",
        tls=said.get("tls") == _YES,
        web=int(web or 0),
        web_tls=said.get("webtls") == _YES,
        host=host.rstrip("."),
    )
