"""A fuzzer of whole sessions: valid requests in any order, mutated frames, uploads and aborts, many at once.

It fails on any fault that is logged (see tests/conftest.py), and on whatever stays behind: somebody online, a
follower, a transfer, a descriptor, memory. CHATD_FUZZ_SECONDS sets how long it runs,
CHATD_FUZZ_SEED repeats a run.
"""

import gc
import hashlib
import os
import random
import time
import tracemalloc
from pathlib import Path

from twisted.logger import LogLevel

from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.codec import encode
from chatd.wire.frames import FrameType, chunk, frame
from tests.helpers import Talker, hello

SECONDS = float(os.environ.get("CHATD_FUZZ_SECONDS", "30"))
SEED = int(os.environ.get("CHATD_FUZZ_SEED", random.randrange(1 << 32)))
CROWD = 30
GROWTH = 4_000_000
"""Bytes by which memory may have grown between a third of the run and its end."""

EMPTY = hashlib.sha256(b"").hexdigest()


class Stranger:
    """One whole session of somebody who means no good."""

    def __init__(self, dice, number):
        self.dice = dice
        self.talker = Talker(hello(f"n{number}"), answer_pings=dice.random() < 0.8)
        self.ids = self.n = self.transfers = 0

    def request(self):
        """Return the bytes of a request that makes sense, or might."""
        dice = self.dice
        self.ids += 1
        ids, room = self.ids, dice.choice(["#a", "#b", "@n1", "#none"])
        digest = dice.choice([EMPTY, "1" * 64, hashlib.sha256(b"x" * 1000).hexdigest()])
        kind = dice.randrange(11)
        if kind == 0:
            return encode(m.Join(id=ids, room=room))
        if kind == 1:
            return encode(m.Leave(id=ids, room=room))
        if kind == 2:
            return encode(m.Topic(id=ids, room=room, text="t" * dice.randrange(50)))
        if kind == 3:
            return encode(m.Read(id=ids, room=room, seq=dice.randrange(50)))
        if kind == 4:
            return encode(m.History(id=ids, room=room, limit=dice.randrange(1, 100)))
        if kind == 5:
            self.transfers += 1
            size = dice.choice([0, 0, 1000])
            return encode(m.Upload(id=ids, transfer=self.transfers, size=size, sha256=digest))
        if kind == 6:
            data = b"x" * dice.choice([1, 500, 1000])
            return chunk(max(1, self.transfers), dice.choice([0, 0, 500]), data)
        if kind == 7:
            return encode(m.Cancel(transfer=max(1, self.transfers), code="cancelled", text=""))
        if kind == 8:
            return frame(FrameType.PING, b"p")
        count = dice.choice([1, 1, 3, 20])
        size = dice.choice([1, 100, 16_000])
        self.ids += count
        self.n += count
        first = self.n - count + 1
        return b"".join(
            encode(m.Send(id=self.ids - i, room=room, n=first + i, text="x" * size)) for i in range(count)
        )

    def act(self):
        """Send something, or go."""
        dice, transport = self.dice, self.talker.transport
        data = b"".join(self.request() for _ in range(dice.randrange(1, 6)))
        fate = dice.random()
        if fate < 0.08:
            data = bytearray(data)
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
        elif fate < 0.12:
            data += b"\x00\x00\x00\x01\xee"
        elif fate < 0.14:
            data = data[: dice.randrange(len(data))]
        transport.write(bytes(data))
        if fate > 0.98:
            transport.abortConnection()
        elif fate > 0.97:
            transport.loseConnection()


def play(playground, dice, number):
    """Let a crowd come, do as it likes, and go."""
    crowd = [Stranger(dice, number + i) for i in range(CROWD)]
    for stranger in crowd:
        playground.connect(stranger.talker)
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
        if stranger.talker.lost is None:
            stranger.talker.transport.abortConnection()
    playground.advance(20, step=0.5)


def left_behind(playground):
    """Return all that stays of those who have gone."""
    desk = playground.desk
    world = desk.hub.world
    return {
        "online": [s.user.nick for s in world.sessions.values() if s.peer is not None],
        "followers": [room.name for room in world.rooms.values() if room.log.followers],
        "connections": len(desk.connections),
        "visits": len(desk.visits),
        "transfers": len(desk.files.uploads) + len(desk.files.downloads),
    }


def test_strangers_leave_nothing_behind(tmp_path, logged_events):
    print(f"CHATD_FUZZ_SEED={SEED}")  # noqa: T201 - shown where the test fails
    dice = random.Random(SEED)
    began, base, number = time.monotonic(), None, 1
    while time.monotonic() - began < SECONDS:
        folder = tmp_path / str(number)
        folder.mkdir()
        playground = Playground(folder=folder)
        playground.start_server()
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            play(playground, dice, number)
            number += CROWD
            assert not any(left_behind(playground).values()), left_behind(playground)
            faults = [e for e in logged_events if e["log_level"] is LogLevel.critical or "log_failure" in e]
            assert not faults, faults
            logged_events.clear()
        playground.desk.files.park_less()
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
