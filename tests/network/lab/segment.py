"""Hosts on one wire, as at home or in an office: what one says to everybody all others hear."""

import os

from tests.network.lab.namespaces import Host, Hosts


class Segment(Hosts):
    """The hosts ``names`` around a switch, each with an address."""

    def __init__(self, tag: str, *names: str) -> None:
        prefix = f"chatd-{os.getpid()}-{tag}"
        self._switch = Host(f"{prefix}-switch")
        self._named = {
            name: Host(f"{prefix}-{name}", f"10.78.0.{number}") for number, name in enumerate(names, 1)
        }

    def __getitem__(self, name: str) -> Host:
        return self._named[name]

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Return all hosts."""
        return (self._switch, *self._named.values())

    async def _lay_wires(self) -> None:
        await self._switch.ip("link add bridge0 type bridge", "link set bridge0 up")
        for name, host in self._named.items():
            await self._switch.ip(
                f"link add {name} type veth peer name eth0 netns {host.name}",
                f"link set {name} master bridge0",
                f"link set {name} up",
            )
            await host.ip(f"addr add {host.address}/24 dev eth0", "link set eth0 up")
