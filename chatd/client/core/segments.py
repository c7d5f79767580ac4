"""How large the segments of the next connection may be: smaller where large packets seem to be swallowed.

Many tunnels carry smaller packets than the networks around them, and some drop what is larger without a
word. Then a connection opens and says welcome, and nothing large ever comes through. When connections in a
row bring nothing forward, the next one has smaller segments: what we say binds the server (RFC 9293, 3.7.1).
Where not even a welcome comes, which may be large as well, connections with smaller segments are made beside.
"""

from typing import Final

LADDER: Final = (0, 1200, 500)
"""Bytes of a segment at the most, 0 for no bound of ours: what fits into 1,280 bytes of IPv6, 576 of IPv4."""

ENOUGH: Final = 2
"""Connections in a row that brought nothing forward before smaller segments are tried for the first time."""

RACE_AGAIN: Final = 60.0
"""Seconds from one race to the next: a server that hangs is not to be met by more and more connections."""


class Segments:
    """Counts connections that brought nothing forward; ``ladder`` holds the sizes, from the largest down.

    ``shown``: links that were welcomed and brought nothing have made the segments smaller.
    """

    def __init__(self, ladder: tuple[int, ...] = LADDER) -> None:
        self._ladder = ladder
        self._step = 0
        self._stalls = 0
        self._raced: float | None = None
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
        """Note that our hello did not come there though the connection was open: once is enough.

        It shows nothing that people could be told.
        """
        return not self._last and self._go_down()

    # ---- races --------------------------------------------------------------------------------------

    def rival(self, size: int, first: bool, now: float) -> int:
        """Return how large the segments may be beside a connection of ``size`` that stays mute; 0: no rival.

        The ``first`` rival begins a race, and those are rare.
        """
        smaller = self._ladder[self._ladder.index(size) + 1 :]
        if not smaller or (first and self._raced is not None and now - self._raced < RACE_AGAIN):
            return 0
        if first:
            self._raced = now
        return smaller[0]

    def won(self, size: int) -> None:
        """Note that a connection of ``size`` was welcomed, and those with larger segments stayed mute."""
        self._step = max(self._step, self._ladder.index(size))
        self._stalls = 0
        self._raced = None
        self.shown = True

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
        self._raced = None
        self.shown = False

    @property
    def _needed(self) -> int:
        return 1 if self._step else ENOUGH

    @property
    def _last(self) -> bool:
        return self._step == len(self._ladder) - 1
