"""WebSocket over a listener for HTTP: its handshake, its ends, and what strangers may do (P5, P6, P8)."""

import pytest

from chatd.ops.settings import Config, LimitsConfig
from chatd.server.drain import drain
from chatd.server.factory import WEB, ChatFactory
from chatd.server.listener_rules import ListenerRules
from chatd.testing import Playground
from chatd.testing.playground import PORTS
from chatd.wire import messages as m
from chatd.wire import websocket as w
from chatd.wire.errors import CloseReason
from chatd.wire.objects import write
from tests.helpers import HANDSHAKE, WebTalker, come_in, masked, sends
from tests.server.files.moving import content_of, digest_of, file_of
from tests.server.web.conftest import browse


def enter(playground, nick, *more, **fields):
    talker = come_in(playground, nick, *more, speaks=WEB, **fields)
    playground.advance()
    return talker


def shake(playground, *pairs):
    """Return a browser that has sent the handshake, with each old piece of it replaced by the new one."""
    asked = HANDSHAKE
    for old, new in pairs:
        assert old in asked
        asked = asked.replace(old, new)
    return browse(playground, asked)


# ---- the handshake --------------------------------------------------------------------------------------


def test_the_answer_is_that_of_the_standard(playground):
    """RFC 6455, section 1.3, has this key and this answer."""
    head = shake(playground).got.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"HTTP/1.1 101 Switching Protocols"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert {line.split(b":")[0] for line in head[1:]} == {
        b"Date", b"Upgrade", b"Connection", b"Sec-WebSocket-Accept"
    }  # fmt: skip


