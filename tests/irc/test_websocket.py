"""IRC over WebSocket: what is agreed on, one line in each message, and what ends it."""

import gc
import json
from weakref import ref

import pytest

from chatd.memory import loading
from chatd.server.factory import IRC_WEBSOCKET, ChatFactory
from chatd.server.listener_rules import ListenerRules
from chatd.testing.playground import PORTS
from chatd.wire import websocket as w
from chatd.wire.websocket_decoder import WebSocketDecoder
from tests.helpers import HANDSHAKE, masked
from tests.irc.conftest import NAME, Irc
from tests.irc.test_registration import numerics


class Browser(Irc):
    """A client that shakes hands first, wishing for ``protocols``; what it hears comes as pairs as well."""

    def __init__(self, place, *protocols, head=()):
        super().__init__(place)
        self.protocols = protocols
        self.extra = head
        self.frames = WebSocketDecoder(masked=False)
        self.kind = w.BINARY if protocols[:1] == ("binary.ircv3.net",) else w.TEXT
        self.response = b""
        self.messages = []
        self.closing = None

    def connectionMade(self):
        wish = [f"Sec-WebSocket-Protocol: {', '.join(self.protocols)}"] if self.protocols else []
        more = "".join(f"{line}\r\n" for line in [*wish, *self.extra]).encode()
        self.transport.write(HANDSHAKE.replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n"))

    def dataReceived(self, data):
        if not self.response.endswith(b"\r\n\r\n"):
            self.response += data
            head, end, data = self.response.partition(b"\r\n\r\n")
            self.response = head + end
        if b" 101 " not in self.response:
            return
        self.frames.feed(data)
        while (taken := self.frames.take()) is not None:
            kind, payload = taken
            if kind in {w.TEXT, w.BINARY}:
                assert b"\r" not in payload and b"\n" not in payload
                self.messages.append(taken)
                self.data += payload + b"\r\n"
            else:
                self.closing = kind

    def send(self, *lines):
        for line in lines:
            data = line if isinstance(line, bytes) else line.encode()
            self.transport.write(masked(self.kind, data))


def browse(place, *protocols, head=()):
    browser = Browser(place, *protocols, head=head)
    place.playground.connect(browser, IRC_WEBSOCKET)
    place.advance(0.1)
    return browser


def come_in(place, nick, *protocols):
    browser = browse(place, *protocols)
    browser.send(f"NICK {nick}", f"USER u 0 * :{nick}")
    assert "001" in numerics(browser.hear())
    return browser


@pytest.mark.parametrize(
    ("wishes", "agreed", "kind"),
    [
        (("text.ircv3.net",), b"text.ircv3.net", w.TEXT),
        (("binary.ircv3.net", "text.ircv3.net"), b"binary.ircv3.net", w.BINARY),
        (("chat", "text.ircv3.net", "binary.ircv3.net"), b"text.ircv3.net", w.TEXT),
        ((), None, w.TEXT),
        (("chat",), None, w.TEXT),
    ],
)
def test_what_the_client_wishes_for_most_is_agreed_on(place, wishes, agreed, kind):
    ada = come_in(place, "ada", *wishes)
    assert (b"\r\nSec-WebSocket-Protocol: " in ada.response) is (agreed is not None)
    if agreed is not None:
        assert b"Sec-WebSocket-Protocol: " + agreed + b"\r\n" in ada.response
    assert {one for one, _ in ada.messages} == {kind}


def test_it_is_the_same_connection_as_over_tcp(place):
    ada, bea = come_in(place, "ada", "text.ircv3.net"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.hear()
    bea.ask("PRIVMSG #tea :hé", "PRIVMSG #tea :two")
    assert ada.hear() == [":bea!~u@on.chatd PRIVMSG #tea :hé", ":bea!~u@on.chatd PRIVMSG #tea :two"]
    ada.ask("PRIVMSG #tea :from afar")
    assert bea.hear() == [":ada!~u@on.chatd PRIVMSG #tea :from afar"]
    assert ada.ask("PRIVMSG #tea :" + "x" * 600)[0].split()[1] == "417"
    assert numerics(ada.ask("FOO")) == ["421"]
    assert {one.speaks for one in place.playground.server.connections} == {"irc"}


def test_a_line_in_pieces_and_with_an_end_is_a_line(place):
    ada = come_in(place, "ada", "text.ircv3.net")
    frame = masked(w.TEXT, b"PING :sync\r\n")
    for number in range(len(frame)):
        ada.transport.write(frame[number : number + 1])
    assert ada.hear() == [f":{NAME} PONG {NAME} sync"]
    part = bytearray(masked(w.TEXT, b"PING "))
    part[0] &= 0x7F
    end = bytearray(masked(w.TEXT, b"two"))
    end[0] = 0x80
    ada.transport.write(bytes(part + end))
    assert ada.hear() == [f":{NAME} PONG {NAME} two"]
    ada.send("PING a\nPRIVMSG b :c")
    assert numerics(ada.hear()) == ["421"]


def test_what_is_no_text_is_refused_and_the_connection_lives(place):
    ada = come_in(place, "ada", "binary.ircv3.net")
    ada.send(b"PRIVMSG ada :\xff")
    (heard,) = ada.hear()
    assert "INVALID_UTF8" in heard
    assert ada.ask("PING x") == [f":{NAME} PONG {NAME} x"]


def test_pings_are_answered_and_the_end_is_said(place):
    ada = come_in(place, "ada", "text.ircv3.net")
    ada.transport.write(masked(w.PING, b"?"))
    ada.hear()
    assert ada.closing == w.PONG
    ada.send("QUIT :bye")
    assert ada.hear() == ["ERROR :Closing link: bye"]
    assert (ada.closing, ada.ended) == (w.CLOSE, True)
    bea = come_in(place, "bea", "text.ircv3.net")
    bea.transport.write(masked(w.CLOSE, (1000).to_bytes(2, "big")))
    bea.hear()
    assert (bea.closing, bea.ended) == (w.CLOSE, True)
    assert "bea" not in {session.user.nick for session in place.world.sessions.values()}


@pytest.mark.parametrize("flood", [masked(w.PING, b"") * 5000, masked(w.TEXT, b"") * 5000])
def test_floods_of_nothing_cost_their_sender(place, flood):
    ada, bea = come_in(place, "ada", "text.ircv3.net"), place.enter("bea")
    ada.transport.write(flood)
    assert bea.ask("PING x") == [f":{NAME} PONG {NAME} x"]
    place.advance(2)
    assert ada.ask("PING y") == [f":{NAME} PONG {NAME} y"]


def test_a_message_that_is_too_large_ends_it(place):
    ada = come_in(place, "ada", "text.ircv3.net")
    ada.transport.write(b"\x81\xff" + (1 << 20).to_bytes(8, "big"))
    heard = ada.hear(6)
    assert heard[-1].startswith("ERROR :") and ada.closing == w.CLOSE and ada.ended


def test_pages_of_strangers_may_not_connect(place):
    strange = browse(place, "text.ircv3.net", head=["Origin: https://evil.example"])
    assert b" 403 " in strange.response
    rules = ListenerRules(origins=("https://chat.example",))
    chat = ChatFactory(IRC_WEBSOCKET, place.playground.server, rules)
    place.playground.network.listen(chat, PORTS[IRC_WEBSOCKET])
    known = browse(place, "text.ircv3.net", head=["Origin: https://chat.example"])
    assert b" 101 " in known.response


def test_who_asks_for_no_websocket_is_told(place):
    browser = Irc(place)
    place.playground.connect(browser, IRC_WEBSOCKET)
    browser.transport.write(b"GET /anything HTTP/1.1\r\nHost: here\r\n\r\n")
    place.advance(0.2)
    head, _, body = browser.data.partition(b"\r\n\r\n")
    assert b" 426 " in head and json.loads(body)["error"] == "bad-message"


@pytest.mark.parametrize("ends", ["QUIT", None])
def test_what_is_over_is_freed_at_once(place, ends):
    come_in(place, "eve", "text.ircv3.net").send("QUIT")  # so that all is loaded
    place.advance(6)
    gc.collect()
    with loading():
        ada = come_in(place, "ada", "text.ircv3.net")
        inner = ada.transport.incoming._sender.protocol._inner
        known = [ref(part) for part in (inner, inner.client, inner.decoder, inner.transport)]
        del inner
        ada.send(ends) if ends else ada.transport.abortConnection()
        place.advance(8)
        del ada
        place.playground.network._pipes.clear()
        assert [one() for one in known if one() is not None] == []
