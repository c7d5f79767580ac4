"""A server of a test: on a port of its own, in a thread of its own."""

import asyncio
import contextlib
import ssl
import threading
from abc import ABC, abstractmethod
from typing import Self
from weakref import WeakSet

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, free_port


def abort(end: asyncio.WriteTransport) -> None:
    """Close a connection at once; asyncio of Python 3.11 fails on one with TLS that has ended already."""
    with contextlib.suppress(AttributeError):
        end.abort()


class Serving(ABC):
    """Takes connections while it is entered, with TLS where there is a ``context``; the end cuts them."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self._context = context
        self._lines: set[asyncio.Task[None]] = set()
        self._ends: WeakSet[asyncio.WriteTransport] = WeakSet()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, LOOPBACK, self.port, ssl=self._context)
        self._ready.set()
        await self._over.wait()
        server.close()
        while lines := list(self._lines):  # the last may come while others end
            for line in lines:
                line.cancel()
            await asyncio.gather(*lines, return_exceptions=True)
        for end in self._ends:
            abort(end)  # one that was closed may still have something to say
        for _ in range(2):
            await asyncio.sleep(0)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer.transport)
        line = self._loop.create_task(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _dial(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        there, back = await asyncio.open_connection(LOOPBACK, port)
        self._ends.add(back.transport)
        return there, back

    @abstractmethod
    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """See to one connection until it ends."""
