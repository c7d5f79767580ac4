"""Browsing: the servers that announce themselves on the local network, heard for a bounded time.

It waits, before a program begins with its reactor, and imports what is large only then.
"""

import asyncio
from collections.abc import Iterable
from threading import Thread
from time import monotonic
from typing import Final

from chatd.client.core.address import Address
from chatd.client.core.nearby import MOST, Heard
from chatd.client.core.problems import ClientError
from chatd.client.net.probe import answers, takes
from chatd.lan.announcement import SERVICE, read
from chatd.lan.multicast import MISSING, is_installed, open_zeroconf, places
from chatd.lan.places import Place

SECONDS: Final = 2.0
"""How long is listened: answers come within 0.2 s, and what is lost is asked for again after a second."""

_ASKED: Final = 500
"""Milliseconds in which a server that was heard tells the rest."""

KNOCK: Final = 1.5
"""Seconds in which a server on the local network has to take a connection."""


def browse(seconds: float = SECONDS) -> list[Heard]:
    """Return what is announced. Raises `ClientError` where nothing can be heard here."""
    if not is_installed():
        raise ClientError("no-lan", f"Servers cannot be looked for: {MISSING}.")
    here = places()
    if not here:
        raise ClientError("no-lan", "This machine has no address on a local network; connect it to one.")
    try:
        return asyncio.run(_browse(here, seconds))
    except OSError as error:
        raise ClientError(
            "no-lan", f"Servers cannot be looked for: {error.strerror or error}; write --server HOST."
        ) from None


async def _browse(here: Iterable[Place], seconds: float) -> list[Heard]:
    from zeroconf import ServiceStateChange  # noqa: PLC0415 - an extra
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo  # noqa: PLC0415

    names: set[str] = set()

    def changed(name: str, state_change: ServiceStateChange, **_: object) -> None:
        if state_change is ServiceStateChange.Removed:
            names.discard(name)
        elif len(names) < MOST:
            names.add(name)

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # an interface that goes is no news
    speaking = open_zeroconf(here)
    try:
        browser = AsyncServiceBrowser(speaking.zeroconf, SERVICE, handlers=[changed])
        await asyncio.sleep(seconds)
        await browser.async_cancel()
        infos = [AsyncServiceInfo(SERVICE, name) for name in names]
        await asyncio.gather(*(info.async_request(speaking.zeroconf, _ASKED) for info in infos))
    finally:
        await speaking.async_close()
    heard = []
    for info in infos:
        name = info.name.removesuffix(f".{SERVICE}")
        announcement = read(name, info.port, info.properties)
        if announcement is not None:
            heard.append(Heard(announcement, tuple(info.parsed_addresses())))
    return heard


def knock(addresses: Iterable[Address]) -> set[Address]:
    """Return those of ``addresses`` at which somebody takes connections; nobody waits for names that hang."""
    there: set[Address] = set()

    def look(address: Address) -> None:
        if answers(address, patience=KNOCK) if address.scheme == "tcp" else takes(address, KNOCK):
            there.add(address)

    threads = [Thread(target=look, args=(address,), daemon=True) for address in addresses]
    end = monotonic() + KNOCK
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - monotonic()))
    return set(there)
