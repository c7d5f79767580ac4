"""A line between a client and a daemon: it counts what it carries, may be slow, and is cut when told to."""

import asyncio
import contextlib
import socket
import struct
import time
from typing import Final

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline
from tests.end_to_end.harness.serving import Serving

_AT_ONCE: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: what waits in the kernel is lost, as with a cable."""


class Forwarder(Serving):
    """Listens on a port of its own and carries bytes to ``target`` and back.

    ``rate`` bounds the bytes per second in each direction of each connection (None: as fast as it goes).
    With ``life`` every connection is cut so many seconds after it was made. ``up`` and ``down`` count the
    bytes that were taken from clients and from the daemon; ``cuts`` the connections that were cut.
    """

    def __init__(self, target: int, rate: float | None = None, life: float | None = None) -> None:
        super().__init__()
        self.life = life
        self.up = self.down = self.cuts = 0
        self._target = target
        self._rate = rate

    def await_up(self, count: float) -> None:
        """Wait until so many bytes were taken from clients."""
        deadline = Deadline(PATIENCE)
        while self.up < count:
            deadline.check("bytes on the line")
            time.sleep(0.01)

    def cut(self) -> None:
        """Cut every connection that there is."""
        self._loop.call_soon_threadsafe(self._cut, *self._lines)

    def _cut(self, *lines: "asyncio.Task[None]") -> None:
        for line in lines:
            self.cuts += line.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        if self.life is not None and line is not None:
            self._loop.call_later(self.life, self._cut, line)
        ends = [writer]
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self._target)
            ends.append(back)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, back, "up"))
                both.create_task(self._pump(there, writer, "down"))
        except* OSError:
            pass  # one side has gone: the other one is told below
        finally:
            for end in ends:
                _reset(end)

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, way: str) -> None:
        free = self._loop.time()
        while data := await source.read(_AT_ONCE):
            setattr(self, way, getattr(self, way) + len(data))
            to.write(data)
            await to.drain()
            if self._rate is not None:
                free = max(free, self._loop.time() - 0.01) + len(data) / self._rate
                await asyncio.sleep(free - self._loop.time())
        raise ConnectionResetError  # an end of one direction is the end of both


def _reset(end: asyncio.StreamWriter) -> None:
    raw = end.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.transport.abort()
