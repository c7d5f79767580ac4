"""A client of another make, which sets nothing, behind a path that swallows large packets: it is helped."""

import sys
import time
from contextlib import asynccontextmanager

import pytest

from tests.network.at_once import tell
from tests.network.lab.chat import ROOM
from tests.network.lab.holes import LINES_PORT, NARROW_LINES_PORT, SECURE_LINES_PORT, Hole, Swallows
from tests.network.lab.machine import why_no_namespaces
from tests.network.lab.programs import until

pytestmark = pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-")

LIMIT = 15.0
"""Seconds in which everything comes through."""

SIZES = (1400, 576)

HOLES = [(by, size) for by in Swallows for size in SIZES]


async def run(hole, *what, tls=False, port=0):
    """Run the client, and return what it printed."""
    port = port or (SECURE_LINES_PORT if tls else LINES_PORT)
    words = ("tls", *what) if tls else what
    state = str(hole.folder / "alien.json")
    command = (sys.executable, "-m", "tests.network.lab.foreign", state, hole.network.server.address)
    program = hole.program(*command, str(port), *words)
    await program.start()
    assert await program.finish(LIMIT + 10) == 0, [*program.out, *program.err, *hole.daemon.out]
    return [line.text for line in program.out]


def through(lines):
    """See that all had come through in time."""
    assert lines[-1].startswith("through "), lines
    tell(*lines)
    assert float(lines[-1].split()[1]) < LIMIT, lines


@asynccontextmanager
async def alien():
    """Return a path that swallows large packets, behind which nobody has come yet."""
    async with Hole("alien") as hole:
        await hole.far.finish()
        yield hole


async def missed(hole, count=60, size=1000):
    before = len(hole.near.heard())
    for number in range(1, count + 1):
        hole.near.write(f"near {number} " + "x" * size)
    await until(lambda: len(hole.near.heard()) >= before + count, LIMIT)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_what_was_missed_comes(by, size, tls):
    async with alien() as hole:
        await run(hole, ROOM)
        await missed(hole)
        await hole.swallow(size, by)
        through(await run(hole, "hear", "60", tls=tls))
        assert hole.daemon.events("narrowed")
        ended = [one for one in hole.daemon.events("client-out") if one.fields["reason"] == "swallowed"]
        assert bool(ended) == (by is Swallows.WIRE and not tls)  # in a handshake nobody was let in yet
        # Whoever comes once more is served at once: the server knows.
        await missed(hole)
        began = time.monotonic()
        await run(hole, "hear", "60", tls=tls)
        assert time.monotonic() - began < 3
        assert not hole.daemon.faults()


@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_a_large_welcome_comes(by, size):
    async with alien() as hole:
        await run(hole, *(f"#room-{number:02}-{'of-many' * 3}" for number in range(60)))
        await hole.swallow(size, by)
        through(await run(hole, "hear", "0"))


@pytest.mark.parametrize(("by", "size"), HOLES)
async def test_what_it_says_itself_comes_where_the_listener_bounds_segments(by, size):
    async with alien() as hole:
        await run(hole, ROOM)
        await hole.swallow(size, by)
        through(await run(hole, "say", ROOM, "12000", port=NARROW_LINES_PORT))
