"""Floods, silence and slowness: bounded memory (P5), and nobody else notices (P6, P8)."""

import json
import select
import socket
import threading
import time
from contextlib import suppress

import pytest

from chatd.wire.frames import FrameType, frame
from chatd.wire.messages import Error, Event, Hello, History, Join, ListRooms, Members, Ok, Presence, Pulse
from chatd.wire.native import encode
from tests.end_to_end.harness.raw import sends
from tests.faults.bystander import Bystander

NOTICED = 1.5
"""Seconds that a ping and a send may take for others meanwhile, on a machine that runs the flood too."""

MIB = 1 << 20

SLOW = 4096
"""Bytes of receive buffer of a peer that reads nothing."""


def pour(raw, data, seconds):
    """Write ``data`` again and again, reading nothing, until ``seconds`` are over; return the bytes taken."""
    raw.socket.setblocking(False)
    end = time.monotonic() + seconds
    taken = offset = 0
    while (left := end - time.monotonic()) > 0:
        try:
            sent = raw.socket.send(data[offset:])
        except BlockingIOError:
            select.select([], [raw.socket], [], left)
            continue
        taken += sent
        offset = (offset + sent) % len(data)
    return taken


def enter(connect, daemon, nick, *rooms, **how):
    raw = connect(daemon, **how)
    raw.enter(nick)
    for room in rooms:
        assert isinstance(raw.ask(Join, room=room), Ok)
    return raw


FLOODS = {
    "pings": frame(FrameType.PING, b"x" * 64) * 1000,
    "lists": b"".join(encode(ListRooms(id=n)) for n in range(1000)),
    "history": b"".join(encode(History(id=n, room="#a", limit=200)) for n in range(1000)),
    "members": b"".join(encode(Members(id=n, room="#a")) for n in range(1000)),
    "unknown": frame(FrameType.MESSAGE, json.dumps({"t": "dance", "id": 1}).encode()) * 1000,
    "refused": encode(next(sends("#a", ["x" * 16_000], 99))) * 100,
}


@pytest.mark.parametrize("name", FLOODS)
def test_questions_without_reading_the_answers(daemon, connect, name):
    flooder = enter(connect, daemon, "flooder", *(f"#room{n}" for n in range(40)), "#a", receive_buffer=SLOW)
    for n in range(1, 41):
        assert isinstance(flooder.send("#a", "x" * 16_000, n), Ok)
    with Bystander(daemon) as bystander:
        taken = pour(flooder, FLOODS[name], 2.0)
    assert taken < 24 * MIB  # what the system buffers; the daemon stopped taking
    assert bystander.growth < 6 * MIB
    assert bystander.slowest < NOTICED


def test_peers_that_never_read_while_a_room_is_busy(daemon, connect):
    silent = [enter(connect, daemon, f"silent{n}", "#a", receive_buffer=SLOW) for n in range(10)]
    ann = enter(connect, daemon, "ann", "#a")
    with Bystander(daemon) as bystander:
        for n in range(1, 801):
            assert isinstance(ann.send("#a", f"{n} " + "x" * 16_000, n), Ok)
    assert bystander.growth < 40 * MIB  # 130 MB were said to ten of them; SQLite's cache is part of it
    assert bystander.slowest < NOTICED
    texts = [event.text for event in silent[0].events("#a", 811) if event.kind == "message"]
    assert [int(text.split()[0]) for text in texts] == list(range(1, 801))


def test_a_hundred_thousand_sends_at_once(make_daemon, connect):
    count = 100_000
    daemon = make_daemon("[limits]\nrequests_per_second = 0\n").start()
    eager = enter(connect, daemon, "eager", "#a")
    data = b"".join(map(encode, sends("#a", [f"text {n}" for n in range(count)])))
    acks, numbers = [], []
    with Bystander(daemon) as bystander:
        writer = threading.Thread(target=eager.write, args=(data,))
        eager.patience = 60.0
        writer.start()
        while len(acks) < count or len(numbers) < count:
            message = eager.hear()
            if isinstance(message, Event):
                numbers += [message.n] if message.n else []  # the join has none
            elif isinstance(message, Ok):
                acks.append(message.id - 1_000_000)
            else:
                assert isinstance(message, Presence), message
        writer.join()
    assert acks == list(range(1, count + 1))
    assert numbers == list(range(1, count + 1))
    assert bystander.growth < 40 * MIB
    assert bystander.slowest < NOTICED


HASTY = "[limits]\nhello_timeout = 1.0\n"


def test_connections_without_hello(make_daemon, connect):
    daemon = make_daemon(HASTY).start()
    with Bystander(daemon) as bystander:
        silent = [connect(daemon) for _ in range(200)]
        ends = [raw.rest() for raw in silent]
    assert {(type(end[0]), end[0].code, len(end)) for end in ends} == {(Error, "hello-timeout", 1)}
    assert bystander.growth < 8 * MIB
    assert bystander.slowest < NOTICED
    assert len(daemon.await_said("refused")) == 1


def test_hellos_that_take_for_ever(make_daemon, connect):
    daemon = make_daemon(HASTY).start()
    hello = encode(Hello(nick="slowly"))
    with Bystander(daemon) as bystander:
        slow = {raw.socket: raw for raw in [connect(daemon) for _ in range(20)]}
        unanswered = set(slow)
        for byte in hello:
            beat = time.monotonic() + 0.2
            while unanswered and (left := beat - time.monotonic()) > 0:
                unanswered.difference_update(select.select(unanswered, [], [], left)[0])
            for one in unanswered:
                one.sendall(bytes([byte]))
        ends = [raw.rest() for raw in slow.values()]
    assert {end[0].code for end in ends} == {"hello-timeout"}
    assert bystander.slowest < NOTICED


def test_half_a_frame_and_silence_end_by_the_heartbeat(daemon, connect):
    bob = connect(daemon)
    bob.enter("bob", heartbeat=Pulse(1.0, 3))
    bob.write(encode(Hello(nick="bob"))[:7])
    with suppress(ConnectionResetError):
        while bob.socket.recv(65_536):  # pings come, and nothing answers them
            pass
    assert "silence=" in daemon.await_said("reaped")[0]


def test_connections_that_come_and_go(daemon, connect):
    with Bystander(daemon) as bystander:
        for n in range(300):
            raw = connect(daemon)
            if n % 3 == 1:
                raw.write(encode(Hello(nick=f"n{n}"))[: n % 30])
            if n % 3 == 2:
                raw.enter(f"n{n}")
            if n % 2:
                raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.close()
    assert bystander.growth < 6 * MIB
    assert bystander.slowest < NOTICED
