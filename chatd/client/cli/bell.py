"""The bell: it rings for what is said to us, or for all that is said, as a person wishes."""

from collections.abc import Callable
from typing import Final

from chatd.client.cli.console import Reactor

PAUSE: Final = 1.0
"""Seconds from one ring to the next, at the least."""


class Ringer:
    """Rings by ``ring`` for what ``bell`` says: see `chatd.client.cli.settings.Settings`."""

    def __init__(self, reactor: Reactor, bell: str, ring: Callable[[], None]) -> None:
        self._reactor = reactor
        self._bell = bell
        self._ring = ring
        self._last = float("-inf")

    def said(self, *, to_us: bool) -> None:
        """Ring for what somebody else has said, maybe ``to_us``."""
        now = self._reactor.seconds()
        wanted = self._bell == "all" or (self._bell == "mentions" and to_us)
        if wanted and now - self._last >= PAUSE:
            self._last = now
            self._ring()
