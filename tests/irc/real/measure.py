# ruff: noqa: T201 - this is a command
"""Play scenes with real clients from the command line, as root.

python -m tests.irc.real.measure asks|cut [CLIENT ...]
python -m tests.irc.real.measure restarts [NUMBER]

``asks`` prints what each client says at first, ``cut`` what it has shown of everything after an outage, and
``restarts`` the same of ten WeeChats that talk while the daemon is killed twice, and stopped twice. Programs
that are not installed are left out; CHATD_IRC_BOTS names the folder ``bin`` of an environment with the bots.
"""

import asyncio
import sys
import time

from tests.irc.real.clients import Irssi, RealClient, WeeChat
from tests.irc.real.others import OTHERS
from tests.irc.real.place import PATIENCE, Place
from tests.irc.real.scenes import Found, cut_off, restarts
from tests.network.lab.machine import why_no_namespaces

KINDS: dict[str, type[RealClient]] = {kind.__name__.lower(): kind for kind in (WeeChat, Irssi, *OTHERS)}


def show(found: Found) -> None:
    """Print what a client has shown."""
    said, missing, doubled = sum(map(len, found.said.values())), found.missing(), found.doubled()
    print(f"{found.client} {found.nick}: {said} said, {len(missing)} missing, {len(doubled)} doubled")
    for wrong in found.wrong()[:20]:
        print(f"    {wrong}")


async def asks(kind: type[RealClient]) -> None:
    """Print what a client says up to its first message."""
    async with Place("asks", "alice", recorded=True) as place:
        await place.add(kind, place.network.client, "alice")
        await place.come_in(place.clients[0])
        await place.talk()
        await place.settle()
        await asyncio.sleep(PATIENCE / 8)
        for line in place.recorded():
            print(f"    {line}")


def main(what: str, *names: str) -> None:
    """Play."""
    if why_no_namespaces():
        sys.exit(why_no_namespaces())
    if what == "restarts":
        began = time.monotonic()
        results, kills = asyncio.run(restarts(int(names[0]) if names else 10, 2, 2.0))
        for result in results:
            show(result)
        print(f"the daemon was killed at {kills}; {time.monotonic() - began:.0f} s")
        return
    for name in names or KINDS:
        kind = KINDS[name]
        print(f"== {kind.__name__} {kind.version() or 'is not installed'}")
        if not kind.version():
            continue
        try:
            if what == "asks":
                asyncio.run(asks(kind))
            else:
                for result in asyncio.run(cut_off([kind])):
                    show(result)
        except AssertionError as error:
            print(f"    {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
