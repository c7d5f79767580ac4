"""The bare C loop as a peer: it knows no rooms, and hands to everybody what anybody sends."""

from bench.clients import connect
from bench.peers import Links, numbers_behind
from bench.server import CLoop


class CLoopPeer:
    """The C loop, with frames of ``size`` bytes; what a sender hears of itself is the acknowledgement."""

    mark = ack = b"message "
    quiet = 0.3

    def __init__(self, server: CLoop, size: int) -> None:
        self.server = server
        self._size = size

    def gather(self, readers: int, senders: int) -> Links:
        """Connect that many."""
        links = [connect(self.server.port, number) for number in range(readers + senders)]
        return Links(links[readers:], links[:readers])

    def message(self, number: int) -> bytes:
        """Return frame ``number``."""
        body = self.mark + b"%d " % number
        return (self._size - 4).to_bytes(4, "big") + body.ljust(self._size - 4, b"x")

    def numbers(self, data: bytes) -> list[int]:
        """Return the number in every frame."""
        return numbers_behind(self.mark, data)
