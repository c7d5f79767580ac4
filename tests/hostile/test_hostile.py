"""Hostile peers over real sockets: each has its bound, and an honest pair notices nothing (P5, P6, P8)."""

import contextlib
import itertools
import os
import random
import re
import socket
import ssl
import struct
import threading
import time

import pytest

from chatd.wire.frames import FrameType, frame
from chatd.wire.messages import (
    Allow,
    Ban,
    Block,
    Decline,
    DeleteRoom,
    Error,
    Event,
    Hello,
    History,
    InviteTo,
    Join,
    Kick,
    Leave,
    Mute,
    Nick,
    Ok,
    Read,
    Role,
    Send,
    Set,
    Topic,
    Welcome,
)
from chatd.wire.native import encode
from tests.end_to_end.harness.processes import LOOPBACK
from tests.end_to_end.harness.raw import sends
from tests.hostile.pair import ENOUGH, Pair

MIB = 1 << 20
GROWTH = 100 * MIB
"""Bytes that strangers may make the daemon grow by."""

DELAY = 0.1
"""Seconds that a message of the honest pair may take in 99 cases of 100."""

FLOOD = 3.0
"""Seconds for which strangers flood a daemon at the least."""

LONGEST = 60.0
"""Seconds after which they end, whatever they still wait for."""


def lasting(pair, until=lambda: True):
    """Count for the length of a flood, and until the ``pair`` has been heard enough and ``until`` is so.

    How much gets through in a time is the machine's to say.
    """
    begin = time.monotonic()

    def goes_on(_):
        seconds = time.monotonic() - begin
        return seconds < FLOOD or (seconds < LONGEST and not (pair.has_enough and until()))

    return itertools.takewhile(goes_on, itertools.count())


@contextlib.contextmanager
def unnoticed(daemon):
    """Let an honest pair talk meanwhile, and see that nobody else is noticed."""
    with Pair(daemon) as pair:
        yield pair
    assert len(pair.delays) >= ENOUGH, str(pair)
    assert pair.growth < GROWTH, str(pair)
    assert pair.p99 < DELAY, str(pair)
    print(pair)  # noqa: T201 - with -s


def pour(raw, data, pair):
    """Write ``data`` again and again and drop what comes, for the length of a flood or until the end."""
    raw.socket.settimeout(0.02)
    for _ in lasting(pair):
        with contextlib.suppress(TimeoutError):
            raw.socket.send(data)
        with contextlib.suppress(TimeoutError, BlockingIOError):
            if not raw.socket.recv(1 << 20):
                return


