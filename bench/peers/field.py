"""Who takes part in a comparison: chatd always, the C loop and the other servers where they are installed."""

from collections.abc import Callable
from contextlib import ExitStack

from bench.common import Scale
from bench.peers import Peer, irc, mqtt, nats
from bench.peers.c_loop import CLoopPeer
from bench.server import CLoop, Program, compile_c_loop, find_program

FRAME_SIZE = 331
"""Bytes of one of chatd's events with 200 bytes of text, about: the C loop's frames have as many."""

PROGRAMS: dict[str, tuple[list[str], Callable[[Program], Peer]]] = {
    **{name: (arguments, irc.IrcPeer) for name, arguments in irc.COMMANDS.items()},
    "nats-server": (nats.COMMAND, nats.NatsPeer),
    "mosquitto": (mqtt.COMMAND, mqtt.MqttPeer),
}
"""Servers of Debian: their arguments, and what speaks with them."""


def missing() -> list[str]:
    """Return the names of those that take no part because they are not installed."""
    absent = [name for name in PROGRAMS if find_program(name) is None]
    return absent if compile_c_loop() else [*absent, "C loop (no compiler)"]


def start_c_loop(stack: ExitStack, size: int = FRAME_SIZE) -> list[Peer]:
    """Return the C loop, until ``stack`` ends; nothing where there is no compiler."""
    binary = compile_c_loop()
    if binary is None:
        return []
    loop = CLoop(binary)
    stack.callback(loop.stop)
    return [CLoopPeer(loop, size)]


def start_program(stack: ExitStack, name: str, scale: Scale) -> list[Peer]:
    """Return server ``name`` of `PROGRAMS`, until ``stack`` ends; nothing where it is not installed."""
    path = find_program(name)
    if path is None:
        return []
    arguments, make = PROGRAMS[name]
    program = Program(name, path, arguments, scale.folder)
    stack.callback(program.stop)
    return [make(program)]
