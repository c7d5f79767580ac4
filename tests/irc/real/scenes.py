"""Scenes: what is played with real clients, and what each of them has shown in the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.irc.real.clients import RealClient, WeeChat
from tests.irc.real.place import Place

OUTAGE: Final = 15.0

REPEATS: Final = 11.6
"""Seconds before the end of the outage at which somebody speaks first: TCP repeats that 0.2, 0.6, 1.4, 3, 6.2
and 12.6 seconds later, the last time a second after the end."""

BEFORE: Final = 8.5
"""Seconds before the end at which a client learns that its connection is gone. irssi tries to come back one
second later, and eleven."""


@dataclass(slots=True)
class Found:
    """What a client has shown of what everybody said, by nick: numbers in their order."""

    client: str
    nick: str
    said: dict[str, list[int]]
    shown: dict[str, list[int]]

    def missing(self) -> list[str]:
        """Return what it has not shown."""
        return [
            f"{nick} {number}"
            for nick, numbers in self.said.items()
            for number in numbers
            if number not in self.shown.get(nick, [])
        ]

    def doubled(self) -> list[str]:
        """Return what it has shown more than once."""
        return [
            f"{nick} {number}"
            for nick, numbers in self.shown.items()
            for number, count in Counter(numbers).items()
            if count > 1
        ]

    def wrong(self) -> list[str]:
        """Return all that is wrong."""
        wrong = [f"missing: {one}" for one in self.missing()] + [f"doubled: {one}" for one in self.doubled()]
        return wrong + [
            f"out of order: {nick} {numbers}"
            for nick, numbers in self.shown.items()
            if sorted(set(numbers)) != list(dict.fromkeys(numbers))
        ]


def found(place: Place, client: RealClient) -> Found:
    """Return what ``client`` has shown up to now."""
    speakers = ["near", *(one.nick for one in place.clients)]
    return Found(
        type(client).__name__,
        client.nick,
        {nick: place.spoken(nick) for nick in speakers},
        {nick: client.heard(nick) for nick in speakers},
    )


async def cut_off(kinds: Sequence[type[RealClient]], outage: float = OUTAGE) -> list[Found]:
    """Cut clients off: one of each kind by a path that loses everything, one by a path that forgets it.

    The connections of the first live through that, as TCP does. Those of the others are reset as soon as
    something is said, and they have to come back by themselves.
    """
    lost, reset = (
        {f"{kind.__name__.lower()}{letter}": kind for kind in kinds} for letter in ("lost", "reset")
    )
    async with Place("irc", *lost, *reset) as place:
        network = place.network
        for nick, kind in lost.items():
            await place.add(kind, network.client, nick)
        for nick, kind in reset.items():
            await place.add(kind, network.proxy, nick)
        for client in place.clients:
            await place.come_in(client)
        silent = [client for client in place.clients if client.nick in lost]
        await place.talk(near=3, clients=place.clients, pause=0.2)
        await place.settle()
        await place.rest()
        began = time.monotonic()
        await network.drop("-i", "client")
        await network.drop("-o", "client")
        for way in ("-s", "-d"):
            rule = (way, network.proxy.address, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
            await network.router.exec("iptables", "-w", "-I", "FORWARD", *rule)
        await asyncio.sleep(outage - REPEATS)
        await place.talk(near=3, clients=silent, pause=0.5)
        await asyncio.sleep(began + outage - BEFORE - time.monotonic())
        for client in place.clients:
            if client not in silent:
                await client.do("/away here")  # by which it learns that there is no way
        await asyncio.sleep(began + outage - time.monotonic())
        await network.drop_nothing()
        await place.talk(near=1)
        await place.settle()
        assert not place.daemon.faults()
        return [found(place, client) for client in place.clients]


async def restarts(number: int, times: int, away: float) -> tuple[list[Found], list[int]]:
    """Kill the daemon ``times`` times while so many WeeChats talk, and stop it once as often.

    Return what they have shown, and how many messages ``near`` had said at each of these ends.
    """
    ends = []
    nicks = [f"weechat{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"[:number]]
    async with Place("restarts", *nicks) as place:
        for nick in nicks:
            await place.add(WeeChat, place.network.client, nick)
        for client in place.clients:
            await place.come_in(client)
        for kills in [True] * times + [False] * times:
            await place.talk(near=20, clients=place.clients, pause=0.2)
            ends.append(len(place.near.said))
            await place.restart(away, kills=kills)
            await place.talk(near=5, pause=0.2)
            await place.settle()
        assert not place.daemon.faults()
        return [found(place, client) for client in place.clients], ends
