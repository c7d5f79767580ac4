"""Hosts on one wire, as at home or in an office: what one says to everybody all others hear."""

import os
from typing import Self

from tests.network.lab.namespaces import Host, remove, run


class Segment:
    """The hosts ``names`` around a switch, each with an address."""

    def __init__(self, tag: str, *names: str) -> None:
        prefix = f"chatd-{os.getpid()}-{tag}"
        self._switch = Host(f"{prefix}-switch")
        self.hosts = {
            name: Host(f"{prefix}-{name}", f"10.78.0.{number}") for number, name in enumerate(names, 1)
        }

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    async def __aenter__(self) -> Self:
        try:
            await self._make()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for host in (self._switch, *self.hosts.values()):
            remove(host.name)

    async def _make(self) -> None:
        for host in (self._switch, *self.hosts.values()):
            await run("ip", "netns", "add", host.name)
            await host.ip("link set lo up")
        await self._switch.ip("link add bridge0 type bridge", "link set bridge0 up")
        for name, host in self.hosts.items():
            await self._switch.ip(
                f"link add {name} type veth peer name eth0 netns {host.name}",
                f"link set {name} master bridge0",
                f"link set {name} up",
            )
            await host.ip(f"addr add {host.address}/24 dev eth0", "link set eth0 up")