def together(work, count):
    """Do ``work`` in so many threads at once."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- silence and slowness -------------------------------------------------------------------------------


def test_two_thousand_connections_that_never_speak(site, connect):
    daemon = site("hello_timeout = 4.0\n")
    with unnoticed(daemon):
        silent = [connect(daemon) for _ in range(2000)]
        codes = [[error.code for error in raw.rest()] for raw in silent]
    assert codes == [["hello-timeout"]] * 2000


def test_hellos_that_come_byte_by_byte(site, connect):
    daemon = site()
    hello = encode(Hello(nick="slowly"))
    with unnoticed(daemon):
        slow = [connect(daemon) for _ in range(200)]
        for byte in hello[:11]:
            for raw in slow:
                with contextlib.suppress(OSError):
                    raw.write(bytes([byte]))
            time.sleep(1)
        codes = {error.code for raw in slow for error in raw.rest()}
    assert codes == {"hello-timeout"}


def test_readers_that_never_read_while_ten_thousand_messages_come(site, connect):
    daemon = site()
    for number in range(30):
        deaf = connect(daemon, receive_buffer=4096)
        deaf.enter(f"deaf{number}")
        deaf.join("#busy")
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#busy")
    with unnoticed(daemon):
        ann.socket.settimeout(10)
        for begin in range(1, 10_001, 100):
            texts = [f"{n} " + "x" * 900 for n in range(begin, begin + 100)]
            ann.say(*sends("#busy", texts, begin))
            last = 1_000_000 + begin + 99
            assert ann.await_(Ok, lambda ok, last=last: ok.id == last).seq
            time.sleep(0.03)


# ---- nonsense -------------------------------------------------------------------------------------------


def test_headers_that_announce_four_gib(site, connect):
    daemon = site()
    with unnoticed(daemon) as pair:
        for _ in lasting(pair):
            raw = connect(daemon)
            raw.write(struct.pack(">IB", 0xFFFFFFFF, 1) + b"x" * 60)
            assert [error.code for error in raw.rest()] == ["frame-too-large"]
            raw.close()
    assert pair.growth < 16 * MIB


def test_a_thousand_errors_in_a_second(site, connect):
    daemon = site()
    clumsy = connect(daemon)
    clumsy.enter("clumsy")
    hundred = b"".join(encode(Read(id=n, room="#none", seq=1)) for n in range(50)) + b"".join(
        frame(FrameType.MESSAGE, b'{"t":"dance","id":1}') for _ in range(50)
    )
    errors = 0
    with unnoticed(daemon):
        for _ in range(50):
            clumsy.write(hundred)
            errors += sum(isinstance(clumsy.hear(), Error) for _ in range(100))
            time.sleep(0.1)
    assert errors == 5000
    assert len(daemon.said("refused")) == 0


# ---- floods ---------------------------------------------------------------------------------------------

REQUESTS = {
    "joins": lambda: b"".join(encode(Join(id=n, room=f"#{random.randrange(10**6)}")) for n in range(100)),
    "joins-and-leaves": lambda: (encode(Join(id=1, room="#a")) + encode(Leave(id=2, room="#a"))) * 100,
    "history": lambda: encode(History(id=1, room="#busy", limit=200)) * 100,
    "reads": lambda: encode(Read(id=1, room="#busy", seq=1)) * 500,
    "topics": lambda: b"".join(encode(Topic(id=n, room="#busy", text=f"t{n}")) for n in range(100)),
    "nicks": lambda: b"".join(encode(Nick(id=n, nick=f"n{random.randrange(10**9)}")) for n in range(100)),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_floods_of_requests(site, stranger, name):
    daemon = site()
    flooders = []
    for number in range(4):
        raw = stranger(daemon, f"192.0.2.{number + 1}")
        raw.enter(f"flooder{number}")
        raw.join("#busy")
        flooders.append(raw)
    flooders[0].say(*sends("#busy", ["x" * 500] * 200))
    data = REQUESTS[name]()
    with unnoticed(daemon) as pair:
        together(lambda number: pour(flooders[number], data, pair), 4)


def hellos(daemon, stranger, host, hello):
    """Say a hello on one connection after the other, also when one was too fast.

    Returns the codes and the welcomes, and how many seconds that took.
    """
    codes = []
    begin = time.monotonic()
    with unnoticed(daemon) as pair:
        for _ in lasting(pair, lambda: "too-fast" in codes):
            raw = stranger(daemon, host)
            raw.say(hello())
            with contextlib.suppress(OSError):
                said = raw.hear()
                codes.append(said.code if isinstance(said, Error) else type(said).__name__)
            raw.close()
        seconds = time.monotonic() - begin
    return codes, seconds


def test_a_flood_of_logins(site, stranger):
    daemon = site()
    codes, seconds = hellos(daemon, stranger, "192.0.2.1", lambda: Hello(nick=f"n{random.randrange(10**9)}"))
    assert 90 <= codes.count("Welcome") <= 100 + 2 * seconds + 5
    assert set(codes) <= {"Welcome", "too-fast"}
    assert stranger(daemon, "192.0.2.2").enter("somebody").nick == "somebody"


def test_guessed_tokens(site, stranger):
    daemon = site()
    token = stranger(daemon, "192.0.2.1").enter("ann").token
    codes, seconds = hellos(daemon, stranger, "192.0.2.1", lambda: Hello(token=os.urandom(16).hex()))
    assert 60 <= codes.count("unknown-session") <= 67 + seconds
    assert set(codes) == {"unknown-session", "too-fast"}
    assert stranger(daemon, "192.0.2.1").enter(token=token).resumed


PASSWORDS = {
    "passwords": lambda: Hello(nick="ann", password=os.urandom(8).hex()),
    "strangers": lambda: Hello(nick=f"n{random.randrange(10**9)}", password="guess"),
    "registrations": lambda: Hello(
        nick=f"n{random.randrange(10**9)}", password=os.urandom(8).hex(), register=True, invite="0-guess"
    ),
}


@pytest.mark.parametrize(
    ("name", "registration"),
    [("passwords", "open"), ("strangers", "open"), ("registrations", "open"), ("registrations", "invite")],
)
def test_floods_of_passwords_registrations_and_codes(site, stranger, name, registration):
    """Thirty addresses at once, so that no limit of one address keeps the hashing from being flooded."""
    daemon = site(more=f'[accounts]\nregistration = "{registration}"\n')
    codes = []

    def guess(number, pair):
        for _ in lasting(pair, lambda: codes):
            host = f"192.0.2.{number * 10 + random.randrange(10)}"
            with contextlib.suppress(OSError), stranger(daemon, host, secure=True) as raw:
                raw.say(PASSWORDS[name]())
                said = raw.hear()
                codes.append(said.code if isinstance(said, Error) else type(said).__name__)

    with unnoticed(daemon) as pair:
        together(lambda number: guess(number, pair), 3)
    assert "too-fast" in codes or len(codes) < 200
    let_in = codes.count("Welcome")
    assert (let_in > 0) is (name == "registrations" and registration == "open")
    assert set(codes) <= {"too-fast", "wrong-password", "bad-invite", "Welcome"}


def test_networks_of_ipv6_are_held_together(site, stranger):
    daemon = site("new_sessions_per_minute = 4\nnetworks_per_48 = 2\n")
    codes = []
    for number in range(20):
        raw = stranger(daemon, f"2001:db8:7:{number:x}::1")
        raw.say(Hello(nick=f"n{number}"))
        codes.append(type(raw.hear()).__name__)
    assert codes.count("Welcome") == 8
    assert stranger(daemon, "2001:db8:8::1").enter("another").nick == "another"


def test_a_crowd_behind_one_address_that_comes_back_again_and_again(site, stranger):
    """Three hundred honest clients of one address, all cut off and back again and again for seconds."""
    daemon = site("new_sessions_per_minute = 400\nconnections_per_minute = 700\n")
    tokens = []
    for number in range(300):
        with stranger(daemon, "192.0.2.1") as raw:
            tokens.append(raw.enter(f"n{number}").token)
            raw.ping()
    refused = 0
    with unnoticed(daemon) as pair:
        for _ in lasting(pair):
            crowd = [stranger(daemon, "192.0.2.1") for _ in tokens]
            for raw, token in zip(crowd, tokens, strict=True):
                raw.say(Hello(token=token))
            for raw in crowd:
                refused += not isinstance(raw.hear(), Welcome)
                raw.close()
            time.sleep(0.4)
    assert refused == 0


# ---- handshakes -----------------------------------------------------------------------------------------


def client_hello():
    """Return the first bytes of a TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def test_half_handshakes(site, stranger):
    daemon = site("hello_timeout = 4.0\n")
    hello = client_hello()
    with unnoticed(daemon):
        half = [stranger(daemon, f"192.0.2.{n % 8}", daemon.tls) for n in range(400)]
        for number, raw in enumerate(half):
            raw.write(hello if number % 2 else hello[: 1 + number % len(hello)])
        ends = 0
        for raw in half:
            raw.socket.settimeout(15)
            with contextlib.suppress(ConnectionResetError):
                while raw.socket.recv(1 << 16):
                    pass
            ends += 1
    assert ends == 400
    assert daemon.await_said("refused")


