"""A daemon in memory whose control socket is asked."""

from functools import partial
from pathlib import Path

import msgspec
import pytest
from twisted.internet.defer import succeed
from twisted.internet.protocol import Protocol, connectionDone

from chatd.chat import accounts
from chatd.control.access import Access, Credentials
from chatd.control.context import About, Context, Process
from chatd.control.messages import Done, RawRows, Refused, read_answer
from chatd.control.past import Past
from chatd.control.protocol import ControlFactory
from chatd.ops.differences import Report
from chatd.ops.log import KEY
from chatd.store.archive import Page
from chatd.testing import Playground
from chatd.wire.lines import LineDecoder, encode

PORT = 7400
OWN, STRANGER = 1000, 1001


class Asker(Protocol):
    """The other end of the control socket; ``heard`` holds all answers, ``rows`` the rows as objects."""

    def __init__(self):
        self.heard = []
        self.lost = None
        self.decoder = LineDecoder(limit=1 << 24)

    def dataReceived(self, data):
        self.decoder.feed(data)
        while (line := self.decoder.take()) is not None:
            self.heard.append(read_answer.read_known(line))

    def connectionLost(self, reason=connectionDone):
        self.lost = reason

    def ask(self, *asked):
        self.transport.write(b"".join(map(encode, asked)))

    @property
    def ended(self):
        return [message for message in self.heard if isinstance(message, Done | Refused)]

    def rows(self, kind):
        found = [row for message in self.heard if isinstance(message, RawRows) for row in message.rows]
        return [msgspec.json.decode(row, type=kind) for row in found]


class Kept:
    """An archive in memory; a question is answered a moment later."""

    def __init__(self):
        self.entries = []
        self.forgotten = []
        self.log = []
        self.gone = 0

    def keep(self, *entry):
        self.entries.append(entry)

    def find(self, column, value, done):
        place = {"key": 2, "host": 3, "number": 4}[column]
        done([entry[5] for entry in reversed(self.entries) if entry[place] == value])

    def forget(self, keys):
        self.forgotten += keys

    def lines(self, after, done):
        begin = max(len(self.log) + after, 0) if after < 0 else after
        found = [(number, line) for number, line in enumerate(self.log, 1) if number > max(begin, self.gone)]
        done(Page(self.gone + 1 if self.log else 0, len(self.log), found[:3]))


class Site:
    """A playground with a control socket; ``connect`` returns an asker who is some user."""

    def __init__(self, config=None):
        self.playground = Playground(config)
        self.server = self.playground.start_server()
        self.kept = Kept()
        self.past = Past(self.kept, self.playground.wall, partial(accounts.is_gone, self.server.hub.world))
        self.server.keeper = self.past
        self.levels, self.stopped = [], []
        self.report, self.hindrance = Report(), ""
        self.who = OWN
        self.groups = frozenset()
        daemon = self.playground._daemon
        context = Context(
            about=About(id="memory", data=Path("/nowhere"), started=self.playground.clock.seconds()),
            server=daemon.server,
            rates=daemon.rates,
            past=self.past,
            process=Process(
                set_level=lambda *level: self.levels.append(level),
                stop=self.stopped.append,
                reload=lambda: self.report,
                upgrade=lambda: succeed(self.hindrance),
            ),
        )
        self.context = context
        self.factory = ControlFactory(context, Access(OWN), lambda _: Credentials(1, self.who, self.groups))
        self.playground.network.listen(self.factory, PORT)

    def connect(self, who=OWN):
        self.who = who
        asker = Asker()
        self.playground.network.connect(asker, PORT)
        self.playground.advance()
        return asker

    def ask(self, asked, kind, wait=0.5):
        """Return the rows that answer ``asked``."""
        asker = self.connect()
        asker.ask(asked)
        self.playground.advance(wait)
        assert [type(message) for message in asker.ended] == [Done], asker.heard
        rows = asker.rows(kind)
        asker.transport.loseConnection()
        self.playground.advance()
        return rows


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def said(logged_events):
    """Return a function that lists the fields of what was said under a name."""
    return lambda name: [
        event[KEY].fields for event in logged_events if KEY in event and event[KEY].name == name
    ]
