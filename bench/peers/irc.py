"""IRC servers as peers: one channel. IRC acknowledges nothing: senders go by what the first reader heard."""

from bench.clients import connect
from bench.peers import Links, await_bytes, numbers_behind, text
from bench.server import Program


class IrcPeer:
    """A channel of an IRC server."""

    mark = b" PRIVMSG #bench :"
    ack = None
    quiet = 0.5

    def __init__(self, server: Program) -> None:
        self.server = server

    def gather(self, readers: int, senders: int) -> Links:
        """Register that many clients, one after the other in the channel."""
        links = [connect(self.server.port, number) for number in range(readers + senders)]
        for number, link in enumerate(links):
            link.sendall(b"NICK b%d\r\nUSER b%d 0 * :bench\r\n" % (number, number))
        await_bytes(links, b" 001 ")
        for link in links:
            link.sendall(b"JOIN #bench\r\n")
        await_bytes(links, b" 366 ")
        return Links(links[readers:], links[:readers])

    def message(self, number: int) -> bytes:
        """Return the line that sends message ``number``."""
        return f"PRIVMSG #bench :{text(number)}\r\n".encode()

    def numbers(self, data: bytes) -> list[int]:
        """Return the number in every line."""
        return numbers_behind(self.mark, data)


COMMANDS = {
    "ngircd": ["-n", "-f", "@CONFIG@"],
    "inspircd": ["--config", "@CONFIG@", "--nofork", "--nolog", "--nopid", "--runasroot"],
}
"""The IRC servers, each with the arguments that keep it in the foreground."""
