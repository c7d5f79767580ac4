"""How large the segments of the next connection may be: smaller where large packets seem to be swallowed.

Many tunnels carry smaller packets than the networks around them, and some drop what is larger without a
word. Then a connection opens and says welcome, and nothing large ever comes through. When connections in a
row bring nothing forward, the next one has smaller segments: what we say binds the server (RFC 9293, 3.7.1).
"""

from typing import Final

LADDER: Final = (0, 1200, 500)
"""Bytes of a segment at the most, 0 for no bound of ours: what fits into 1,280 bytes of IPv6, 576 of IPv4."""

ENOUGH: Final = 2
"""Connections in a row that brought nothing forward before smaller segments are tried for the first time."""


class Segments:
    """Counts connections that brought nothing forward; ``ladder`` holds the sizes, from the largest down.

    ``shown``: links that were welcomed and brought nothing have made the segments smaller.
    """

    def __init__(self, ladder: tuple[int, ...] = LADDER) -> None:
        self._ladder = ladder
        self._step = 0
        self._stalls = 0
        self.shown = False

    @property
    def size(self) -> int:
        """Return the bytes that a segment of the next connection may have, 0 for any."""
        return self._ladder[self._step]

    @property
    def doubtful(self) -> bool:
        """Return whether the links before the next one brought nothing forward."""
        return self._stalls > 0 or self._step > 0

    @property
    def searching(self) -> bool:
        """Return whether smaller segments are being tried, and still smaller ones are left."""
        return self._step > 0 and not self._last

    @property
    def patient(self) -> bool:
        """Return whether a link is left alone until it is dead: the kernel may find the size by itself."""
        return self._last and self._stalls >= self._needed

    def stalled(self) -> bool:
        """Note that a link brought nothing forward; return whether the next one has smaller segments."""
        self._stalls += 1
        if self._stalls < self._needed or self._last:
            return False
        self.shown = True
        return self._go_down()

    def mute(self) -> bool:
        """Note that no welcome came though the connection was open: a long wait, so once is enough.

        That may as well be a server that hangs: it shows nothing that people could be told.
        """
        return not self._last and self._go_down()

    def _go_down(self) -> bool:
        self._step += 1
        self._stalls = 0
        return True

    def served(self) -> None:
        """Note that a link brought something forward: its size is good."""
        self._stalls = 0

    def forget(self) -> None:
        """Begin anew: the network may be another one."""
        self._step = self._stalls = 0
        self.shown = False

    @property
    def _needed(self) -> int:
        return 1 if self._step else ENOUGH

    @property
    def _last(self) -> bool:
        return self._step == len(self._ladder) - 1
