"""A path that swallows large packets without a word, as many tunnels do: everything comes through.

The router's wires carry packets of so many bytes, and its words about that never arrive. The kernels have
their defaults: they do not probe for the size by themselves.
"""

import asyncio
import os
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.end_to_end.harness.processes import script
from tests.network.lab.chat import PORT, ROOM, Chatter, Daemon
from tests.network.lab.machine import why_no_namespaces
from tests.network.lab.namespaces import Network
from tests.network.lab.programs import Program, until

pytestmark = pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-")

LIMIT = 15.0
"""Seconds in which everything comes through, however much is swallowed at first."""

START = 1.5
"""Seconds that the start of a program may take on a busy machine."""

SIZES = (1400, 576)


class Hole:
    """A daemon with a client beside it, and one behind a path that swallows packets when it is told to."""

    def __init__(self, tag):
        self.network = Network(tag)
        self.stack = AsyncExitStack()

    async def __aenter__(self):
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="chatd-hole-")))
        network = await self.stack.enter_async_context(self.network)
        self.daemon = Daemon(network.server, self.folder / "daemon")
        self.near = Chatter(network.server, self.folder, "near", f"127.0.0.1:{PORT}")
        self.far = Chatter(network.client, self.folder, "far", f"{network.server.address}:{PORT}")
        for program in (self.daemon, self.near, self.far):
            self.stack.push_async_callback(program.kill)
            await program.start()
            if program is not self.daemon:
                await program.await_said(program.err, "connected to")
        return self

    async def __aexit__(self, *_):
        await self.stack.aclose()

    async def swallow(self, size):
        """Let the router forget what is larger than ``size`` bytes, without a word to whoever sent it.

        The wires stay as they are: a host that loses packets on its own wire would know.
        """
        network = self.network
        await network.router.ip(
            *(
                f"route replace {host.gateway.removesuffix('.1')}.0/24 dev {side} src {host.gateway}"
                f" mtu lock {size}"
                for side, host in (("client", network.client), ("server", network.server))
            )
        )
        mute = ("-p", "icmp", "--icmp-type", "fragmentation-needed", "-j", "DROP")
        await network.router.exec("iptables", "-w", "-I", "OUTPUT", *mute)

    def command(self, *arguments):
        """Return a chatc of the profile of the far client, for one task."""
        network, state = self.network, self.folder / "far"
        options = ("--server", f"{network.server.address}:{PORT}", "--nick", "far", "--profile", "far")
        command = (*script("chatc"), *options, *arguments)
        program = Program(network.client, *command, XDG_STATE_HOME=str(state))
        self.stack.push_async_callback(program.kill)
        return program


def play(tag, story):
    async def run():
        async with Hole(tag) as hole:
            await story(hole)

    asyncio.run(run())


async def heard(client, nick, count, since, limit=LIMIT):
    """Wait until ``client`` has heard ``count`` messages of ``nick``; return the seconds."""
    await until(lambda: sum(one.by == nick for one in client.heard()) >= count, limit + 10)
    numbers = [one.number for one in client.heard() if one.by == nick]
    taken = time.monotonic() - since
    assert numbers == list(range(1, count + 1))
    assert taken < limit
    return taken


def say(client, count, size, first=1):
    for number in range(first, first + count):
        client.write(f"{client.nick} {number} " + "x" * size)


def told(client):
    return [line.text for line in client.err if "large packets" in line.text]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_missed_comes(size):
    async def story(hole):
        await hole.far.finish()
        say(hole.near, 60, 1000)
        await heard(hole.near, "near", 60, time.monotonic())
        await hole.swallow(size)
        begin = time.monotonic()
        await hole.far.start()
        await heard(hole.far, "near", 60, begin, LIMIT + START)
        assert len(told(hole.far)) == 1

    play("missed", story)


@pytest.mark.parametrize("size", SIZES)
def test_what_others_say_comes(size):
    async def story(hole):
        await hole.swallow(size)
        begin = time.monotonic()
        say(hole.near, 1, 12_000)
        say(hole.near, 5, 10, first=2)
        await heard(hole.far, "near", 6, begin)

    play("live", story)


@pytest.mark.parametrize("size", SIZES)
def test_what_we_say_goes(size):
    async def story(hole):
        await hole.swallow(size)
        begin = time.monotonic()
        say(hole.far, 1, 12_000)
        say(hole.far, 5, 10, first=2)
        await heard(hole.near, "far", 6, begin)

    play("said", story)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("task", ["send", "put", "history"])
def test_a_task_ends(task, size):
    async def story(hole):
        await hole.far.finish()
        say(hole.near, 40, 1000)
        await heard(hole.near, "near", 40, time.monotonic())
        await hole.swallow(size)
        file = hole.folder / "file.bin"
        file.write_bytes(os.urandom(100_000))
        arguments = {
            "send": ("send", ROOM, "y" * 12_000),
            "put": ("put", ROOM, str(file)),
            "history": ("history", ROOM),
        }
        program = hole.command(*arguments[task])
        begin = time.monotonic()
        await program.start()
        status = await program.finish(LIMIT + START + 10)
        taken = time.monotonic() - begin
        assert status == 0
        assert taken < LIMIT + START

    play("task", story)
