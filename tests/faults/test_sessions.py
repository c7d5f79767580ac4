"""A fuzzer of whole sessions: valid requests in any order, mutated bytes, uploads and aborts, many at once.

Some speak frames, others JSON lines. Guests, accounts, those who guess passwords, and an operator are among
them.

It fails on any fault that is logged (see tests/conftest.py), and on whatever stays behind: somebody online, a
follower, a transfer, a descriptor, memory. CHATD_FUZZ_SECONDS sets how long it runs,
CHATD_FUZZ_SEED repeats a run.
"""

import gc
import os
import random
import socket
import ssl
import struct
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from twisted.logger import LogLevel

from chatd.chat import accounts, invitations
from chatd.chat.changes.rows import OPERATOR
from chatd.ops.settings import AccountsConfig, Config, LimitsConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.native import decode_from_server, encode
from tests.end_to_end.harness.certificates import make_certificate, trusting
from tests.end_to_end.harness.processes import LOOPBACK, anonymous, free_port
from tests.faults.strangers import ENCODE, GOOD_CODES, ROOMS, Stranger
from tests.helpers import TALKERS, hello

SECONDS = float(os.environ.get("CHATD_FUZZ_SECONDS", "15"))
SEED = int(os.environ.get("CHATD_FUZZ_SEED", random.randrange(1 << 32)))
CROWD = 30
PLAYS = 3
"""Crowds that come to one daemon."""

GROWTH = 4_000_000
"""Bytes by which memory may have grown between a third of the run and its end."""

PARTIAL = 64
"""Descriptors of partial uploads that the daemon keeps open for those who come back."""

ANONYMOUS_GROWTH = 200_000_000
"""Bytes by which the daemon may grow: tails of rooms and the cache of the store take 64 MiB each."""

LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket says that has to wait."""

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


class InMemory(Stranger):
    """A stranger on the in-memory network."""

    def __init__(self, dice, number, crowd, tokens, codes):
        super().__init__(dice, number, crowd, codes, dice.choices(list(ENCODE), (3, 1))[0])
        fate = dice.random()
        greeting = hello(self.nick)
        if tokens and fate < 0.3:
            greeting = hello(token=dice.choice(tokens), device=fate < 0.1)
        elif fate < 0.35:
            greeting = hello(token="guessed")
        elif fate < 0.7:
            greeting = hello(**self.greeting())
        if operates(number):
            greeting = hello(self.nick, password=f"first of {self.nick}")
            self.orders_often = 0.8
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

    def __init__(self, dice, number, crowd, daemon):
        super().__init__(dice, number, crowd, GOOD_CODES)
        secure = dice.random() < 0.3
        self.socket = socket.create_connection((LOOPBACK, daemon.tls if secure else daemon.port), 10)
        if secure:
            self.socket = trusting().wrap_socket(self.socket)  # and shows no certificate
        greeting = hello(**self.greeting()) if dice.random() < 0.3 else hello(self.nick)
        self.socket.sendall(b"".join(map(encode, [greeting, *ROOMS])))
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
        except LATER:
            return
        except OSError:
            end = "abort"
        if end == "abort":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if end:
            self.leave()

    def _read(self):
        """Take what is there, and answer pings; return whether there may be more to come."""
        with suppress(*LATER):
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


def operates(number):
    """Return whether it is an operator who has this number."""
    return number % 10 == 0


def play(playground, dice, number, tokens, codes):
    """Let a crowd come, some with ``tokens`` and ``codes`` of those before, do as it likes, and go."""
    numbers = range(number, number + CROWD)
    crowd = [InMemory(dice, one, numbers, tokens, codes) for one in numbers]
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
        codes += [ok.invite for ok in stranger.talker.of(m.Ok) if ok.invite]
        if stranger.talker.lost is None:
            stranger.talker.transport.abortConnection()
    playground.advance(20, step=0.5)


def begin(playground, dice, number):
    """Start the daemon with operators and a few invitations."""
    server = playground.start_server()
    world = server.hub.world
    for code in GOOD_CODES:
        invitations.invite(world, None, code, dice.choice([1, 3]), 1)
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for one in filter(operates, range(number, number + PLAYS * CROWD)):
        operator = world.add_user(f"n{one}")
        accounts.make(world, operator, hasher.hash(f"first of {operator.nick}"), playground.wall())
        accounts.set_flag(world, operator, OPERATOR, on=True)
    server.hub.change()
    playground.advance()


def picture(world):
    """Return what has to be the same after a restart, whatever has run out meanwhile."""
    return {
        "users": {
            user.id: (user.nick, user.key, user.account, user.kept, user.shown, user.allow, user.blocked)
            for user in world.users.values()
        },
        "nicks": {key: user.id for key, user in world.nicks.items()},
        "invites": world.invites,
        "sessions": {one.id: (one.user.id, one.digest, one.last) for one in world.sessions.values()},
        "rooms": {
            room.log.id: (
                (room.name, room.topic, room.rules, room.needs),
                {key: act for key, act in room.acts.items() if not act.until},
                (room.log.first, room.log.head, room.log.last),
                {user.id: member for user, member in room.members.items()},
            )
            for room in world.rooms.values()
        },
    }


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
        "passwords": len(server.doors.passwords),
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
        registration = dice.choice(["open", "invite", "invite", "closed"])
        config = Config(
            limits=TIGHT if tight else LimitsConfig(), accounts=AccountsConfig(registration=registration)
        )
        playground = Playground(config, folder=folder)
        begin(playground, dice, number)
        tokens, codes = [], [*GOOD_CODES]
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(PLAYS):
            play(playground, dice, number, tokens, codes)
            number += CROWD
            assert not any(left_behind(playground).values()), left_behind(playground)
            faults = [e for e in logged_events if e["log_level"] is LogLevel.critical or "log_failure" in e]
            assert not faults, faults
            logged_events.clear()
        playground.server.files.partial_uploads.close_parked(0)
        playground.advance(1)
        assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
        before = picture(playground.server.hub.world)
        playground.crash_server()
        assert picture(playground.start_server().hub.world) == before
        playground.crash_server()
        del playground
        gc.collect()
        if base is None and time.monotonic() - began > SECONDS / 3:
            tracemalloc.start()
            base = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - (base or 0)
    tracemalloc.stop()
    assert grown < GROWTH


@pytest.fixture
def daemon(make_daemon, tmp_path):
    """Return a daemon that takes registrations, and certificates that nobody shows."""
    certificate, key = make_certificate(tmp_path)
    plain, tls = free_port(), free_port()
    daemon = make_daemon(
        "[limits]\nmax_rooms = 50\nflood_delay = 0.2\nrequests_per_second = 300\n"
        '[accounts]\nregistration = "open"\n'
        f'[[listen]]\nendpoint = "tcp:{plain}:interface={LOOPBACK}"\n'
        f'[[listen]]\nendpoint = "tcp:{tls}:interface={LOOPBACK}"\n'
        f"certificate = '{certificate}'\nkey = '{key}'\n"
        f"client_certificates = 'optional'\nclient_ca = '{certificate}'\n"
    )
    daemon.listen, daemon.port, daemon.tls = (), plain, tls
    return daemon.start()


def test_nor_do_they_over_real_sockets(daemon):
    print(f"CHATD_FUZZ_SEED={SEED}")  # noqa: T201 - shown where the test fails
    dice = random.Random(SEED)
    descriptors = Path(f"/proc/{daemon.pid}/fd")
    began, number, idle, base = time.monotonic(), 0, len(list(descriptors.iterdir())), 0
    while time.monotonic() - began < SECONDS / 3:
        numbers = range(number, number + CROWD)
        crowd = [OverTcp(dice, one, numbers, daemon) for one in numbers]
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
