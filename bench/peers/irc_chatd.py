"""Chatd as a peer whose people come by IRC, with no capability or with those that clients ask for."""

import itertools
import socket
from typing import Final

from bench.clients import SETTLED, connect
from bench.peers import Links, await_bytes, in_waves, numbers_behind, text
from bench.server import ProtocolDaemon

ROOM: Final = "#bench"

TAGGED: Final = "message-tags server-time echo-message batch"
"""What puts tags before every message."""

CALM: Final = "[heartbeat]\ninterval = 60.0\nmin_interval = 60.0\nmisses = 10\nmin_limit = 600.0\n"
"""The slowest heartbeat there is: nobody answers a PING here, and clients of IRC cannot wish for one."""


class IrcDaemon(ProtocolDaemon):
    """A daemon with one more port, for IRC."""

    name = "chatd, IRC"
    protocol = "irc"
    settings = CALM


class TaggedDaemon(IrcDaemon):
    """One whose people ask for tags."""

    name = "chatd, IRC with tags"


class IrcChatdPeer:
    """A channel of a daemon, as `bench.peers.irc.IrcPeer` has one: a line acknowledges nothing."""

    mark = b" PRIVMSG #bench :"
    ack = None
    quiet = SETTLED

    def __init__(self, server: IrcDaemon) -> None:
        self.server = server
        self._wanted = TAGGED if isinstance(server, TaggedDaemon) else ""
        self._numbers = itertools.count()

    def gather(self, readers: int, senders: int) -> Links:
        """Enter that many members."""
        return in_waves(readers, senders, self._wave)

    def _wave(self, count: int) -> list[socket.socket]:
        numbers = [next(self._numbers) for _ in range(count)]
        links = [connect(self.server.other, number) for number in numbers]
        wish = f"CAP REQ :{self._wanted}\r\n" if self._wanted else ""
        end = "CAP END\r\n" if self._wanted else ""
        for link, number in zip(links, numbers, strict=True):
            link.sendall(f"{wish}NICK bench{number}\r\nUSER bench 0 * :bench\r\n{end}".encode())
        await_bytes(links, b" 001 ")
        for link in links:
            link.sendall(f"JOIN {ROOM}\r\n".encode())
        await_bytes(links, b" 366 ")
        return links

    def message(self, number: int) -> bytes:
        """Return the line that sends message ``number``."""
        return f"PRIVMSG {ROOM} :{text(number)}\r\n".encode()

    def numbers(self, data: bytes) -> list[int]:
        """Return the number in every line."""
        return numbers_behind(self.mark, data)