def test_handshakes_beyond_the_rate_cost_none(site, stranger):
    daemon = site("connections_per_minute = 50\n")
    hello = client_hello()
    answers = []
    begin = time.monotonic()
    with unnoticed(daemon) as pair:
        for _ in lasting(pair, lambda: b"" in answers):
            raw = stranger(daemon, "192.0.2.1", daemon.tls)
            answers.append(b"")
            with contextlib.suppress(OSError):
                raw.write(hello)
                raw.socket.settimeout(5)
                answers[-1] = raw.socket.recv(1)
            raw.close()
        seconds = time.monotonic() - begin
    assert 50 <= len(answers) - answers.count(b"") <= 57 + seconds  # of some hundreds
    assert any("connections_per_minute" in line for line in daemon.await_said("refused"))


# ---- what is printed ------------------------------------------------------------------------------------

NASTY = "\x1b]0;owned\x07\x1b[2J\n2026-01-01T00:00:00+00:00 error fault forged=1\r\x9b31m\u202eevil"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def nasty(kind, **fields):
    """Return a message all of whose texts a terminal would obey."""
    return encode(kind(id=7, **fields))


def test_nothing_that_a_terminal_obeys_is_logged_or_accepted(site, connect, stranger):
    daemon = site()
    bob = connect(daemon)
    bob.enter("bob", software=NASTY)
    bob.join("#a")
    for request in [
        nasty(Topic, room="#a", text=NASTY),
        nasty(Send, room="#a", n=1, text=NASTY),
        nasty(Join, room=f"#{NASTY}"),
        nasty(Join, room=f"@{NASTY}"),
        nasty(Nick, nick=NASTY),
        nasty(Leave, room=NASTY),
        nasty(History, room=NASTY),
        nasty(InviteTo, room="#a", whom="bob", reason=NASTY),
        nasty(InviteTo, room="#a", whom=NASTY),
        nasty(Kick, room="#a", whom="bob", reason=NASTY),
        nasty(Kick, room="#a", whom=NASTY),
        nasty(Ban, room="#a", whom="nobody", reason=NASTY),
        nasty(Ban, room="#a", whom=NASTY),
        nasty(Mute, room="#a", whom="bob", reason=NASTY),
        nasty(Role, room="#a", whom="bob", role=NASTY),
        nasty(Set, room="#a", rule=NASTY, value=NASTY),
        nasty(DeleteRoom, room="#a", reason=NASTY),
        nasty(Decline, room=f"#{NASTY}"),
        nasty(Block, whom=NASTY),
        nasty(Allow, direct=NASTY),
    ]:
        bob.write(request)
        error = bob.await_(Error)
        assert not OBEYED.search(error.text.replace("\n", "")), error
    for first in [
        encode(Hello(nick=NASTY)),
        encode(Hello(token=NASTY)),
        frame(FrameType.MESSAGE, NASTY.encode()),
        NASTY.encode() * 4,
        f"GET /{NASTY} HTTP/1.1\r\n\r\n".encode(),
    ]:
        with connect(daemon) as raw:
            raw.write(first)
            raw.rest()
    with socket.create_connection((LOOPBACK, daemon.relayed), 5) as relay:
        relay.sendall(b"PROXY TCP4 " + NASTY.encode() + b" 127.0.0.1 1 2\r\n")
        with contextlib.suppress(ConnectionResetError):
            relay.recv(100)
    daemon.await_said("refused")
    bob.close()
    daemon.await_said("client-out")
    log = daemon.log
    assert not OBEYED.search(log.replace("\n", ""))
    assert not re.search(r"(?m)^2026-01-01", log)


