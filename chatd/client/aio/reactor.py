"""A reactor on an asyncio loop that runs already: private to one client, never installed, never in charge.

Twisted has one reactor per process that programs import (`twisted.internet.reactor`). This is none of that:
a program may have that one besides, on the same loop or not, and the client asks for no other than its own.
"""

import asyncio
import time
from threading import Thread

from twisted.internet.asyncioreactor import AsyncioSelectorReactor


class LoopReactor(AsyncioSelectorReactor):
    """Waits on ``loop``; it ends nothing but itself.

    Delays follow the monotonic clock, whatever the wall clock does.
    """

    seconds = staticmethod(time.monotonic)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._loop = loop

    def begin(self) -> None:
        """Be a reactor that runs: look-ups of names get their threads."""
        self.startRunning(installSignalHandlers=False)

    def end(self) -> None:
        """Let go of the loop; a look-up that still hangs in the system is waited for by a thread."""
        self.disconnectAll()
        for call in self.getDelayedCalls():
            call.cancel()
        timer: asyncio.TimerHandle | None = self._timerHandle
        if timer is not None:
            timer.cancel()
        for reader in list(self._internalReaders):
            self.removeReader(reader)  # type: ignore[no-untyped-call]
            reader.connectionLost(None)
        self._internalReaders.clear()
        pool, self.threadpool = self.threadpool, None
        if pool is not None:
            Thread(target=pool.stop, daemon=True).start()

    def crash(self) -> None:
        """Stop; the loop goes on, which is not ours."""
