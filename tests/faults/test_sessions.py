"""A fuzzer of whole sessions: valid requests in any order, mutated bytes, uploads and aborts, many at once.

Some speak frames, others JSON lines.

It fails on any fault that is logged (see tests/conftest.py), and on whatever stays behind: somebody online, a
follower, a transfer, a descriptor, memory. CHATD_FUZZ_SECONDS sets how long it runs,
CHATD_FUZZ_SEED repeats a run.
"""

import gc
import hashlib
import os
import random
import socket
import struct
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

from twisted.logger import LogLevel

from chatd.ops.settings import Config, LimitsConfig
from chatd.testing import Playground
from chatd.wire import lines
from chatd.wire import messages as m
from chatd.wire.codec import decode_from_server, encode
from chatd.wire.frames import FrameDecoder, FrameType, chunk, frame
from tests.end_to_end.harness.processes import LOOPBACK, anonymous
from tests.helpers import TALKERS, hello

SECONDS = float(os.environ.get("CHATD_FUZZ_SECONDS", "30"))
SEED = int(os.environ.get("CHATD_FUZZ_SEED", random.randrange(1 << 32)))
CROWD = 30
GROWTH = 4_000_000
"""Bytes by which memory may have grown between a third of the run and its end."""

ROOMS = [m.Join(id=1, room="#a"), m.Join(id=2, room="#b")]

PARTIAL = 64
"""Descriptors of partial uploads that the daemon keeps open for those who come back."""

ANONYMOUS_GROWTH = 200_000_000
"""Bytes by which the daemon may grow: tails of rooms and the cache of the store take 64 MiB each."""

EMPTY = hashlib.sha256(b"").hexdigest()
THOUSAND = hashlib.sha256(b"x" * 1000).hexdigest()

TIGHT = LimitsConfig(
    connections_per_minute=300,
    new_sessions_per_minute=60,
    resumes_per_minute=4,
    failed_logins_per_minute=10,
    joins_per_minute=4,
    new_rooms_per_hour=3,
    history_per_minute=10,
    files_per_hour=4,
    requests_per_second=5,
    flood_delay=0.5,
    flood_refuse=1.0,
    users_per_address=2,
    max_rooms=20,
)
"""Limits that everybody runs into, so that all refusals are played too."""

ENCODE = {"native": encode, "json-lines": lines.encode}


