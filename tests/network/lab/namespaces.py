"""Hosts as network namespaces: a client, a proxy and a server, each on its own wire to a router.

The addresses are private and the same in every network: each lives in namespaces of its own, whose names hold
the number of the process that made them. What a killed process left behind is removed by the next one.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

SIDES: Final = {"client": 1, "proxy": 2, "server": 3}
"""The hosts around the router, and the number of the subnet that each shares with it."""

ETC: Final = Path("/etc/netns")
"""Where `ip netns exec` finds the files that stand for those in /etc."""

_NAME: Final = re.compile(r"chatd-(\d+)-\w+-\w+")


class LabError(Exception):
    """The laboratory itself failed."""


async def run(*command: str, text: str = "") -> str:
    """Run ``command`` and return what it says. Raises `LabError` where it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(text.encode())
    if process.returncode:
        raise LabError(f"{' '.join(command)}: {said.decode().strip()}\n{text}")
    return said.decode()


@dataclass(frozen=True, slots=True)
class Host:
    """One namespace; ``address`` is that of its only wire."""

    name: str
    address: str = ""
    gateway: str = ""

    def command(self, *command: str) -> list[str]:
        """Return the command that runs ``command`` on this host, in the same process."""
        return ["ip", "netns", "exec", self.name, *command]

    async def ip(self, *lines: str) -> None:
        """Run lines of ip(8) on this host."""
        await run("ip", "-n", self.name, "-batch", "-", text="".join(line + "\n" for line in lines))

    async def exec(self, *command: str) -> str:
        """Run ``command`` on this host and return what it says."""
        return await run(*self.command(*command))

    async def set_kernel(self, **values: int) -> None:
        """Set values under /proc/sys/net/ipv4."""
        lines = (
            f"echo {value} >/proc/sys/net/ipv4/{name.replace('__', '/')}" for name, value in values.items()
        )
        await self.exec("sh", "-ec", "\n".join(lines))

    @property
    def etc(self) -> Path:
        """Return the folder whose files stand for those in /etc on this host."""
        return ETC / self.name


class Hosts(ABC):
    """Hosts with wires between them, which are there while it is entered."""

    @property
    @abstractmethod
    def hosts(self) -> tuple[Host, ...]:
        """Return all hosts."""

    @abstractmethod
    async def _lay_wires(self) -> None:
        """Lay the wires between them."""

    async def __aenter__(self) -> Self:
        try:
            for host in self.hosts:
                await run("ip", "netns", "add", host.name)
                await host.ip("link set lo up")
            await self._lay_wires()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for host in self.hosts:
            remove(host.name)


class Network(Hosts):
    """The hosts of one test: ``client``, ``proxy`` and ``server`` around ``router``."""

    def __init__(self, tag: str) -> None:
        prefix = f"chatd-{os.getpid()}-{tag}"
        self.router = Host(f"{prefix}-router")
        self.client, self.proxy, self.server = (
            Host(f"{prefix}-{side}", f"10.77.{number}.2", f"10.77.{number}.1")
            for side, number in SIDES.items()
        )

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Return all hosts."""
        return (self.router, self.client, self.proxy, self.server)

    async def _lay_wires(self) -> None:
        # Packets may come in on another wire than the answer goes out on: a client that roams.
        loose = {"conf__all__rp_filter": 0, "conf__default__rp_filter": 0}
        await self.router.set_kernel(ip_forward=1, **loose)
        await self.client.set_kernel(**loose)
        for side in SIDES:
            await self.wire(side)

    def side(self, name: str) -> Host:
        """Return the host on that side of the router."""
        found: Host = getattr(self, name)
        return found

    async def wire(self, side: str) -> None:
        """Lay the wire between the router and the host on that side."""
        host = self.side(side)
        await self.router.ip(
            f"link add {side} type veth peer name eth0 netns {host.name}",
            f"addr add {host.gateway}/24 dev {side}",
            f"link set {side} up",
        )
        await host.ip(
            f"addr add {host.address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {host.gateway}",
        )

    async def drop(self, *rule: str) -> None:
        """Let the router forget every packet it forwards that ``rule`` fits, without a word."""
        await self.router.exec("iptables", "-w", "-I", "FORWARD", *rule, "-j", "DROP")

    async def drop_nothing(self) -> None:
        """Let the router forward everything again."""
        await self.router.exec("iptables", "-w", "-F", "FORWARD")


def remove(name: str) -> None:
    """End what still runs in the namespace ``name``, and remove it."""
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
    for pid in pids.stdout.split():
        _kill(int(pid))
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    shutil.rmtree(ETC / name, ignore_errors=True)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def leftovers() -> list[str]:
    """Return the namespaces that belong to this process, or to one that is no more."""
    folder = Path("/run/netns")
    names = (path.name for path in folder.iterdir()) if folder.exists() else iter(())
    return [name for name in names if (found := _NAME.fullmatch(name)) and _is_ours(int(found[1]))]


def _is_ours(pid: int) -> bool:
    return pid == os.getpid() or not Path(f"/proc/{pid}").exists()


def sweep(names: Iterable[str] | None = None) -> None:
    """Remove the namespaces ``names``, `leftovers` by default."""
    for name in leftovers() if names is None else names:
        remove(name)
