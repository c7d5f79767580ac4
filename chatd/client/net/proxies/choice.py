"""Which proxy to use: the one that was named, or the one of the environment, or none."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from chatd.client.core.address import Address
from chatd.client.core.proxy import Proxy, parse_proxy

NONE: Final = "none"
"""What is written for no proxy at all, whatever the environment says."""

_NAMES: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""Where a proxy may be named, the one that wins first; of each, the small letters win, as with curl."""

_EXEMPT: Final = ("no_proxy", "NO_PROXY")

_WITH_PORT: Final = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]+))?")

_Ip = IPv4Address | IPv6Address


def choose_proxy(named: str | None, environment: Mapping[str, str], server: Address) -> Proxy | None:
    """Return the proxy to ``server``: the ``named`` one unless it is `NONE`, else that of ``environment``.

    A server on this machine is never reached through a proxy that only the environment names. Raises
    `ClientError` ``bad-proxy``.
    """
    if named is not None:
        return None if named.strip().lower() == NONE else parse_proxy(named)
    name = next((name for name in _NAMES if environment.get(name, "").strip()), None)
    if name is None or server.here:
        return None
    exempt = next((environment[name] for name in _EXEMPT if environment.get(name, "").strip()), "")
    if is_exempt(server.host, server.port, exempt):
        return None
    return parse_proxy(environment[name], f"${name}")


def is_exempt(host: str, port: int, exempt: str) -> bool:
    """Return whether ``exempt``, written like NO_PROXY, has an entry for ``host``.

    Entries stand between commas or blanks: ``*``, a name (with all names below it), an address, or a network
    as ADDRESS/BITS; a name or an address may have a ``:PORT``.
    """
    return any(_covers(entry, host, port) for entry in re.split(r"[,\s]+", exempt) if entry)


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    address = _ip(host)
    if "/" in entry:
        return address is not None and _within(address, entry)
    whole, wanted = _split(entry)
    if wanted and wanted != port:
        return False
    if address is not None:
        return _ip(whole) == address
    domain = _folded(whole).removeprefix("*").removeprefix(".")
    return bool(domain) and f".{_folded(host)}".endswith(f".{domain}")


def _split(entry: str) -> tuple[str, int]:
    if _ip(entry) is not None:
        return entry, 0
    found = _WITH_PORT.fullmatch(entry)
    if found is None:
        return entry, 0
    return found["v6"] or found["host"], int(found["port"] or 0)


def _within(address: _Ip, network: str) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False


def _ip(text: str) -> _Ip | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _folded(name: str) -> str:
    return name.lower().rstrip(".")