class Stranger:
    """What somebody says who means no good."""

    def __init__(self, dice, number, speaks="native"):
        self.dice = dice
        self.speaks = speaks
        self.encode = ENCODE[speaks]
        self.nick = f"n{number}"
        self.ids = len(ROOMS)
        self.steps = []
        self.accepted = self.n = self.transfers = self.uploads = 0

    def chunk(self, *content):
        """Return a chunk, or a blank line where there are none."""
        return chunk(*content) if self.speaks == "native" else b"\n"

    def request(self):
        """Return the bytes of a request that makes sense, or might."""
        dice = self.dice
        self.ids += 1
        room = dice.choices(["#a", "#b", "@n1", "#none"], (20, 20, 1, 1))[0]
        return dice.choices((self.ask, self.post, self.transfer), (6, 5, 2))[0](self.ids, room)

    def ask(self, ids, room):
        """Return a request that nothing follows."""
        dice = self.dice
        requests = [
            m.Join(id=ids, room=room),
            m.Leave(id=ids, room=room),
            m.Topic(id=ids, room=room, text="t" * dice.randrange(50)),
            m.Read(id=ids, room=room, seq=dice.randrange(50)),
            m.History(id=ids, room=room, limit=dice.randrange(1, 100)),
        ]
        if dice.random() < 0.2:
            requests = self.orders(ids, room)
        return self.encode(m.Ping(data="p")) if dice.random() < 0.15 else self.encode(dice.choice(requests))

    def orders(self, ids, room):
        """Return requests that keep order, or would if the one who asks were somebody."""
        dice = self.dice
        whom = dice.choice([f"n{dice.randrange(1, CROWD)}", self.nick, "nobody", "10.0.0.0/8", "\x1b[2J"])
        seconds = dice.choice([0, 1, 60])
        return [
            m.InviteTo(id=ids, room=room, whom=whom),
            m.Kick(id=ids, room=room, whom=whom, reason="r" * dice.randrange(600)),
            m.Ban(id=ids, room=room, whom=whom, seconds=seconds),
            m.Unban(id=ids, room=room, whom=whom),
            m.Mute(id=ids, room=room, whom=whom, seconds=seconds),
            m.Acts(id=ids, room=room),
            m.Role(id=ids, room=room, whom=whom, role=dice.choice(["owner", "moderator", "member", "king"])),
            m.Set(
                id=ids,
                room=room,
                rule=dice.choice(["kind", "history", "slow", "archived", "colour"]),
                value=dice.choice(["private", "public", "since-join", "1", "yes", ""]),
            ),
            m.DeleteRoom(id=ids, room=room),
            m.Block(id=ids, whom=whom),
            m.Nick(id=ids, nick=dice.choice([f"{self.nick}x", "n\u0430", "n\u202e", self.nick])),
        ]

    def post(self, ids, room):
        """Return sends of texts, or of a file that may not be there."""
        dice = self.dice
        if dice.random() < 0.2:
            self.n += 1
            file = m.File(sha256=dice.choice([EMPTY, THOUSAND]), name="f", size=dice.choice([0, 1000]))
            return self.encode(m.Send(id=ids, room=room, n=self.n, text="", file=file))
        count = dice.choice([1, 1, 3, 20])
        size = dice.choice([1, 100, 16_000])
        self.ids += count
        self.n += count
        first = self.n - count + 1
        return b"".join(
            self.encode(m.Send(id=self.ids - i, room=room, n=first + i, text="x" * size))
            for i in range(count)
        )

    def transfer(self, ids, room):
        """Return what begins a transfer, or belongs to one that was perhaps begun."""
        dice = self.dice
        digest, offset = dice.choice([EMPTY, "1" * 64, THOUSAND]), dice.choice([0, 0, 500])
        size, old, new = dice.choice([0, 500, 1000, 1000]), max(1, self.transfers), self.transfers + 1
        kind = dice.choices(range(6), (9, 9, 6, 6, 1, 24))[0] if self.transfers else dice.randrange(2)
        self.transfers += kind in {0, 1, 5}
        if kind in {0, 5}:
            self.uploads = new
        if kind == 5:
            return self.put(ids, room, new)
        if kind == 0:
            return self.encode(m.Upload(id=ids, transfer=new, size=size, sha256=digest))
        if kind == 1:
            wanted = {"seq": dice.randrange(1, 20)} if dice.random() < 0.5 else {"file": digest}
            return self.encode(m.Download(id=ids, transfer=new, room=room, offset=offset, **wanted))
        if kind == 2:
            return self.encode(m.Progress(transfer=old, received=size, stored=size))
        if kind == 3:
            return self.encode(m.Cancel(transfer=old, code="cancelled", text=""))
        return self.chunk(self.uploads or old, offset, b"x" * max(1, size))

    def put(self, ids, room, transfer):
        """Begin a whole upload; its data, its post, and a download follow with the next deeds."""
        self.ids += 2
        self.transfers += 1
        file = m.File(sha256=THOUSAND, name="f", size=1000)
        self.steps = [
            lambda: self.chunk(transfer, 0, b"x" * 1000),
            lambda: self.encode(m.Send(id=ids + 1, room=room, n=self.accepted + 1, text="", file=file)),
            lambda: self.encode(m.Download(id=ids + 2, transfer=transfer + 1, room=room, file=THOUSAND[:12])),
            lambda: self.encode(m.Progress(transfer=transfer + 1, received=1000, stored=1000)),
        ]
        return self.encode(m.Upload(id=ids, transfer=transfer, size=1000, sha256=THOUSAND))

    def deed(self):
        """Return what to send, and whether to "abort" or "close" after it."""
        dice, self.n = self.dice, self.accepted
        data = b"".join(self.request() for _ in range(0 if self.steps else dice.randrange(1, 6)))
        data += self.steps.pop(0)() if self.steps else b""
        fate = dice.random()
        if fate < 0.03:
            data = bytearray(data)
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
        elif fate < 0.05:
            data += b"\x00\x00\x00\x01\xee"
        elif fate < 0.06:
            data = data[: dice.randrange(len(data))]
        return bytes(data), "abort" if fate > 0.98 else "close" if fate > 0.97 else ""


class InMemory(Stranger):
    """A stranger on the in-memory network."""

    def __init__(self, dice, number, tokens=()):
        super().__init__(dice, number, dice.choices(list(ENCODE), (3, 1))[0])
        fate = dice.random()
        greeting = hello(self.nick)
        if tokens and fate < 0.3:
            greeting = hello(token=dice.choice(tokens), device=fate < 0.1)
        elif fate < 0.35:
            greeting = hello(token="guessed")
        talker = TALKERS[self.speaks]
        self.talker = talker(greeting, *ROOMS, answer_pings=dice.random() < 0.8)

    def act(self):
        """Send something, or go."""
        self.accepted = max(
            [welcome.last for welcome in self.talker.of(m.Welcome)]
            + [event.n for event in self.talker.of(m.Event) if event.by == self.nick],
            default=0,
        )
        data, end = self.deed()
        transport = self.talker.transport
        transport.write(data)
        if end == "abort":
            transport.abortConnection()
        elif end == "close":
            transport.loseConnection()


