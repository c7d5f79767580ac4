"""A line between a client and a daemon: it counts what it carries, may be slow, stalls and is cut."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Coroutine, Iterable
from typing import Final

from tests.end_to_end.harness.processes import PATIENCE, Deadline
from tests.end_to_end.harness.serving import Serving

_AT_ONCE: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: what waits in the kernel is lost, as with a cable."""


class Forwarder(Serving):
    """Listens on a port of its own and carries bytes to ``target`` and back.

    ``rate`` bounds the bytes per second in each direction of each connection (None: as fast as it goes); it
    may be set anew.
    With ``life`` every connection is cut so many seconds after it was made. ``up`` and ``down`` count the
    bytes that were taken from clients and from the daemon; ``cuts`` the connections that were cut. What ends
    is reset, as when a cable is cut; with ``polite`` both sides see an end behind all that was carried.
    """

    def __init__(
        self, target: int, rate: float | None = None, life: float | None = None, *, polite: bool = False
    ) -> None:
        super().__init__()
        self.life = life
        self.up = self.down = self.cuts = 0
        self._target = target
        self.rate = rate
        self._end = asyncio.StreamWriter.close if polite else _reset
        self._refusing = False
        self._flowing: dict[asyncio.Task[None], dict[str, asyncio.Event]] = {}

    def await_up(self, count: float) -> None:
        """Wait until so many bytes were taken from clients."""
        deadline = Deadline(PATIENCE)
        while self.up < count:
            deadline.check("bytes on the line")
            time.sleep(0.01)

    def cut(self, *, refuse: bool = False) -> None:
        """Cut every connection that there is; with ``refuse`` new ones are cut at once, until `heal`."""
        self._refusing = refuse
        self._wait_for(self._cut_all())

    async def _cut_all(self) -> None:
        lines = list(self._lines)
        self._cut(*lines)
        await asyncio.gather(*lines, return_exceptions=True)
        await asyncio.sleep(0)  # the sockets are closed by now

    def heal(self) -> None:
        """Take connections again."""
        self._refusing = False

    def stall(self, *ways: str) -> None:
        """Let no byte ``up`` or ``down`` the connections that there are; new ones are not hindered."""
        self._wait_for(self._stall(ways))

    async def _stall(self, ways: Iterable[str]) -> None:
        for flowing in self._flowing.values():
            for way in ways:
                flowing[way].clear()

    def _wait_for(self, done: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(done, self._loop).result(PATIENCE)

    def _cut(self, *lines: "asyncio.Task[None]") -> None:
        for line in lines:
            self.cuts += line.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        if self.life is not None:
            self._loop.call_later(self.life, self._cut, line)
        flowing = self._flowing[line] = {"up": asyncio.Event(), "down": asyncio.Event()}
        for way in flowing.values():
            way.set()
        ends = [writer]
        try:
            if not self._refusing:
                there, back = await self._dial(self._target)
                ends.append(back)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, back, "up", flowing["up"]))
                    both.create_task(self._pump(there, writer, "down", flowing["down"]))
        except* OSError:
            pass  # one side has gone: the other one is told below
        finally:
            del self._flowing[line]
            for end in ends:
                self._end(end)

    async def _pump(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, way: str, flowing: asyncio.Event
    ) -> None:
        free = self._loop.time()
        while data := await source.read(_AT_ONCE):
            await flowing.wait()
            setattr(self, way, getattr(self, way) + len(data))
            to.write(data)
            await to.drain()
            if self.rate is not None:
                free = max(free, self._loop.time() - 0.01) + len(data) / self.rate
                await asyncio.sleep(free - self._loop.time())
        raise ConnectionResetError  # an end of one direction is the end of both


def _reset(end: asyncio.StreamWriter) -> None:
    raw = end.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.transport.abort()
