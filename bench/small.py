"""Small rooms: the price of one message where few listen, and of many who speak in one room."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench.common import Scale
from bench.fanout import Figures
from bench.load import Crowd, Hall, Load, Loop
from bench.peers import Peer
from bench.peers.chatd import ChatdPeer
from bench.peers.field import missing, start_c_loop, start_program
from bench.process import Gauge, Usage
from bench.results import Result, Row, Target
from bench.runs import WARM_UP, check, named, optional, settle
from bench.server import Daemon

WINDOW = 64
SPEAKERS = 20
TOGETHER = 256
OTHERS = ("inspircd", "nats-server")
OF_C = {1: Target(0.5), SPEAKERS: Target(0.4)}
OF_OTHER = Target(1.0)


def run(scale: Scale) -> Result:
    """Measure a room of 10 with one speaker, and one of 100 with 20 who speak at once."""
    result = Result("small")
    result.notes += [f"not installed, so left out: {name}" for name in missing() if name in OTHERS]
    for members, speakers in ((10, 1), (scale.size(100, 5), SPEAKERS)):
        with ExitStack() as stack:
            _measure(result, list(_gather(stack, result, members, speakers, scale)), members, speakers, scale)
    return result


def _gather(stack: ExitStack, result: Result, members: int, speakers: int, scale: Scale) -> Iterator["_Room"]:
    daemon = Daemon(scale.folder)
    stack.callback(daemon.stop)
    yield _Room(ChatdPeer(daemon), members, scale, speakers)
    others = [peer for name in OTHERS for peer in start_program(stack, name, scale)]
    for peer in (*start_c_loop(stack), *others):
        with optional(result, peer, members, scale):
            yield _Room(peer, members, scale, speakers)


class _Room:
    """A peer with ``members`` and ``speakers`` in place and warm."""

    def __init__(self, peer: Peer, members: int, scale: Scale, speakers: int) -> None:
        self.peer = peer
        self.who = peer.server.name
        self._scale = scale
        self._window = WINDOW if speakers == 1 else TOGETHER
        links = peer.gather(members, speakers)
        self._hall = settle(peer, links, Crowd(links.readers, peer.mark, keep=scale.smoke))
        with named(peer):
            drive_together(self._hall, self._window, min(WARM_UP, scale.seconds))

    def measure(self) -> tuple[Load, Usage]:
        """Return what was driven through, and what that used."""
        gauge = Gauge(self.peer.server.pid)
        with named(self.peer):
            load = drive_together(self._hall, self._window, self._scale.seconds)
        usage = gauge.read()
        if self._scale.smoke and len(self._hall.senders) == 1:
            check(self.peer, self._hall)
        return load, usage


def drive_together(hall: Hall, window: int, seconds: float) -> Load:
    """Keep ``window`` messages in flight, of all senders in turn, as the witness has received them."""
    before, turn = hall.sent, 0
    with Loop([hall]) as loop:

        def attend() -> None:
            nonlocal turn
            for sender in hall.senders:
                sender.read_all()
            new = window - (hall.sent - hall.crowd.frames)
            share = -(-new // len(hall.senders))
            while new > 0:
                sender, turn = hall.senders[turn], (turn + 1) % len(hall.senders)
                sender.post(min(share, new))
                new -= share

        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            attend()
            loop.turn(attend)
        loop.finish()
        return Load(hall.sent - before, time.monotonic() - begin)


def _measure(result: Result, rooms: list[_Room], members: int, speakers: int, scale: Scale) -> None:
    figures = Figures([room.who for room in rooms])
    for _ in range(scale.rounds):
        for room in rooms:
            load, usage = room.measure()
            figures.rates[room.who].append(load.messages * members / load.seconds)
            figures.costs[room.who].append(usage.server / load.messages * 1e6)
            result.doubt(room.who, usage.doubts())
    speak = "1 sender" if speakers == 1 else f"{speakers} senders"
    what = f"{members} members, {speak}, {WINDOW if speakers == 1 else TOGETHER} in flight"
    for who, rates in figures.rates.items():
        result.rows.append(Row(what, who, "deliveries/s", tuple(rates)))
    if "C loop" in figures.rates:
        ratios = figures.ratios("chatd", "C loop")
        result.rows.append(Row(what, "chatd / C loop", "ratio", ratios, OF_C[speakers]))
    other = figures.best_peer()
    if other is not None:
        result.rows.append(Row(what, f"chatd / {other}", "ratio", figures.ratios("chatd", other), OF_OTHER))
    for who, costs in figures.costs.items():
        result.rows.append(Row(what, who, "µs CPU/message", tuple(costs)))
