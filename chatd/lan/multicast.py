"""Multicast DNS over the interfaces of this machine.

The package zeroconf is an extra (``lan``), imported where it is used and nowhere else.
"""

import logging
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from chatd.lan.places import Place, can_be_reached

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

MISSING: Final = "this needs a package: pip install 'chatd[lan]'"


def is_installed() -> bool:
    """Return whether the package is there."""
    return find_spec("zeroconf") is not None


def places() -> tuple[Place, ...]:
    """Return where others on the local networks can reach this machine, in a fixed order."""
    import ifaddr  # noqa: PLC0415 - it comes with zeroconf

    found = {
        Place(text, adapter.index or 0)
        for adapter in ifaddr.get_adapters()
        for one in adapter.ips
        if can_be_reached(text := one.ip if isinstance(one.ip, str) else one.ip[0])
    }
    return tuple(sorted(found, key=lambda place: (":" in place.address, place.address)))


def open_zeroconf(over: Iterable[Place]) -> "AsyncZeroconf":
    """Return what speaks multicast DNS ``over`` these places, on the loop that runs.

    Raises `OSError` where it cannot be.
    """
    from zeroconf import IPVersion  # noqa: PLC0415 - see above
    from zeroconf.asyncio import AsyncZeroconf  # noqa: PLC0415

    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # what strangers send is no news
    listed = list(over)
    four = [place.address for place in listed if ":" not in place.address]
    six = sorted({place.interface for place in listed if ":" in place.address})
    version = IPVersion.All if four and six else IPVersion.V6Only if six else IPVersion.V4Only
    return AsyncZeroconf(interfaces=[*four, *six], ip_version=version)
