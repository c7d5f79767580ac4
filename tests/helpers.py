"""Clients for tests that say what they are told to and keep what they hear, and how they come in."""

from contextlib import contextmanager

from twisted.internet.protocol import Protocol, connectionDone

from chatd.ops.current import Current
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.factory import ChatFactory
from chatd.server.listener_rules import ListenerRules
from chatd.testing.playground import PORTS
from chatd.wire import lines, websocket
from chatd.wire.frames import FrameDecoder, FrameType, frame, split_chunk
from chatd.wire.lines import LineDecoder
from chatd.wire.messages import Event, FromServer, Hello, Message, Ping, Pong, Send
from chatd.wire.native import decode_from_server, encode
from chatd.wire.objects import Alphabet, write
from chatd.wire.websocket_decoder import WebSocketDecoder


def in_force(**limits):
    """Return the configuration in force, with ``limits``."""
    return Current(Config(limits=LimitsConfig(**limits)))


class Talker(Protocol):
    """Speaks the wire; ``heard`` holds every message received, ``pings`` whether pings are answered.

    ``preface`` goes out before everything else.
    """

    preface = b""

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
        if self.preface:
            self.transport.write(self.preface)
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


class TextTalker(Talker):
    """The same where pings and pongs are messages."""

    def hear(self, text):
        message = _FROM_SERVER.read_known(text)
        if isinstance(message, Ping):
            self.pings += 1
            if self.answer_pings:
                self.say(Pong(data=message.data))
        elif isinstance(message, Pong):
            self.pongs.append(message.data.encode())
        else:
            self.heard.append(message)


class LinesTalker(TextTalker):
    """The same in JSON lines."""

    def __init__(self, *first, answer_pings=True):
        super().__init__(*first, answer_pings=answer_pings)
        self.decoder = LineDecoder(limit=1 << 24)

    def say(self, *messages: Message):
        self.transport.write(b"".join(map(lines.encode, messages)))

    def dataReceived(self, data):
        self.decoder.feed(data)
        while (line := self.decoder.take()) is not None:
            self.hear(line)


def masked(opcode, payload, *, final=True, mask=b"\x15\x00\xa7\xfe"):
    """Return the frame of a WebSocket client that carries ``payload``."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | size])
    elif size < 65_536:
        head = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    hidden = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([final << 7 | opcode]) + head + mask + hidden


def plainly(message):
    """Return the frame of a WebSocket client that carries ``message`` so that it can be read in it."""
    return masked(websocket.TEXT, write(message), mask=bytes(4))


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class WebTalker(TextTalker):
    """The same by WebSocket; ``head`` answers the handshake, ``closed`` is why the other side ended it."""

    def __init__(self, *first, answer_pings=True):
        super().__init__(*first, answer_pings=answer_pings)
        self.decoder = WebSocketDecoder(masked=False)
        self.head = b""
        self.closed = None
        self.early = []
        self.refused = False

    def connectionMade(self):
        self.preface += HANDSHAKE
        super().connectionMade()

    def say(self, *messages: Message):
        if not self.head:
            self.early += messages
        else:
            self.transport.write(b"".join(masked(websocket.TEXT, write(message)) for message in messages))

    def dataReceived(self, data):
        if not self.head:
            self.head, _, data = data.partition(b"\r\n\r\n")
            self.refused = not self.head.startswith(b"HTTP/1.1 101 ")
            self.say(*self.early)
        if self.refused:
            return
        self.decoder.feed(data)
        while (taken := self.decoder.take()) is not None:
            kind, payload = taken
            if kind == websocket.CLOSE:
                mask, number = payload[2:6], payload[6:8]
                self.closed = int.from_bytes(number, "big") ^ int.from_bytes(mask[:2], "big")
                return
            if kind == websocket.TEXT:
                self.hear(payload)
            elif kind == websocket.BINARY:
                self.chunk(*split_chunk(payload))

    def chunk(self, *_):
        raise AssertionError("Nobody has asked for a file.")


_FROM_SERVER = Alphabet(FromServer | Ping | Pong)
TALKERS = {"native": Talker, "json-lines": LinesTalker, "web": WebTalker}


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
