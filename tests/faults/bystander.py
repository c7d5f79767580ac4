"""A bystander: somebody who talks while others misbehave, and measures whether that is noticed."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from chatd.wire.messages import Error, Event, Join, Ok, Send
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.raw import Raw

PAUSE = 0.02
"""Seconds between two looks."""


def anonymous(pid: int) -> int:
    """Return the bytes of memory that process ``pid`` has for itself, without files that it maps."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("this kernel does not tell RssAnon")


class Bystander:
    """While entered, pings, sends to a room of its own and hears it; watches the daemon's memory.

    ``slowest`` is the longest that a ping or a send took, in seconds; ``growth`` the most bytes that the
    daemon grew by.
    """

    def __init__(self, daemon: Daemon, nick: str = "bystander") -> None:
        self._pid = daemon.pid
        self._raw = Raw(dial(daemon.port))
        self._raw.enter(nick)
        self._raw.ask(Join, room="#bystanders")
        self._sent = 0
        self.slowest = 0.0
        self.growth = 0
        self._base = 0
        self._over = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        try:
            for _ in range(20):
                self._look()  # what is needed once is not counted as growth
        except BaseException:
            self._raw.close()
            raise
        self.slowest, self._base = 0.0, anonymous(self._pid)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._raw.close()
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        try:
            while not self._over.wait(PAUSE):
                self._look()
                with suppress(FileNotFoundError):
                    self.growth = max(self.growth, anonymous(self._pid) - self._base)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the bystander is left
            self._fault = error

    def _look(self) -> None:
        started = time.monotonic()
        self._raw.ping()
        self._sent += 1
        text = f"all is well {self._sent}"
        self._raw.say(Send(id=self._raw.next_id(), n=self._sent, room="#bystanders", text=text))
        missing = {"event", "ok"}  # it hears of presence too
        while missing:
            message = self._raw.hear()
            assert message is not None, "the bystander was cut off"
            assert not isinstance(message, Error), message
            missing.discard("ok" if isinstance(message, Ok) else "")
            missing.discard("event" if isinstance(message, Event) and message.n == self._sent else "")
        self.slowest = max(self.slowest, time.monotonic() - started)
