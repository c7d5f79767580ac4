"""A path that swallows large packets without a word, as many tunnels do: everything comes through."""

import os
import sys
import time

import pytest

from tests.network.at_once import tell
from tests.network.lab.chat import ROOM
from tests.network.lab.holes import NAME, Hole, Swallows
from tests.network.lab.machine import why_no_namespaces
from tests.network.lab.programs import Program, until

pytestmark = pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-")

LIMIT = 15.0
"""Seconds in which everything comes through, however much is swallowed at first."""

PROXY_PORT = 8443

ROOMS = 60
"""Rooms of which a welcome has some 6,000 bytes."""

START = 1.5
"""Seconds that the start of a program may take on a busy machine."""

SIZES = (1400, 576)

HOLES = [(by, size) for by in Swallows for size in SIZES]


async def heard(client, nick, count, since, limit=LIMIT):
    """Wait until ``client`` has heard ``count`` messages of ``nick``; return the seconds."""
    await until(lambda: sum(one.by == nick for one in client.heard()) >= count, limit + 10)
    numbers = [one.number for one in client.heard() if one.by == nick]
    taken = time.monotonic() - since
    tell(f"{taken:.1f} s")
    assert numbers == list(range(1, count + 1))
    assert taken < limit
    return taken


def say(client, count, size, first=1):
    for number in range(first, first + count):
        client.write(f"{client.nick} {number} " + "x" * size)


def told(client):
    return [line.text for line in client.err if "large packets" in line.text]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_what_was_missed_comes(by, size, secure):
    """Over TLS, the certificates of the server are swallowed first."""
    async with Hole("missed", secure=secure) as hole:
        await hole.far.finish()
        say(hole.near, 60, 1000)
        await heard(hole.near, "near", 60, time.monotonic())
        await hole.swallow(size, by)
        begin = time.monotonic()
        await hole.far.start()
        await heard(hole.far, "near", 60, begin, LIMIT + START)
        assert len(told(hole.far)) <= 1


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_a_large_welcome_comes(by, size, secure):
    """The hello is as large, for it names all rooms as well."""
    async with Hole("welcome", secure=secure) as hole:
        await hole.far.finish()
        rooms = [f"#room-{number:02}-{'of-many' * 3}" for number in range(ROOMS)]
        talking = hole.command("talk", *rooms)
        await talking.start()
        await talking.await_said(talking.err, "connected to")
        assert await talking.finish() == 0
        await hole.swallow(size, by)
        begin = time.monotonic()
        await talking.start()
        connected = await talking.await_said(talking.err, "connected to", begin)
        taken = connected.at - begin
        tell(f"{taken:.1f} s", *(line.text for line in talking.err))
        assert taken < LIMIT + START


@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_what_others_say_comes(by, size):
    async with Hole("live") as hole:
        await hole.swallow(size, by)
        begin = time.monotonic()
        say(hole.near, 1, 12_000)
        say(hole.near, 5, 10, first=2)
        await heard(hole.far, "near", 6, begin)


@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_what_we_say_goes(by, size):
    async with Hole("said") as hole:
        await hole.swallow(size, by)
        begin = time.monotonic()
        say(hole.far, 1, 12_000)
        say(hole.far, 5, 10, first=2)
        await heard(hole.near, "far", 6, begin)


@pytest.mark.parametrize(("by", "size"), HOLES)
@pytest.mark.parametrize("task", ["send", "put", "history"])
async def test_a_task_ends(task, by, size):
    async with Hole("task") as hole:
        await hole.far.finish()
        say(hole.near, 40, 1000)
        await heard(hole.near, "near", 40, time.monotonic())
        await hole.swallow(size, by)
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
        tell(f"{taken:.1f} s")
        assert status == 0
        assert taken < LIMIT + START


@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_a_proxy_that_speaks_tls_is_reached(by, size):
    """Its certificates are swallowed before any link is open."""
    async with Hole("front") as hole:
        proxy = Program(
            hole.network.server,
            *(sys.executable, "-m", "tests.network.lab.https_proxy", f"{PROXY_PORT}"),
            *(str(hole.folder / "chain.pem"), str(hole.ca.with_suffix(".key"))),
        )
        await proxy.start()
        try:
            await proxy.await_said(proxy.out, "ready")
            await hole.swallow(size, by)
            sending = hole.command("--proxy", f"https://{NAME}:{PROXY_PORT}", "send", ROOM, "x" * 12_000)
            begin = time.monotonic()
            await sending.start()
            assert await sending.finish(LIMIT + 10) == 0, sending.err
            taken = time.monotonic() - begin
            tell(f"{taken:.1f} s")
            assert taken < LIMIT + START
        finally:
            await proxy.kill()
