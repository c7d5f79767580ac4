"""Proxies as people write them: a scheme, perhaps a name and a password, a host and a port."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal, get_args
from urllib.parse import unquote_to_bytes

from chatd.client.core.problems import ClientError

Scheme = Literal["http", "https", "socks5", "socks5h"]

_PORTS: Final[dict[Scheme, int]] = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_FORM: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:/?#\s@]+))(?::(?P<port>[0-9]{1,5}))?/?"
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}")
_SCHEMES: Final = "http://, https://, socks5:// or socks5h://"

LONGEST_NAME: Final = 255
"""Bytes that a name, a password and a host may have in SOCKS5 (RFC 1928, RFC 1929)."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy; ``user`` is None where it is to be used without a name."""

    scheme: Scheme
    host: str
    port: int
    user: bytes | None = None
    password: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        """Return the form that people are shown: HOST:PORT, never the password."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def with_name(self) -> str:
        """Return how this proxy is written with a name and a password, as an example."""
        return f"{self.scheme}://USER:PASSWORD@{self}"


def bracketed(host: str) -> str:
    """Return ``host`` as it stands before a port (RFC 3986)."""
    return f"[{host}]" if ":" in host else host


def parse_proxy(text: str, source: str = "--proxy") -> Proxy:
    """Return the proxy meant by ``SCHEME://[USER:PASSWORD@]HOST[:PORT]``; without a scheme it is ``http``.

    ``source`` tells where the text is from. Raises `ClientError` ``bad-proxy``, which never shows the text:
    there may be a password in it.
    """
    before, separator, rest = text.strip().rpartition("://")
    scheme = _scheme(before if separator else "http", source)
    userinfo, at, place = rest.rpartition("@")
    found = _FORM.fullmatch(place)
    if found is None:
        raise _wrong(source, "names no host and port")
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if not 1 <= port <= 65_535:  # noqa: PLR2004 - the ports there are
        raise _wrong(source, "names a port that does not exist")
    host = found["v6"] or found["host"]
    if not at:
        return Proxy(scheme, host, port)
    user, _, password = userinfo.partition(":")
    return _checked(Proxy(scheme, host, port, unquote_to_bytes(user), unquote_to_bytes(password)), source)


def _scheme(text: str, source: str) -> Scheme:
    for scheme in get_args(Scheme):
        if text.lower() == scheme:
            known: Scheme = scheme
            return known
    shown = f"{text}://" if _SCHEME.fullmatch(text) else "something else"
    raise ClientError("bad-proxy", f"The proxy in {source} begins with {shown}; write {_SCHEMES}.")


def _checked(proxy: Proxy, source: str) -> Proxy:
    user = proxy.user or b""
    if proxy.scheme.startswith("socks"):
        if max(len(user), len(proxy.password)) > LONGEST_NAME:
            raise _wrong(source, f"has a name or a password of more than {LONGEST_NAME} bytes")
    elif b":" in user:
        raise _wrong(source, "has a name with a colon in it, which HTTP cannot carry")
    return proxy


def _wrong(source: str, fault: str) -> ClientError:
    return ClientError(
        "bad-proxy",
        f"The proxy in {source} {fault}; write SCHEME://[USER:PASSWORD@]HOST:PORT with {_SCHEMES}.",
    )
