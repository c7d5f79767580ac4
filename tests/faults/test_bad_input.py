"""Bad input costs the sender alone (P8): a stable code, and nobody else notices."""

import json
import socket
import struct

import pytest

from chatd.wire.frames import FrameType, frame
from chatd.wire.messages import Error, Hello, Join, Ok, Send
from chatd.wire.native import encode
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.raw import Raw

TLS_HELLO = bytes.fromhex("16030100f8010000f40303") + b"\x55" * 240
HTTP = b"GET / HTTP/1.1\r\nHost: chat.example.org\r\nUser-Agent: curl/8\r\n\r\n"


def head(size, kind=1):
    return struct.pack(">IB", size, kind)


def message(payload):
    return frame(FrameType.MESSAGE, payload)


def said(**fields):
    return message(json.dumps(fields).encode())


NONSENSE = {
    "garbage": (b"\xde\xad\xbe\xef" * 64, "frame-too-large"),
    "http": (HTTP, "frame-too-large"),
    "tls-hello": (TLS_HELLO, "frame-too-large"),
    "4-gib": (head(0xFFFFFFFF), "frame-too-large"),
    "4-gib-of-chunk": (head(0xFFFFFFFF, 2), "frame-too-large"),
    "one-byte-too-many": (head(65_537) + b"x" * 1000, "frame-too-large"),
    "empty-frame": (head(0), "bad-frame"),
    "zeros": (bytes(1000), "bad-frame"),
    "unknown-type": (head(1, 99), "bad-frame"),
    "chunk": (frame(FrameType.CHUNK, bytes(100)), "bad-chunk"),
    "empty-chunk": (frame(FrameType.CHUNK, b""), "bad-chunk"),
    "long-ping": (frame(FrameType.PING, bytes(65)), "bad-frame"),
    "empty-message": (message(b""), "bad-message"),
    "no-json": (message(b"hello, world"), "bad-message"),
    "nuls": (message(bytes(100)), "bad-message"),
    "not-utf-8": (message(b'{"t":"hello","nick":"\xff\xfe"}'), "bad-message"),
    "overlong-utf-8": (message(b'{"t":"hello","nick":"\xc0\xaf"}'), "bad-message"),
    "lone-surrogate": (message(b'{"t":"hello","nick":"\\ud800"}'), "bad-message"),
    "nested": (message(b'{"t":"hello","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}"), "bad-message"),
    "nested-objects": (message(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), "bad-message"),
    "unclosed": (message(b"[" * 60_000), "bad-message"),
    "array": (message(b"[1,2,3]"), "bad-message"),
    "number": (message(b"17"), "bad-message"),
    "null": (message(b"null"), "bad-message"),
    "two-messages-in-one": (message(b'{"t":"goodbye"}{"t":"goodbye"}'), "bad-message"),
    "no-tag": (said(nick="ann"), "bad-message"),
    "tag-of-wrong-type": (said(t=17, id=1), "bad-message"),
    "unknown-tag": (said(t="hullo"), "bad-message"),
    "tag-of-the-server": (said(t="welcome"), "bad-message"),
    "enormous-integer": (message(b'{"t":"send","id":1,"n":' + b"9" * 60_000 + b"}"), "bad-message"),
    "integer-beyond-json": (said(t="send", id=1, n=2**53, room="#a", text="x"), "bad-message"),
    "negative-id": (said(t="list", id=-1), "bad-message"),
    "id-of-wrong-type": (said(t="list", id="1"), "bad-message"),
    "infinite": (
        message(b'{"t":"hello","nick":"x","heartbeat":{"interval":1e999,"misses":1}}'),
        "bad-message",
    ),
}

HELLOS = {
    "nick-of-wrong-type": (said(t="hello", nick=["x"]), "bad-message"),
    "too-many-cursors": (said(t="hello", nick="x", cursors={f"#{n}": 1 for n in range(300)}), "bad-message"),
    "negative-cursor": (said(t="hello", nick="x", cursors={"#a": -1}), "bad-message"),
    "fractional-cursor": (said(t="hello", nick="x", cursors={"#a": 1.5}), "bad-message"),
    "no-heartbeat": (said(t="hello", nick="x", heartbeat={"interval": 0, "misses": 1}), "bad-message"),
    "follow-nobody": (said(t="hello", nick="x", follow="nobody"), "bad-message"),
    "another-version": (said(t="hello", nick="x", version=2), "version-unsupported"),
    "enormous-version": (said(t="hello", nick="x", version=10**300), "bad-message"),
    "no-nick": (said(t="hello"), "bad-nick"),
    "nul-nick": (said(t="hello", nick="a\0b"), "bad-nick"),
    "line-nick": (said(t="hello", nick="a\nb"), "bad-nick"),
    "long-nick": (said(t="hello", nick="x" * 60_000), "bad-nick"),
    "invisible-nick": (said(t="hello", nick="a\u202eb"), "bad-nick"),
    "not-our-token": (said(t="hello", token="x" * 43), "unknown-session"),
    "long-token": (said(t="hello", token="x" * 60_000), "unknown-session"),
    "nul-token": (said(t="hello", token="\0"), "unknown-session"),
    "not-our-token-for-a-device": (said(t="hello", token="x" * 43, device=True), "unknown-session"),
    "request-before-hello": (said(t="list", id=1), "hello-expected"),
    "unknown-request-before-hello": (said(t="dance", id=1), "hello-expected"),
    "goodbye-of-wrong-type": (said(t="goodbye", reason=1), "bad-message"),
}


@pytest.fixture
def room(daemon, connect):
    """Return a daemon with a member who is in #a, and that member."""
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    return daemon, ann


def unmoved(ann, n=1):
    ann.ping()
    assert isinstance(ann.send("#a", "still here", n), Ok)


def ending(raw):
    """Return the code of the error that ends a connection, and that nothing else comes."""
    rest = raw.rest()
    assert [type(last) for last in rest] == [Error], rest
    assert rest[0].id is None
    assert rest[0].text
    return rest[0].code


def test_first_words(room, connect):
    """One line per code in the log is enough for an operator: the others come from the same address."""
    daemon, ann = room
    for name, (data, code) in (NONSENSE | HELLOS).items():
        with connect(daemon) as raw:
            raw.write(data)
            assert ending(raw) == code, name
    unmoved(ann)
    codes = {code for _, code in (NONSENSE | HELLOS).values()}
    assert len(daemon.await_said("refused", len(codes))) == len(codes)


def test_later_words(room, connect):
    daemon, ann = room
    for number, (name, (data, code)) in enumerate(NONSENSE.items()):
        with connect(daemon) as bob:
            bob.enter(f"bob{number}")
            bob.write(data)
            assert ending(bob) == code, name
    unmoved(ann)
    lines = daemon.await_said("client-out", len(NONSENSE))
    assert all("reason=bad-input" in line for line in lines)


def test_second_hello(room, connect):
    daemon, ann = room
    bob = connect(daemon)
    bob.enter("bob")
    bob.say(Hello(nick="bob2"))
    assert ending(bob) == "hello-repeated"
    unmoved(ann)
    assert connect(daemon).enter("bob2").nick == "bob2"


def test_two_hellos_at_once(room, connect):
    daemon, ann = room
    bob = connect(daemon)
    bob.say(Hello(nick="bob"), Hello(nick="bob2"))
    assert bob.rest()[-1].code == "hello-repeated"  # the welcome waits for the disk, the error does not
    unmoved(ann)


def test_cursor_beyond_the_head(room, connect):
    daemon, ann = room
    bob = connect(daemon)
    token = bob.enter("bob").token
    bob.join("#a")
    for cursor in (3, 2**53 - 1):
        again = connect(daemon)
        again.say(Hello(token=token, cursors={"#a": cursor}))
        error = again.hear()
        assert (error.code, error.room) == ("cursor-beyond-head", "#a")
        assert again.rest() == []
    bob.ping()  # it was not taken over by what was refused
    unmoved(ann)


REQUESTS = {
    "unknown": ({"t": "dance"}, "unsupported"),
    "n-from-the-future": ({"t": "send", "n": 7, "room": "#a", "text": "x"}, "out-of-order"),
    "n-from-the-far-future": ({"t": "send", "n": 2**53 - 1, "room": "#a", "text": "x"}, "out-of-order"),
    "empty": ({"t": "send", "n": 1, "room": "#a", "text": ""}, "empty-text"),
    "blank": ({"t": "send", "n": 1, "room": "#a", "text": " \n\u3000"}, "empty-text"),
    "nul": ({"t": "send", "n": 1, "room": "#a", "text": "a\0b"}, "control-character"),
    "escape": ({"t": "send", "n": 1, "room": "#a", "text": "\x1b[2J"}, "control-character"),
    "c1": ({"t": "send", "n": 1, "room": "#a", "text": "\x9b2J"}, "control-character"),
    "long": ({"t": "send", "n": 1, "room": "#a", "text": "x" * 16_385}, "text-too-long"),
    "long-in-utf-8": ({"t": "send", "n": 1, "room": "#a", "text": "ä" * 8193}, "text-too-long"),
    "long-topic": ({"t": "topic", "room": "#a", "text": "x" * 513}, "text-too-long"),
    "topic-with-control": ({"t": "topic", "room": "#a", "text": "a\nb\0"}, "control-character"),
    "no-sign": ({"t": "join", "room": "a"}, "bad-room"),
    "empty-room": ({"t": "join", "room": ""}, "bad-room"),
    "only-a-sign": ({"t": "join", "room": "#"}, "bad-room"),
    "long-room": ({"t": "join", "room": "#" + "x" * 60_000}, "bad-room"),
    "nul-room": ({"t": "join", "room": "#a\0"}, "bad-room"),
    "path": ({"t": "join", "room": "#../../etc/passwd"}, "bad-room"),
    "not-there": ({"t": "send", "n": 1, "room": "#nowhere", "text": "x"}, "no-such-room"),
    "not-in": ({"t": "send", "n": 1, "room": "#b", "text": "x"}, "not-a-member"),
    "leave-not-in": ({"t": "leave", "room": "#b"}, "not-a-member"),
    "nobody": ({"t": "send", "n": 1, "room": "@nobody", "text": "x"}, "no-such-user"),
    "beyond-head": ({"t": "join", "room": "#b", "after": 9}, "cursor-beyond-head"),
    "read-beyond-head": ({"t": "read", "room": "#a", "seq": 2**53 - 1}, "cursor-beyond-head"),
    "bad-nick": ({"t": "nick", "nick": "a b"}, "bad-nick"),
    "taken-nick": ({"t": "nick", "nick": "ANN"}, "nick-taken"),
}


def test_refused_requests(room, connect):
    daemon, ann = room
    ann.join("#b")
    bob = connect(daemon)
    bob.enter("bob")
    bob.join("#a")
    for number, (request, code) in enumerate(REQUESTS.values(), 5000):
        bob.write(said(id=number, **request))
        error = bob.await_(Error)
        assert (error.id, error.code) == (number, code), request
    assert isinstance(bob.send("#a", "and still I live", 1), Ok)
    unmoved(ann)
    assert daemon.said("refused") == []


def test_lone_surrogate_in_a_text(room, connect):
    daemon, ann = room
    bob = connect(daemon)
    bob.enter("bob")
    bob.write(message(b'{"t":"send","id":1,"n":1,"room":"#a","text":"\\ud83d"}'))
    assert ending(bob) == "bad-message"
    unmoved(ann)


def test_dribbled_frames_are_understood(room, connect):
    daemon, ann = room
    bob = connect(daemon)
    bob.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in encode(Hello(nick="bob")) + encode(Join(id=1, room="#a")):
        bob.write(bytes([byte]))
    bob.welcomed()
    assert bob.await_(Ok).id == 1
    long = encode(Send(id=2, n=1, room="#a", text="x" * 16_000))
    for begin in range(0, len(long), 7):
        bob.write(long[begin : begin + 7])
    assert bob.await_(Ok, lambda ok: ok.id == 2).seq
    unmoved(ann)


def test_a_peer_that_does_not_read_its_error_is_let_go(room):
    daemon, ann = room
    for _ in range(20):
        with Raw(dial(daemon.port, receive_buffer=2048)) as raw:
            raw.write(HTTP * 100)
    unmoved(ann)
    assert len(daemon.await_said("refused")) == 1