ASKED_WRONGLY = {
    "no upgrade": ((b"Upgrade: websocket\r\n", b""), 426),
    "another upgrade": ((b"Upgrade: websocket", b"Upgrade: h2c"), 426),
    "no connection": ((b"Connection: Upgrade\r\n", b""), 426),
    "no key": ((b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""), 400),
    "a short key": ((b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl"), 400),
    "no version": ((b"Sec-WebSocket-Version: 13\r\n", b""), 400),
    "an old version": ((b"Version: 13", b"Version: 8"), 400),
    "another method": ((b"GET", b"POST"), 405),
    "two origins": ((b"\r\n\r\n", b"\r\nOrigin: https://a\r\nOrigin: https://b\r\n\r\n"), 400),
    "a page": ((b"\r\n\r\n", b"\r\nOrigin: https://chat.example\r\n\r\n"), 403),
    "a file": ((b"\r\n\r\n", b"\r\nOrigin: null\r\n\r\n"), 403),
}


@pytest.mark.parametrize(("change", "status"), ASKED_WRONGLY.values(), ids=ASKED_WRONGLY)
def test_a_wrong_handshake_is_refused_and_nothing_begins(playground, change, status):
    browser = shake(playground, change)
    assert browser.status == status
    assert b'"text":"' in browser.body
    assert not playground.server.connections


@pytest.mark.parametrize(
    "extension", [b"permessage-deflate", b"permessage-deflate; client_max_window_bits, x"]
)
def test_nothing_is_compressed_whatever_is_offered(playground, extension):
    browser = shake(playground, (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: " + extension + b"\r\n\r\n"))
    assert browser.status == 101
    assert b"extensions" not in browser.got.lower()
    browser.transport.write(b"\xc1" + masked(w.TEXT, b"a bomb")[1:])
    playground.advance(6)
    assert b"bad-frame" in browser.got
    assert browser.lost


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (b"https://chat.example", 101),
        (b"https://other.example:8443", 101),
        (b"http://chat.example", 403),
        (b"https://chat.example:8443", 403),
        (b"https://chat.example.evil.example", 403),
        (b"https://evil.example", 403),
        (b"null", 403),
    ],
)
def test_pages_of_the_allowed_origins_may_connect(playground, origin, status):
    rules = ListenerRules(origins=("https://chat.example", "https://other.example:8443"))
    chat = ChatFactory(WEB, playground.server, rules)
    playground.network.listen(chat, PORTS[WEB])
    browser = shake(playground, (b"\r\n\r\n", b"\r\nOrigin: " + origin + b"\r\n\r\n"))
    assert browser.status == status
    chat.rules = ListenerRules()  # as a reload does
    assert shake(playground, (b"\r\n\r\n", b"\r\nOrigin: " + origin + b"\r\n\r\n")).status == 403


def test_cookies_mean_nothing(playground):
    browser = shake(playground, (b"\r\n\r\n", b"\r\nCookie: token=x; session=y\r\n\r\n"))
    assert browser.status == 101
    assert b"cookie" not in browser.got.lower()


def test_what_comes_right_behind_the_handshake_is_served(playground):
    browser = browse(playground, HANDSHAKE + masked(w.TEXT, write(m.Hello(nick="ann"))))
    assert b'"t":"welcome"' in browser.got


def test_a_page_may_be_read_before_on_the_same_connection(playground):
    """A proxy keeps connections, and sends whatever comes next over one of them."""
    browser = browse(playground, b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n", HANDSHAKE)
    assert browser.statuses == [200, 101]
    browser.transport.write(masked(w.TEXT, write(m.Hello(nick="ann"))))
    playground.advance()
    assert b'"t":"welcome"' in browser.got
    assert [c.session.user.nick for c in playground.server.connections] == ["ann"]
    assert not playground.server.visitors


def test_nobody_comes_in_while_the_daemon_drains(playground):
    browser = browse(playground)
    playground.server.draining = True
    browser.transport.write(HANDSHAKE)
    playground.advance(1)
    assert browser.status == 503
    assert not playground.server.connections


# ---- its ends -------------------------------------------------------------------------------------------


def test_a_close_is_answered_and_the_session_stays(playground, said):
    ann = enter(playground, "ann", m.Join(id=1, room="#a"))
    ann.transport.write(masked(w.CLOSE, (1001).to_bytes(2, "big")))
    playground.advance(1)
    assert ann.closed == 1001
    assert ann.lost
    assert [fields["reason"] for fields in said("client-out")] == [CloseReason.GOODBYE]
    back = come_in(playground, token=ann.of(m.Welcome)[0].token, cursors={"#a": 1}, speaks=WEB)
    playground.advance()
    assert back.of(m.Welcome)[0].resumed


def test_an_end_without_a_close_is_a_loss(playground, said):
    ann = enter(playground, "ann")
    ann.transport.abortConnection()
    playground.advance(1)
    assert [fields["reason"] for fields in said("client-out")] == [CloseReason.LOST]


def test_a_drain_says_goodbye_and_closes(playground):
    ann = enter(playground, "ann")
    drain(playground.server, playground.clock, lambda: True, playground.config.drain).send(None)
    playground.advance(2)
    (goodbye,) = ann.of(m.Goodbye)
    assert (goodbye.reason, goodbye.retry_after is None, ann.closed) == (CloseReason.DRAIN, False, 1012)
    assert ann.lost


def test_whoever_says_goodbye_hears_one_and_a_close(playground):
    ann = enter(playground, "ann")
    ann.say(m.Goodbye())
    playground.advance(1)
    assert (ann.of(m.Goodbye)[0].reason, ann.closed) == (CloseReason.GOODBYE, 1000)


def test_silence_is_pinged_and_ends(playground):
    ann = enter(playground, "ann", heartbeat=m.Pulse(2.0, 3))
    mute = enter(playground, "mute", heartbeat=m.Pulse(2.0, 3), answer_pings=False)
    playground.advance(20)
    assert ann.pings > 5
    assert ann.lost is None
    assert mute.lost


# ---- what strangers may do ------------------------------------------------------------------------------

HOSTILE = {
    "no mask": (b"\x81\x02{}", "bad-frame", 1002),
    "reserved bits": (b"\xf1" + masked(w.TEXT, b"{}")[1:], "bad-frame", 1002),
    "another opcode": (masked(0x7, b"{}"), "bad-frame", 1002),
    "a continuation of nothing": (masked(0, b"{}"), "bad-frame", 1002),
    "a message within a message": (masked(w.TEXT, b"{", final=False) * 2, "bad-frame", 1002),
    "a ping in fragments": (masked(w.PING, b"", final=False), "bad-frame", 1002),
    "a wrong end": (masked(w.CLOSE, b"\x00"), "bad-frame", 1002),
    "too much": (masked(w.TEXT, b"x" * 65_536)[:14], "frame-too-large", 1009),
    "petabytes": (b"\x82\xff" + b"\x0f" * 8, "frame-too-large", 1009),
    "too much in fragments": (
        masked(w.TEXT, b"x" * 65_000, final=False) + masked(0, b"x" * 600),
        "frame-too-large",
        1009,
    ),
    "no UTF-8": (masked(w.TEXT, b'{"t":"leave","id":1,"room":"#a\xff"}'), "bad-message", 1007),
    "half a character": (
        masked(w.TEXT, b'{"t":"leave","id":1,"room":"#a\xc3', final=False) + masked(0, b'"}'),
        "bad-message",
        1007,
    ),
    "no UTF-8 where nobody looks": (
        masked(w.TEXT, b'{"t":"leave","id":1,"room":"#a","y":"\xff"}'),
        "bad-message",
        1007,
    ),
    "nothing": (masked(w.TEXT, b""), "bad-message", 1007),
    "no message": (masked(w.TEXT, b"[1]"), "bad-message", 1007),
    "a chunk of nothing": (masked(w.BINARY, b"x" * 20), "bad-chunk", 1008),
    "an empty chunk": (masked(w.BINARY, b""), "bad-chunk", 1008),
}


@pytest.mark.parametrize(("data", "code", "number"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("piece", [1, 10_000])
def test_what_is_wrong_costs_its_sender_alone(playground, data, code, number, piece):
    ann, ben = enter(playground, "ann", m.Join(id=1, room="#a")), enter(playground, "ben")
    ben.say(m.Join(id=1, room="#a"))
    playground.advance()
    for begin in range(0, len(data), piece if len(data) < 1000 else 10_000):
        ann.transport.write(data[begin : begin + (piece if len(data) < 1000 else 10_000)])
        playground.advance()
    playground.advance(6)
    assert [error.code for error in ann.of(m.Error)] == [code]
    assert ann.closed == number
    assert ann.lost
    ben.say(*sends("#a", "still here"))
    playground.advance()
    assert ben.texts() == ["still here"]


def test_pings_come_between_fragments_and_are_answered(playground):
    ann = enter(playground, "ann", m.Join(id=1, room="#a"))
    text = write(sends("#a", "tea é")[0])
    for i, byte in enumerate(text):
        ann.transport.write(masked(w.TEXT if i == 0 else 0, bytes([byte]), final=i == len(text) - 1))
        ann.transport.write(masked(w.PING, b"%d" % i))
    playground.advance()
    assert ann.texts() == ["tea é"]
    assert ann.lost is None
    assert connection_of(playground, "ann").output.bytes_out > 4 * len(text)


def connection_of(playground, nick):
    return next(c for c in playground.server.connections if c.session and c.session.user.nick == nick)


@pytest.mark.parametrize(
    "frame",
    [masked(w.PING, b""), masked(w.PONG, b""), masked(0, b"", final=False)],
    ids=["pings", "pongs", "fragments of nothing"],
)
def test_frames_without_a_message_count_as_requests(frame):
    playground = Playground(Config(limits=LimitsConfig(requests_per_second=100)))
    playground.start_server()
    ann = enter(playground, "ann")
    ann.transport.write(masked(w.TEXT, b"", final=False))
    ann.transport.write(frame * 20_000)
    playground.advance(2)
    connection = connection_of(playground, "ann")
    assert len(connection.input.decoder) + ann.transport.pipe.buffer.__len__() > 50_000
    assert connection.input.gate.pauses
    ben = enter(playground, "ben")
    assert ben.of(m.Welcome)


def test_messages_that_never_end_make_the_server_hold_little(playground):
    crowd = [enter(playground, f"n{i}") for i in range(5)]
    for talker in crowd:
        talker.transport.write(masked(w.TEXT, b"x" * 60_000, final=False))
        talker.transport.write(masked(0, b"y" * 5_000)[:3_000])
    playground.advance(2)
    held = [len(c.input.decoder) for c in playground.server.connections]
    assert held == [60_000 + 3_000] * 5
    assert all(talker.lost is None for talker in crowd)


def test_a_hello_in_ten_thousand_fragments_is_late(playground):
    browser = browse(playground, HANDSHAKE)
    browser.transport.write(masked(w.TEXT, b"{", final=False))
    for _ in range(12):
        browser.transport.write(masked(0, b" ", final=False))
        playground.advance(1)
    assert b"hello-timeout" in browser.got
    assert browser.lost


# ---- events and files -----------------------------------------------------------------------------------


def test_all_followers_get_the_very_same_bytes(playground, monkeypatch):
    crowd = [enter(playground, f"n{i}", m.Join(id=1, room="#a")) for i in range(3)]
    playground.advance(2)
    rendered, handed = [], []
    render = w.render
    monkeypatch.setattr(w, "render", lambda events: rendered.append(render(events)) or rendered[-1])
    for connection in playground.server.connections:
        transport, write_ = connection.transport, connection.transport.write
        monkeypatch.setattr(
            transport, "write", lambda data, write_=write_: handed.append(data) or write_(data)
        )
    native = come_in(playground, "nat", m.Join(id=1, room="#a"))
    playground.advance(2)
    rendered.clear()
    handed.clear()
    native.say(*sends("#a", "tea"))
    playground.advance()
    assert [talker.texts() for talker in crowd] == [["tea"]] * 3
    assert len(rendered) == 1
    assert [data is rendered[0] for data in handed if b"tea" in data] == [True] * 3


class FileTalker(WebTalker):
    """Takes a download, and tells how far it has come."""

    def __init__(self, *first):
        super().__init__(*first)
        self.came = bytearray()

    def chunk(self, transfer, offset, data):
        assert offset == len(self.came)
        self.came += data
        self.say(m.Progress(transfer=transfer, received=len(self.came), stored=len(self.came)))


def test_a_file_goes_up_and_comes_down(tmp_path):
    playground = Playground(folder=tmp_path)
    playground.start_server()
    content = content_of(300_000)
    ann = FileTalker(m.Hello(nick="ann"), m.Join(id=1, room="#a"))
    playground.connect(ann, WEB)
    ann.say(m.Upload(id=2, transfer=1, size=len(content), sha256=digest_of(content)))
    playground.advance(1)
    for begin in range(0, len(content), 60_000):
        ann.transport.write(masked(w.BINARY, chunk(1, begin, content[begin : begin + 60_000])))
    playground.advance(2)
    ann.say(m.Send(id=3, n=1, room="#a", text="", file=file_of(content)))
    playground.advance()
    ann.say(m.Download(id=4, transfer=2, room="#a", seq=2))
    playground.advance(5)
    assert not ann.of(m.Error)
    assert bytes(ann.came) == content
    assert not ann.of(m.Error)


def chunk(transfer, offset, data):
    return transfer.to_bytes(4, "big") + offset.to_bytes(8, "big") + data
