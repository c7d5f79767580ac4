"""Addresses: where a server is, as people write it."""

import re
from ipaddress import ip_address
from typing import Final, Literal

from msgspec import Struct

from chatd.client.core.problems import ClientError

DEFAULT: Final = "127.0.0.1:7411"
"""Where a daemon without any configuration listens."""

PLAIN_PORT: Final = 7411
TLS_PORT: Final = 7412

WEB_PATH: Final = "/ws"
"""Where WebSocket is spoken unless another path is named."""

_FORM: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:/\s]+))(?::(?P<port>[0-9]{1,5}))?"
)

_SHORT_LOOPBACK: Final = re.compile(r"127\.[0-9.]+")
"""127.1 and its like, which the system takes for 127.0.0.1."""

_PATH: Final = re.compile(r"/[!-\"$-~]*")

Scheme = Literal["tcp", "tls", "ws", "wss", "unix"]
_PORTS: Final[dict[Scheme, int]] = {"tcp": PLAIN_PORT, "tls": TLS_PORT, "ws": 80, "wss": 443}
_SECURED: Final[dict[Scheme, Scheme]] = {"tcp": "tls", "tls": "tls", "ws": "wss", "wss": "wss"}


class Address(Struct, frozen=True):
    """One server: ``host`` and ``port``, or for ``unix`` the socket's path as host.

    ``path`` is where WebSocket is spoken, with the schemes ``ws`` and ``wss``.
    """

    scheme: Scheme
    host: str
    port: int = 0
    path: str = WEB_PATH

    def __str__(self) -> str:
        """Return the form that people are shown: HOST:PORT."""
        if self.scheme == "unix":
            return f"unix:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """Return the form that tells any two addresses apart."""
        if self.scheme == "unix":
            return str(self)
        return f"{self.scheme}://{self}{self.path if self.path != WEB_PATH else ''}"

    @property
    def url(self) -> str:
        """Return the URL of a place where WebSocket is spoken."""
        return f"{self.scheme}://{self}{self.path}"

    @property
    def web(self) -> bool:
        """Return whether WebSocket is spoken there."""
        return self.scheme in {"ws", "wss"}

    @property
    def tls(self) -> bool:
        """Return whether TLS is spoken there."""
        return self.scheme in {"tls", "wss"}

    @property
    def secured(self) -> str:
        """Return how people write that TLS is to be spoken at the same place; "" for a UNIX socket."""
        if self.scheme == "unix":
            return ""
        scheme = _SECURED[self.scheme]
        return f"{scheme}://{str(self).removesuffix(f':{_PORTS[scheme]}')}"

    @property
    def here(self) -> bool:
        """Return whether it is an address of this machine, by whatever name for it."""
        if self.scheme == "unix":
            return True
        host = self.host.lower().rstrip(".")
        try:
            found = ip_address(host)
        except ValueError:
            return f".{host}".endswith(".localhost") or bool(_SHORT_LOOPBACK.fullmatch(host))
        found = getattr(found, "ipv4_mapped", None) or found
        return found.is_loopback or found.is_unspecified

    @property
    def host_key(self) -> str:
        """Return what is the same for all addresses of one machine: every way to say "here" is one.

        It tells which addresses may be of the same server, not that a secret may go from one to another.
        """
        return "localhost" if self.here else self.host.lower().rstrip(".")


def parse_address(text: str) -> Address:
    """Return the address meant by ``HOST[:PORT]``, ``[V6]:PORT``, ``tls://…``, ``wss://…`` or ``unix:PATH``.

    Raises `ClientError` ``bad-address``.
    """
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address("unix", text.removeprefix("unix:"))
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    kind = next((known for known in _PORTS if known == scheme), None)
    if kind is None:
        raise _wrong(text)
    place, _, below = rest.partition("/") if kind in {"ws", "wss"} else (rest.rstrip("/"), "", "")
    found, path = _FORM.fullmatch(place), f"/{below}" if below else WEB_PATH
    if found is None or not _PATH.fullmatch(path):
        raise _wrong(text)
    port = int(found["port"]) if found["port"] else _PORTS[kind]
    if not 1 <= port <= 65_535:  # noqa: PLR2004 - the ports there are
        raise _wrong(text)
    return Address(kind, found["v6"] or found["host"], port, path)


def _wrong(text: str) -> ClientError:
    return ClientError(
        "bad-address",
        f"{text!r} is no address; write HOST, HOST:PORT, [IPV6]:PORT, tls://HOST[:PORT],"
        " wss://HOST[:PORT][/PATH] or unix:PATH.",
    )
