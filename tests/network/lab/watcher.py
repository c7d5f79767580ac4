"""Tells which servers announce themselves, and which say goodbye.

    python -m tests.network.lab.watcher [GHOST PORT]

It prints ``+ NAME`` and ``- NAME``. With GHOST it announces a server of that name at a port where nobody is.
"""

import asyncio
import sys

from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo

from chatd.lan.announcement import SERVICE, Announcement
from chatd.lan.multicast import open_zeroconf, places

_SIGNS = {ServiceStateChange.Added: "+", ServiceStateChange.Removed: "-"}


def tell(words: str) -> None:
    """Print ``words`` at once."""
    print(words, flush=True)  # noqa: T201 - who started it reads that


def changed(name: str, state_change: ServiceStateChange, **_: object) -> None:
    """Print what became of a server."""
    if state_change in _SIGNS:
        tell(f"{_SIGNS[state_change]} {name.removesuffix(f'.{SERVICE}')}")


async def main(ghost: str = "", port: str = "0") -> None:
    """Watch until killed."""
    here = places()
    speaking = open_zeroconf(here)
    AsyncServiceBrowser(speaking.zeroconf, SERVICE, handlers=[changed])
    if ghost:
        said = Announcement(name=ghost, port=int(port))
        info = AsyncServiceInfo(
            SERVICE,
            f"{ghost}.{SERVICE}",
            port=said.port,
            properties=said.properties,
            server="ghost.local.",
            parsed_addresses=[place.address for place in here],
        )
        await speaking.async_register_service(info)
    tell("ready")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
