"""Tells the service manager how the daemon is, as sd_notify(3) does; nothing where there is none."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"
FEED = "WATCHDOG=1"


class Notifier:
    """Speaks to the socket that ``environment`` names.

    ``watchdog`` is the number of seconds within which it wants to be fed, 0 if it does not.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        ours = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        micros = environment.get("WATCHDOG_USEC", "")
        self.watchdog = int(micros) / 1e6 if self._address and ours and micros.isdecimal() else 0.0

    def say(self, *words: str) -> None:
        """Say ``words``, each NAME=VALUE; what cannot be said at once is not said."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
            speaking.setblocking(False)
            speaking.sendto("\n".join(words).encode(), self._address)

    def reloading(self) -> None:
        """Say that a reload begins; `READY` ends it."""
        self.say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def replaced(self, process: int) -> None:
        """Say that ``process`` is the service from now on."""
        self.say(f"MAINPID={process}")
