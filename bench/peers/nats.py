"""NATS as a peer: core NATS, which stores nothing; the sender goes by what the first reader has received."""

from bench.clients import connect
from bench.peers import TEXT_SIZE, Links, await_bytes, numbers_behind, text
from bench.server import Program

COMMAND = ["--config", "@CONFIG@"]
CONNECT = b'CONNECT {"verbose":false,"pedantic":false}\r\n'
"""The first words of a client, which wants to hear of nothing but messages."""


class NatsPeer:
    """A subject of a NATS server."""

    mark = b"MSG bench 1 %d\r\n" % TEXT_SIZE
    ack = None
    quiet = 0.3

    def __init__(self, server: Program) -> None:
        self.server = server

    def gather(self, readers: int, senders: int) -> Links:
        """Connect that many; only the readers subscribe."""
        links = [connect(self.server.port, number) for number in range(readers + senders)]
        for number, link in enumerate(links):
            subscription = b"SUB bench 1\r\n" if number < readers else b""
            link.sendall(CONNECT + subscription + b"PING\r\n")
        await_bytes(links, b"PONG\r\n")
        await_bytes(links, b"PING\r\n")  # which comes once, unasked, two seconds after a connection was made
        return Links(links[readers:], links[:readers])

    def message(self, number: int) -> bytes:
        """Return what publishes message ``number``."""
        return f"PUB bench {TEXT_SIZE}\r\n{text(number)}\r\n".encode()

    def numbers(self, data: bytes) -> list[int]:
        """Return the number in every message."""
        return numbers_behind(self.mark, data)
