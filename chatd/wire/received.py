"""The bytes that a decoder was fed and that were not taken yet: one bytearray and an offset."""


class Received:
    """Received bytes. Work is linear in them, however they were split.

    Memory is given back as soon as nothing is left to take, not with the next bytes: most connections are
    idle, and one big frame must not be paid for until the next one.
    """

    __slots__ = ("_buffer", "_offset")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0

    def __len__(self) -> int:
        """Return how many fed bytes were not taken yet."""
        return len(self._buffer) - self._offset

    def feed(self, data: bytes) -> None:
        """Append received ``data``."""
        self._drop_taken()
        self._buffer += data

    def _take_away(self, end: int) -> None:
        """Note that everything up to ``end`` was taken."""
        self._offset = end
        if end == len(self._buffer):
            self._buffer.clear()
            self._offset = 0

    def _drop_taken(self) -> None:
        # A bytearray gives up its front by moving its start: bytes are copied only where it shrinks by half.
        if self._offset:
            del self._buffer[: self._offset]
            self._offset = 0
