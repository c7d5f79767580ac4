"""A daemon in memory, and clients of IRC that say lines and hear them."""

import base64
import json

import pytest
from twisted.internet.protocol import Protocol

from chatd.ops.settings import AccountsConfig, Config, IrcConfig, LimitsConfig, ListenConfig
from chatd.server import dialogue
from chatd.testing import Playground
from chatd.wire.native import decode_to_server

NAME = "My.Little.Server"


def offers(lines):
    """Return what ``lines``, the answer to CAP LS, offer, as one text."""
    lists = (line.partition(" LS ")[2] for line in lines)
    return " ".join(listed.removeprefix("* ").removeprefix(":") for listed in lists)


class Irc(Protocol):
    """One client. What it hears waits in ``heard``, as lines without their ends."""

    def __init__(self, place):
        self.place = place
        self.data = b""
        self.ended = False

    def dataReceived(self, data):
        self.data += data

    def connectionLost(self, reason):  # noqa: ARG002 - Twisted says why
        self.ended = True

    def send(self, *lines):
        for line in lines:
            self.transport.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")

    def hear(self, seconds=0.3):
        """Let time go by; return the lines that came."""
        self.place.advance(seconds)
        lines = self.data.decode().splitlines()
        self.data = b""
        return lines

    def ask(self, *lines):
        """Say ``lines``; return what came up to the PONG that answers a PING behind them."""
        self.send(*lines, "PING sync")
        heard = self.hear()
        end = next(i for i, line in enumerate(heard) if line.endswith("PONG My.Little.Server sync"))
        asked = [line for line in heard if line.startswith(f"PING {NAME}-")]
        assert [line for line in heard[end + 1 :] if line not in asked] == []
        return [line for line in heard[:end] if line not in asked]


class Place:
    """The daemon, and its clients."""

    def __init__(self, **config):
        limits = LimitsConfig(**{"requests_per_second": 10_000, **config.pop("limits", {})})
        accounts = AccountsConfig(**{"registration": "open", "scram": False, **config.pop("accounts", {})})
        config.setdefault("listen", (ListenConfig(endpoint="tcp:6667:interface=127.0.0.1", protocol="irc"),))
        irc = IrcConfig(**{"name": NAME, **config.pop("irc", {})})
        self.playground = Playground(Config(irc=irc, limits=limits, accounts=accounts, **config))
        self.playground.start_server()

    def advance(self, seconds):
        self.playground.advance(seconds)

    @property
    def world(self):
        return self.playground.server.hub.world

    def request(self, client, kind, **fields):
        """Have the user of ``client`` ask what IRC cannot say."""
        connection = client.transport.incoming._sender.protocol.connection
        message = decode_to_server(json.dumps({"t": kind, "id": 0, **fields}).encode())
        dialogue.decide(connection, message, 100)
        self.advance(0.3)

    def connect(self):
        client = Irc(self)
        self.playground.connect(client, "irc")
        return client

    def enter(self, nick, *capabilities, password="", account="", user="u"):
        client = self.connect()
        caps = set(capabilities) | ({"sasl"} if password else set())
        if caps:
            client.send("CAP LS 302", "CAP REQ :" + " ".join(sorted(caps)))
        client.send(f"NICK {nick}", f"USER {user} 0 * :Real {nick}")
        if password:
            shown = base64.b64encode(f"\0{account or nick}\0{password}".encode()).decode()
            client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {shown}")
        if caps:
            client.send("CAP END")
        heard = client.hear(1)
        assert any(f" 001 {nick} " in line for line in heard), heard
        return client

    def register(self, nick, password="a-password"):
        client = self.enter(nick)
        client.send(f"PRIVMSG NickServ :REGISTER {password}")
        heard = client.hear(1)
        assert any("Account created" in line for line in heard), heard
        client.send("QUIT")
        client.hear()


@pytest.fixture
def place():
    return Place()
