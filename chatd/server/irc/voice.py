"""The voice of a client: how it says lines, as answers to a command or on its own."""

from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

from chatd.server.connection import ChatConnection
from chatd.server.irc import numerics as n
from chatd.server.irc.names import USER, nuh
from chatd.wire.irc import MAX_BODY, encode

if TYPE_CHECKING:
    from chatd.server.irc.network import Network
    from chatd.server.irc.reply import Reply


class Voice:
    """Says lines on ``connection``, with what it knows by its ``capabilities``.

    ``nick`` is what it was told that it is called, ``username`` what it has said in USER. While a command is
    done its answer goes by the ``reply``.
    """

    def __init__(self, connection: ChatConnection, network: "Network") -> None:
        self.connection = connection
        self.network = network
        self.capabilities: set[str] = set()
        self.nick = "*"
        self.username = USER
        self.reply: Reply | None = None
        self._batches = count(1)

    def write(self, line: bytes) -> None:
        """Say ``line``, which answers nothing."""
        self.connection.output.write(line)

    def say(self, line: bytes) -> None:
        """Say ``line``, as a part of the answer to the present command if there is one."""
        if self.reply is None:
            self.write(line)
        else:
            self.reply.add(line)

    def say_within(self, line: bytes) -> None:
        """Say ``line``, which stands in a batch of its own already."""
        if self.reply is None:
            self.write(line)
        else:
            self.reply.add(line, within=True)

    def tell(self, command: str, *params: str) -> None:
        """Say what the server itself says."""
        self.say(self.line(command, *params))

    def line(self, command: str, *params: str) -> bytes:
        """Return the line that the server itself says."""
        return encode(self.network.name, command, *params)

    def numeric(self, numeric: n.Numeric, *params: str, text: str | None = None) -> None:
        """Say a numeric, with its own words unless there is a ``text``."""
        words = numeric.text if text is None else text
        last = () if words is None else (words,)
        self.tell(numeric.number, self.nick, *params, *last)

    def listed(self, numeric: n.Numeric, *params: str, words: Iterable[str], between: str = " ") -> None:
        """Say a numeric that ends with ``words``, as often as it takes; not at all for none."""
        most = MAX_BODY - len(self.line(numeric.number, self.nick, *params, "x y")) + len("x y")
        line, size = "", 0
        for word in words:
            more = len(word.encode()) + len(between)
            if line and size + more > most:
                self.numeric(numeric, *params, text=line)
                line, size = "", 0
            line, size = (f"{line}{between}{word}", size + more) if line else (word, more - len(between))
        if line:
            self.numeric(numeric, *params, text=line)

    def fail(self, command: str, code: str, *context: str, text: str) -> None:
        """Say that a command failed (ircv3.net, "Standard Replies")."""
        self.tell("FAIL", command, code, *context, text)

    def own(self, command: str, *params: str) -> None:
        """Say what the client itself does, as others see it."""
        self.say(encode(nuh(self.nick, self.username), command, *params))

    def new_batch(self) -> str:
        """Return what another batch is called."""
        return f"b{next(self._batches)}"

    def has(self, capability: str) -> bool:
        """Return whether the client has asked for ``capability``."""
        return capability in self.capabilities
