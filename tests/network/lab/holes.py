"""A daemon and a client, between which large packets are swallowed without a word, as many tunnels do.

A ``ROUTER`` has wires for packets of so many bytes, takes apart what is larger where that is allowed, and its
words about the rest never arrive. A ``WIRE`` loses whatever is larger, as a bridge or a switch does. The
kernels have their defaults: they do not probe for the size by themselves.
"""

from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import script
from tests.network.lab.chat import PORT, Chatter, Daemon
from tests.network.lab.namespaces import Network
from tests.network.lab.programs import Program
from tests.network.lab.setup import Setup

SECURE_PORT: Final = 7412
LINES_PORT: Final = 7413
SECURE_LINES_PORT: Final = 7414
NARROW_LINES_PORT: Final = 7415

NAME: Final = "chat.test"

_CHAIN: Final = 8
"""Certificates that are sent with the server's own: a flight of some 4,000 bytes."""

_LISTENERS: Final = """
[[listen]]
endpoint = "tcp:{secure}"
certificate = "{chain}"
key = "{key}"
[[listen]]
endpoint = "tcp:{lines}"
protocol = "json-lines"
[[listen]]
endpoint = "tcp:{secure_lines}"
protocol = "json-lines"
certificate = "{chain}"
key = "{key}"
[[listen]]
endpoint = "tcp:{narrow_lines}"
protocol = "json-lines"
max_segment = 500
"""


_NUMBERS: Final = count(1)
"""Numbers of the networks of this process."""


class Swallows(Enum):
    """What loses large packets."""

    ROUTER = "router"
    WIRE = "wire"


class Hole(Setup):
    """A daemon with a client beside it, and one behind a path that swallows packets when it is told to.

    ``secure`` lets the far client speak TLS.
    """

    def __init__(self, tag: str, *, secure: bool = False) -> None:
        super().__init__(Network(f"{tag}{next(_NUMBERS)}"), "hole")
        self._secure = secure

    async def _set_up(self) -> None:
        network = self.network
        network.client.etc.mkdir(parents=True, exist_ok=True)
        (network.client.etc / "hosts").write_text(f"127.0.0.1 localhost\n{network.server.address} {NAME}\n")
        self.ca, more = self._listeners()
        secure = f"tls://{NAME}:{SECURE_PORT}"
        self.address = secure if self._secure else f"{network.server.address}:{PORT}"
        self.daemon = Daemon(network.server, self.folder / "daemon", more)
        self.near = Chatter(network.server, self.folder, "near", f"127.0.0.1:{PORT}")
        self.far = Chatter(network.client, self.folder, "far", self.address, ca=self.ca)
        for program in (self.daemon, self.near, self.far):
            self._stack.push_async_callback(program.kill)
            await program.start()
            if program is not self.daemon:
                await program.await_said(program.err, "connected to")

    def _listeners(self) -> tuple[Path, str]:
        certificate, key = make_certificate(self.folder, NAME)
        chain = self.folder / "chain.pem"
        others = [make_certificate(self.folder, f"other{number}")[0] for number in range(_CHAIN)]
        chain.write_bytes(b"".join(file.read_bytes() for file in (certificate, *others)))
        ports = {"secure": SECURE_PORT, "lines": LINES_PORT, "secure_lines": SECURE_LINES_PORT}
        ports["narrow_lines"] = NARROW_LINES_PORT
        return certificate, _LISTENERS.format(chain=chain, key=key, **ports)

    async def swallow(self, size: int, by: Swallows = Swallows.ROUTER) -> None:
        """Let packets that are larger than ``size`` bytes be lost, without a word to whoever sent them.

        The hosts' own wires stay as they are: a host that loses packets on its own wire would know.
        """
        network = self.network
        if by is Swallows.WIRE:
            for host in (network.client, network.server):  # what is looked at is what goes over the wire
                await host.ip("link set eth0 gso_max_segs 1")
            await network.drop("-m", "length", "--length", f"{size + 1}:65535")
            return
        await network.router.ip(
            *(
                f"route replace {host.gateway.removesuffix('.1')}.0/24 dev {side} src {host.gateway}"
                f" mtu lock {size}"
                for side, host in (("client", network.client), ("server", network.server))
            )
        )
        mute = ("-p", "icmp", "--icmp-type", "fragmentation-needed", "-j", "DROP")
        await network.router.exec("iptables", "-w", "-I", "OUTPUT", *mute)

    def command(self, *arguments: str) -> Program:
        """Return a chatc of the profile of the far client, for one task."""
        options = ("--server", self.address, "--nick", "far", "--profile", "far", "--ca", str(self.ca))
        state = str(self.folder / "far")
        return self.program(*script("chatc"), *options, *arguments, XDG_STATE_HOME=state)

    def program(self, *command: str, **more: Any) -> Program:
        """Return a program on the host of the far client."""
        program = Program(self.network.client, *command, **more)
        self._stack.push_async_callback(program.kill)
        return program
