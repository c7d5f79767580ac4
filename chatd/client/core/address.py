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

_PORTS: Final = {"tcp": PLAIN_PORT, "tls": TLS_PORT}
_FORM: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:/\s]+))(?::(?P<port>[0-9]{1,5}))?"
)

_SHORT_LOOPBACK: Final = re.compile(r"127\.[0-9.]+")
"""127.1 and its like, which the system takes for 127.0.0.1."""

Scheme = Literal["tcp", "tls", "unix"]


class Address(Struct, frozen=True):
    """One server: ``host`` and ``port``, or for ``unix`` the socket's path as host."""

    scheme: Scheme
    host: str
    port: int = 0

    def __str__(self) -> str:
        """Return the form that people are shown: HOST:PORT."""
        if self.scheme == "unix":
            return f"unix:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """Return the form that tells any two addresses apart."""
        return str(self) if self.scheme == "unix" else f"{self.scheme}://{self}"

    @property
    def secured(self) -> str:
        """Return how people write that TLS is to be spoken at the same place; "" for a UNIX socket."""
        return "" if self.scheme == "unix" else f"tls://{str(self).removesuffix(f':{TLS_PORT}')}"

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
    """Return the address meant by ``HOST[:PORT]``, ``[V6]:PORT``, ``tls://…`` or ``unix:PATH``.

    Raises `ClientError` ``bad-address``.
    """
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address("unix", text.removeprefix("unix:"))
    scheme, separator, rest = text.rpartition("://")
    found = _FORM.fullmatch(rest.rstrip("/"))
    if found is None or (separator and scheme not in _PORTS):
        raise _wrong(text)
    kind: Scheme = "tls" if scheme == "tls" else "tcp"
    port = int(found["port"]) if found["port"] else _PORTS[kind]
    if not 1 <= port <= 65_535:  # noqa: PLR2004 - the ports there are
        raise _wrong(text)
    return Address(kind, found["v6"] or found["host"], port)


def _wrong(text: str) -> ClientError:
    return ClientError(
        "bad-address",
        f"{text!r} is no address; write HOST, HOST:PORT, [IPV6]:PORT, tls://HOST[:PORT] or unix:PATH.",
    )