class OverTcp(Stranger):
    """A stranger on a real socket, who may read nothing."""

    def __init__(self, dice, number, port):
        super().__init__(dice, number)
        self.socket = socket.create_connection((LOOPBACK, port), 10)
        self.socket.sendall(b"".join(map(encode, [hello(self.nick), *ROOMS])))
        self.socket.setblocking(False)
        self.reads = dice.random() < 0.8
        self.decoder = FrameDecoder(limit=1 << 20)
        self.gone = False

    def act(self):
        """Read, and send something, or go; what the kernel does not take is lost, as if cut off."""
        data, end = b"", "close"
        try:
            if not self.reads or self._read():
                data, end = self.deed()
            if self.socket.send(data) < len(data):
                end = "abort"
        except BlockingIOError:
            return
        except OSError:
            end = "abort"
        if end == "abort":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if end:
            self.leave()

    def _read(self):
        """Take what is there, and answer pings; return whether there may be more to come."""
        with suppress(BlockingIOError):
            while data := self.socket.recv(1 << 16):
                self.decoder.feed(data)
                while (taken := self.decoder.take()) is not None:
                    if taken[0] is FrameType.MESSAGE:
                        heard = decode_from_server(taken[1])
                        if isinstance(heard, m.Event) and heard.by == self.nick:
                            self.accepted = max(self.accepted, heard.n)
                    elif taken[0] is FrameType.PING:
                        self.socket.send(frame(FrameType.PONG, taken[1]))
            return False
        return True

    def leave(self):
        """Close the socket."""
        self.gone = True
        self.socket.close()


def play(playground, dice, number, tokens):
    """Let a crowd come, some with ``tokens`` of those before, do as it likes, and go."""
    crowd = [InMemory(dice, number + i, tokens) for i in range(CROWD)]
    for stranger in crowd:
        playground.connect(stranger.talker, stranger.speaks)
    playground.advance()
    for _ in range(12):
        playground.store.held = dice.random() < 0.3
        for stranger in crowd:
            if stranger.talker.lost is None:
                stranger.act()
        playground.advance(dice.choice([0, 0, 0.05, 1]))
        if not playground.store.held:
            playground.store.release()
    playground.store.held = False
    playground.store.release()
    playground.advance(1)
    for stranger in crowd:
        tokens += [welcome.token for welcome in stranger.talker.of(m.Welcome) if welcome.token]
        if stranger.talker.lost is None:
            stranger.talker.transport.abortConnection()
    playground.advance(20, step=0.5)


def left_behind(playground):
    """Return all that stays of those who have gone."""
    server = playground.server
    world = server.hub.world
    return {
        "online": [s.user.nick for s in world.sessions.values() if s.peer is not None],
        "followers": [room.name for room in world.rooms.values() if room.log.followers],
        "connections": len(server.connections),
        "visits": len(server.visits),
        "addresses": len(server.budgets._open),
        "transfers": len(server.files.uploads) + len(server.files.downloads),
    }


def test_strangers_leave_nothing_behind(tmp_path, logged_events, monkeypatch):
    print(f"CHATD_FUZZ_SEED={SEED}")  # noqa: T201 - shown where the test fails
    dice = random.Random(SEED)
    began, base, number = time.monotonic(), None, 1
    while time.monotonic() - began < SECONDS:
        folder = tmp_path / str(number)
        folder.mkdir()
        tight = dice.random() < 0.5
        monkeypatch.setattr("chatd.server.budgets.is_local", lambda _, tight=tight: not tight)
        playground = Playground(Config(limits=TIGHT) if tight else None, folder=folder)
        playground.start_server()
        tokens = []
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            play(playground, dice, number, tokens)
            number += CROWD
            assert not any(left_behind(playground).values()), left_behind(playground)
            faults = [e for e in logged_events if e["log_level"] is LogLevel.critical or "log_failure" in e]
            assert not faults, faults
            logged_events.clear()
        playground.server.files.partial_uploads.close_parked(0)
        playground.advance(1)
        assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
        playground.crash_server()
        del playground
        gc.collect()
        if base is None and time.monotonic() - began > SECONDS / 3:
            tracemalloc.start()
            base = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - (base or 0)
    tracemalloc.stop()
    assert grown < GROWTH


def test_nor_do_they_over_real_sockets(make_daemon):
    print(f"CHATD_FUZZ_SEED={SEED}")  # noqa: T201 - shown where the test fails
    dice = random.Random(SEED)
    daemon = make_daemon("[limits]\nmax_rooms = 50\nflood_delay = 0.2\nrequests_per_second = 300\n").start()
    descriptors = Path(f"/proc/{daemon.pid}/fd")
    began, number, idle, base = time.monotonic(), 0, len(list(descriptors.iterdir())), 0
    while time.monotonic() - began < SECONDS / 3:
        crowd = [OverTcp(dice, number + i, daemon.port) for i in range(CROWD)]
        number += CROWD
        for _ in range(12):
            for stranger in crowd:
                if not stranger.gone:
                    stranger.act()
            time.sleep(dice.choice([0, 0.01, 0.05]))
        for stranger in crowd:
            stranger.leave()
        deadline = time.monotonic() + 20
        while len(list(descriptors.iterdir())) > idle + PARTIAL:
            assert time.monotonic() < deadline, "connections stay"
            time.sleep(0.05)
        base = base or anonymous(daemon.pid)
    daemon.await_ready()
    assert anonymous(daemon.pid) < base + ANONYMOUS_GROWTH
    assert daemon.terminate() == 0
    assert len(daemon.said("client-in")) == len(daemon.said("client-out"))
