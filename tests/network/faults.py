"""The faults: what befalls a scene, and how it is mended."""

import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.network.lab.chat import PORT
from tests.network.lab.programs import Program

if TYPE_CHECKING:
    from tests.network.scene import Scene

Act = Callable[["Scene"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What cuts the far client off, and what heals that."""

    cut: Act
    heal: Act


# ---- cables -----------------------------------------------------------------------------------------------


def _cable(side: str) -> Fault:
    """The cable is pulled: the interface stays, with its address and routes, but carries nothing."""

    async def cut(scene: "Scene") -> None:
        await scene.network.router.ip(f"link set {side} down")

    async def heal(scene: "Scene") -> None:
        await scene.network.router.ip(f"link set {side} up")

    return Fault(cut, heal)


async def _switch_off(scene: "Scene") -> None:
    await scene.network.client.ip("link set eth0 down")


async def _switch_on(scene: "Scene") -> None:
    client = scene.network.client
    await client.ip("link set eth0 up", f"route add default via {client.gateway}")


async def _unplug_adapter(scene: "Scene") -> None:
    await scene.network.client.ip("link del eth0")


async def _plug_adapter_in(scene: "Scene") -> None:
    await scene.network.wire("client")


async def _server_host_off(scene: "Scene") -> None:
    await scene.network.server.ip("link set eth0 down")


async def _server_host_on(scene: "Scene") -> None:
    server = scene.network.server
    await server.ip("link set eth0 up", f"route add default via {server.gateway}")


# ---- the router -------------------------------------------------------------------------------------------


def _black_hole(*rules: tuple[str, ...]) -> Fault:
    """The router forgets packets without a word."""

    async def cut(scene: "Scene") -> None:
        for rule in rules:
            await scene.network.drop(*rule)

    async def heal(scene: "Scene") -> None:
        await scene.heal_router()

    return Fault(cut, heal)


async def _forget_flow(scene: "Scene") -> None:
    """Drop what belongs to the connection that there is; new ones pass."""
    port = scene.far_port()
    await scene.network.drop("-p", "tcp", "--sport", port)
    await scene.network.drop("-p", "tcp", "--dport", port)


async def _nothing(_: "Scene") -> None:
    """Let it be: that fault is for good."""


# ---- processes --------------------------------------------------------------------------------------------


def _killed(name: str) -> Fault:
    async def cut(scene: "Scene") -> None:
        await _program(scene, name).kill()

    async def heal(scene: "Scene") -> None:
        await _program(scene, name).start()

    return Fault(cut, heal)


def _stopped(name: str) -> Fault:
    async def cut(scene: "Scene") -> None:
        _program(scene, name).signal(signal.SIGSTOP)

    async def heal(scene: "Scene") -> None:
        _program(scene, name).signal(signal.SIGCONT)

    return Fault(cut, heal)


def _program(scene: "Scene", name: str) -> Program:
    found: Program = getattr(scene, name)
    return found


def _impostor(manner: str) -> Fault:
    """Something else listens where chatd should."""

    async def cut(scene: "Scene") -> None:
        await scene.daemon.kill()
        command = (sys.executable, "-m", "tests.network.lab.impostor", manner, str(PORT))
        await scene.helper(scene.network.server, *command)

    async def heal(scene: "Scene") -> None:
        await scene.end_helpers()
        await scene.daemon.start()

    return Fault(cut, heal)


# ---- addresses and names ----------------------------------------------------------------------------------


async def _roam(scene: "Scene") -> None:
    client = scene.network.client
    before, after = client.address, client.address.rpartition(".")[0] + ".77"
    # In one breath, as when a machine changes its network.
    await client.ip(
        f"addr add {after}/24 dev eth0",
        f"addr del {before}/24 dev eth0",
        f"addr replace {after}/24 dev eth0",
        f"route replace default via {client.gateway}",
    )


def _names(nameserver: str) -> Fault:
    """The client's resolver fails: no answer, or nobody there."""

    async def cut(scene: "Scene") -> None:
        await scene.network.drop("-p", "udp", "--dport", "53")
        (scene.network.client.etc / "hosts").write_text("127.0.0.1 localhost\n")
        (scene.network.client.etc / "resolv.conf").write_text(f"nameserver {nameserver}\n")

    async def heal(scene: "Scene") -> None:
        (scene.network.client.etc / "hosts").write_text(
            f"127.0.0.1 localhost\n{scene.network.server.address} chat.test\n"
        )

    return Fault(cut, heal)


# ---- bad and slow links -----------------------------------------------------------------------------------


async def _bad_link(scene: "Scene") -> None:
    network = scene.network
    module = ("-m", "tests.network.lab.bad_link", network.client.name, network.router.name)
    await scene.helper(network.client, sys.executable, *module, "0.3", "0.3", str(scene.case.run))
    source = network.client.address
    await network.router.ip("link set bad0 up", f"route add {source}/32 dev bad0")
    await network.client.ip("link set bad0 up", f"route replace default dev bad0 src {source}")
    await scene.talk_plainly()


async def _good_link(scene: "Scene") -> None:
    client = scene.network.client
    await client.ip(f"route replace default via {client.gateway}")
    await scene.network.router.ip(f"route del {client.address}/32 dev bad0")


async def _slow_link(scene: "Scene") -> None:
    shape = ("root", "tbf", "rate", "8kbit", "burst", "1600", "limit", "8000")
    await scene.network.router.exec("tc", "qdisc", "add", "dev", "client", *shape)
    await scene.network.client.exec("tc", "qdisc", "add", "dev", "eth0", *shape)


async def _fast_link(scene: "Scene") -> None:
    # Changed, not removed: what waits in the queues of the link comes through as on a real one.
    shape = ("root", "tbf", "rate", "100mbit", "burst", "100000", "limit", "8000")
    await scene.network.router.exec("tc", "qdisc", "change", "dev", "client", *shape)
    await scene.network.client.exec("tc", "qdisc", "change", "dev", "eth0", *shape)


_CLIENT: Final = "10.77.1.0/24"
_PROXY: Final = "10.77.2.0/24"
_FROM, _TO = ("-s",), ("-d",)

CLIENT_CABLE: Final = _cable("client")
CLIENT_INTERFACE: Final = Fault(_switch_off, _switch_on)
CLIENT_ADAPTER: Final = Fault(_unplug_adapter, _plug_adapter_in)
CLIENT_BLACK_HOLE: Final = _black_hole((*_FROM, _CLIENT), (*_TO, _CLIENT))
ONE_WAY_OUT: Final = _black_hole((*_FROM, _CLIENT))
ONE_WAY_IN: Final = _black_hole((*_TO, _CLIENT))
PROXY_CABLE: Final = _cable("proxy")
PROXY_BLACK_HOLE: Final = _black_hole((*_FROM, _PROXY), (*_TO, _PROXY))
PROXY_KILLED: Final = _killed("proxy")
PROXY_STOPPED: Final = _stopped("proxy")
SERVER_KILLED: Final = _killed("daemon")
SERVER_STOPPED: Final = _stopped("daemon")
SERVER_HOST: Final = Fault(_server_host_off, _server_host_on)
CLIENT_STOPPED: Final = _stopped("far")
FLOW_FORGOTTEN: Final = Fault(_forget_flow, _nothing)
ROAMING: Final = Fault(_roam, _nothing)
SILENT_SERVER: Final = _impostor("silent")
CLOSING_SERVER: Final = _impostor("closing")
NAMES_HANG: Final = _names("10.77.3.2")
NAMES_FAIL: Final = _names("127.0.0.1")
BAD_LINK: Final = Fault(_bad_link, _good_link)
SLOW_LINK: Final = Fault(_slow_link, _fast_link)
