"""Clients for tests that say what they are told to and keep what they hear, and how they come in."""

from contextlib import contextmanager

from twisted.internet.protocol import Protocol, connectionDone

from chatd.ops.current import Current
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.factory import ChatFactory
from chatd.server.listener_rules import ListenerRules
from chatd.testing.playground import PORTS
from chatd.wire import lines
from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.lines import LineDecoder
from chatd.wire.messages import Event, FromServer, Hello, Message, Ping, Pong, Send
from chatd.wire.native import decode_from_server, encode
from chatd.wire.objects import Alphabet


def in_force(**limits):
    """Return the configuration in force, with ``limits``."""
    return Current(Config(limits=LimitsConfig(**limits)))


class Talker(Protocol):
    """Speaks the wire; ``heard`` holds every message received, ``pings`` whether pings are answered."""

    def __init__(self, *first, answer_pings=True):
        self.first = first
        self.answer_pings = answer_pings
        self.heard = []
        self.pings = 0
        self.pongs = []
        self.lost = None
        self.decoder = FrameDecoder(limit=1 << 24)
        self.frames = 0

    def connectionMade(self):
        for message in self.first:
            self.say(message)

    def say(self, *messages: Message):
        self.transport.write(b"".join(encode(message) for message in messages))

    def dataReceived(self, data):
        self.decoder.feed(data)
        while (taken := self.decoder.take()) is not None:
            kind, payload = taken
            if kind is FrameType.PING:
                self.pings += 1
                if self.answer_pings:
                    self.transport.write(frame(FrameType.PONG, payload))
            elif kind is FrameType.PONG:
                self.pongs.append(payload)
            elif kind is FrameType.MESSAGE:
                self.heard.append(decode_from_server(payload))

    def connectionLost(self, reason=connectionDone):
        self.lost = reason

    def of(self, kind):
        return [message for message in self.heard if isinstance(message, kind)]

    def texts(self, room=None):
        return [e.text for e in self.of(Event) if e.kind == "message" and room in (None, e.room)]

    def seqs(self, room):
        return [e.seq for e in self.of(Event) if e.room == room]


class LinesTalker(Talker):
    """The same in JSON lines."""

    def __init__(self, *first, answer_pings=True):
        super().__init__(*first, answer_pings=answer_pings)
        self.decoder = LineDecoder(limit=1 << 24)

    def say(self, *messages: Message):
        self.transport.write(b"".join(map(lines.encode, messages)))

    def dataReceived(self, data):
        self.decoder.feed(data)
        while (line := self.decoder.take()) is not None:
            message = _FROM_SERVER.read_known(line)
            if isinstance(message, Ping):
                self.pings += 1
                if self.answer_pings:
                    self.say(Pong(data=message.data))
            elif isinstance(message, Pong):
                self.pongs.append(message.data.encode())
            else:
                self.heard.append(message)


_FROM_SERVER = Alphabet(FromServer | Ping | Pong)
TALKERS = {"native": Talker, "json-lines": LinesTalker}


def hello(nick="", **fields):
    return Hello(nick=nick, **fields)


def sends(room, *texts, n=1):
    return [Send(id=1000 + n + i, n=n + i, room=room, text=text) for i, text in enumerate(texts)]


@contextmanager
def guests(playground, may):
    """Let what is connected meanwhile be as on a listener where guests ``may`` do so much."""
    before = dict(playground.network._listeners)
    for speaks, port in PORTS.items():
        factory = ChatFactory(speaks, playground.server, ListenerRules(guests=may))
        playground.network.listen(factory, port)
    yield
    playground.network._listeners.update(before)


def come_in(playground, nick="", *more, answer_pings=True, wait=0.0, speaks="native", **fields):
    """Connect a talker that says hello and ``more`` behind it; return it after ``wait`` seconds."""
    talker = TALKERS[speaks](hello(nick, **fields), *more, answer_pings=answer_pings)
    playground.connect(talker, speaks)
    playground.advance(wait)
    return talker


def ask(playground, talker, request):
    """Return the answer to ``request``."""
    before = len(talker.heard)
    talker.say(request)
    playground.advance()
    (answer,) = [one for one in talker.heard[before:] if getattr(one, "id", None) == request.id]
    return answer


def turns(clock, seconds):
    """Let ``seconds`` go by at once; yields behind each single call that is due then, or becomes due."""
    clock.rightNow += seconds
    while True:
        clock._sortCalls()
        if not clock.calls or clock.calls[0].getTime() > clock.seconds():
            return
        call = clock.calls.pop(0)
        call.called = 1
        call.func(*call.args, **call.kw)
        yield


def restart(playground):
    """Crash the daemon and start it again on what it has stored."""
    playground.crash_server()
    playground.start_server()
