"""The IRC kind of connection: every line is a command."""

from typing import Any, ClassVar, cast

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from chatd.chat.codec import Codec
from chatd.server.account_dialogue import ACCOUNTS
from chatd.server.gate import Hold
from chatd.server.handlers import COMMON
from chatd.server.irc import doubts, slow
from chatd.server.irc import numerics as n
from chatd.server.irc.client import MOST_LABEL, Client
from chatd.server.irc.commands import COMMANDS, Command
from chatd.server.irc.dialect import Dialect
from chatd.server.irc.network import Network
from chatd.server.irc.registration import Registration
from chatd.server.irc.runs import hear_run
from chatd.server.listener_rules import Listening
from chatd.server.protocol import ChatProtocol
from chatd.server.server import Server
from chatd.server.states import State
from chatd.wire import lines
from chatd.wire.irc import BadLineError, Line, command_of, parse, tags_of
from chatd.wire.irc_decoder import TOO_LONG, IrcDecoder


class IrcProtocol(ChatProtocol):
    """A connection that speaks IRC; it takes and gives out no files."""

    __slots__ = ("client",)

    decoder: IrcDecoder

    speaks = "irc"
    codec: ClassVar[Codec] = lines  # until there is a client, whose dialect it is
    takes_files = False
    decode_all = staticmethod(lines.decode_all_to_server)
    MESSAGES = COMMON | ACCOUNTS

    def __init__(self, server: Server, listener: Listening, decoder: Any = None) -> None:
        super().__init__(server, listener, IrcDecoder() if decoder is None else decoder)
        network = Network.of(server)
        self.client = client = Client(self.connection, network)
        client.registration = Registration(client)
        client.dialect = Dialect(client)
        self.connection.output.codec = client.dialect
        network.opening.add(client)

    def take(self, most: int) -> int:
        """Do the command of the next line, if none is being done, or take messages that stand there."""
        client = self.client
        if client.busy:
            return 0
        client.parked = False
        if client.registration is None and client.gathering is None:
            heard = hear_run(client, self.decoder, most)
            if heard:
                return heard
        data = self.decoder.take()
        if data is None:
            return 0
        self._hear(data)
        return 1

    def is_beat(self) -> bool:
        """Return whether the next line is a PING or a PONG; these have their place among the others."""
        return False

    def resumeProducing(self) -> None:
        """Go on: the transport has drained."""
        super().resumeProducing()
        if self.connection.state is State.LIVE:
            slow.look(self.client)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of everything."""
        client = self.client
        if client.registration is not None:
            client.registration.let_go()
        super().connectionLost(reason)
        client.let_go()
        client.dialect.let_go()
        self.client = _GONE

    # ---- lines --------------------------------------------------------------------------------------

    def _hear(self, data: bytes) -> None:
        client = self.client
        if client.doubts:
            doubts.settle(client)
        gate = self.connection.input.gate
        try:
            if data == TOO_LONG:
                raise BadLineError("too-long")  # noqa: TRY301 - as if it had been read
            line = parse(data)
        except BadLineError as error:
            gate.charge(1)
            self._malformed(error, data)
            return
        if line is None:
            gate.charge(1)
            return
        command = COMMANDS.get(line.command)
        flows = None if command is None else command.flows
        if client.questions.open and (flows is None or not flows(client, line)):
            client.parked = True
            self.decoder.put_back(data)
            gate.hold(Hold.COMMAND)
            return
        gate.charge(1 if command is None else command.cost)
        self._do(command, line)

    def _do(self, command: Command | None, line: Line) -> None:
        client = self.client
        label = line.tags.get("label", "") if client.has("labeled-response") else ""
        if len(label.encode()) > MOST_LABEL:
            label = ""
        registered = client.registration is None
        if command is None:
            what = n.UNKNOWNCOMMAND if registered else n.NOTREGISTERED
            self._refuse(label, what, *([line.command] if registered else []))
        elif not (registered or command.early):
            self._refuse(label, n.NOTREGISTERED)
        elif len(line.params) < command.least or (command.least and not line.params[0]):
            self._refuse(label, n.NEEDMOREPARAMS, line.command)
        else:
            client.begin(label, command.handle, line)

    def _refuse(self, label: str, numeric: n.Numeric, *params: str) -> None:
        client = self.client
        client.begin(label, lambda client, _: client.numeric(numeric, *params), Line(""))

    def _malformed(self, error: BadLineError, data: bytes) -> None:
        client = self.client
        label = tags_of(data).get("label", "") if client.has("labeled-response") else ""
        if error.code == "too-long":
            self._refuse(label, n.INPUTTOOLONG)
        elif error.code == "not-utf8":
            text = "Lines are UTF-8 here; set your client to that."
            command = command_of(data)
            known = command if command in COMMANDS else "*"
            client.begin(label, lambda client, _: client.fail(known, "INVALID_UTF8", text=text), Line(""))
        else:
            self._refuse(label, n.UNKNOWNCOMMAND, "*")


_GONE = cast("Any", None)
"""What is left of the client of a connection that is gone."""
