"""The JSON lines kind of connection: every line is a message or blank."""

from typing import ClassVar

from chatd.chat.codec import Codec
from chatd.server import beats, dialogue
from chatd.server.account_dialogue import ACCOUNTS
from chatd.server.handlers import COMMON
from chatd.server.listener_rules import Listening
from chatd.server.protocol import ChatProtocol
from chatd.server.server import Server
from chatd.wire import lines
from chatd.wire.lines import LineDecoder


class LinesProtocol(ChatProtocol):
    """A connection that speaks JSON lines; it takes and gives out no files."""

    __slots__ = ()

    decoder: LineDecoder

    speaks = "json-lines"
    codec: ClassVar[Codec] = lines
    takes_files = False
    decode_all = staticmethod(lines.decode_all_to_server)
    MESSAGES = COMMON | ACCOUNTS | beats.MESSAGES

    def __init__(self, server: Server, listener: Listening) -> None:
        super().__init__(server, listener, LineDecoder())

    def take(self, most: int) -> int:  # noqa: ARG002 - lines are taken one by one
        """Take the next line; a blank one is only a sign of life."""
        line = self.decoder.take()
        if line is None:
            return 0
        if line.isspace() or not line:
            self.connection.input.gate.charge(1)
        else:
            dialogue.hear(self.connection, [line])
        return 1

    def is_beat(self) -> bool:
        """Return whether the next line is a ping or a pong."""
        return self.decoder.begins_with_beat()