LOOKALIKES = [
    "b\u043eb",  # with a Cyrillic o
    "\u03b2ob",  # a Greek beta, two scripts
    "bob\u200b",  # a space of no width
    "bo\u202eb",  # turns the direction
    "BOB",
    "\uff42\uff4f\uff42",  # of full width
]


def test_nobody_comes_in_under_a_name_that_looks_like_anothers(site, connect):
    daemon = site()
    connect(daemon).enter("bob")
    eve = connect(daemon)
    eve.enter("eve")
    eve.join("#bob")
    for name in LOOKALIKES:
        with connect(daemon) as raw:
            raw.say(Hello(nick=name))
            assert raw.hear().code in {"nick-taken", "bad-nick"}, name
        eve.say(Nick(id=5, nick=name))
        assert eve.await_(Error).code in {"nick-taken", "bad-nick"}, name
        if name != "BOB" and not name.startswith("\uff42"):  # these are the room itself
            eve.say(Join(id=6, room=f"#{name}"))
            assert eve.await_(Error).code in {"room-taken", "bad-room"}, name


def test_nothing_that_a_terminal_obeys_is_printed(site, connect, start_chatc):
    """Texts may hold line breaks and direction marks of their own scripts; the rest is shown, not obeyed."""
    daemon = site()
    reader = start_chatc(daemon, "reader", "tail", "#a")
    bob = connect(daemon)
    bob.enter("bob")
    reader.await_count(1)
    bob.join("#a")
    evil = "one\ntwo \u202ethree\u2066 \u2028 four\u200b"
    for number, text in enumerate([evil, "done"], 1):
        bob.say(Send(id=number, n=number, room="#a", text=text))
        bob.await_(Event, lambda event, number=number: event.n == number)
    stop = time.monotonic() + 20
    while b"done" not in reader.out.read_bytes() and time.monotonic() < stop:
        time.sleep(0.05)
    shown = reader.out.read_bytes().decode()
    assert "done" in shown, reader.complaints
    assert not OBEYED.search(shown.replace("\n", ""))
    lines = [line for line in shown.splitlines() if line.startswith("two")]
    assert not lines, "the second line of a text looks like a line of its own"
