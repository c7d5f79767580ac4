"""Many small rooms: what a message costs where ten thousand people talk in a thousand rooms at once."""

import random
import select
import socket
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from bench.clients import SETTLED, connect, enter
from bench.common import BenchError, Scale
from bench.load import Crowd, Tally
from bench.paced import quantile
from bench.peers import TEXT_SIZE, await_bytes, text
from bench.peers.chatd import ChatdPeer, chatd_message
from bench.peers.nats import COMMAND, CONNECT
from bench.process import Gauge, raise_file_limit
from bench.results import Result, Row, Target
from bench.server import Daemon, Program, Server, find_program

ROOMS = 1000
MEMBERS = 10
RATE = 5000.0
"""Messages a second, evenly spread over the rooms, each by the same member of its room."""

OF_NATS = Target(1.3, least=False)
P99 = Target(25.0, least=False)

_PATIENCE = 30.0
_READ = 65_536


class Site(NamedTuple):
    """A ``server`` with the ``links`` of each room's members, of whom the first speaks.

    ``message`` returns the bytes that send message n of a room, ``mark`` is in each delivery once.
    """

    server: Server
    links: list[list[socket.socket]]
    message: Callable[[int, int], bytes]
    mark: bytes


def run(scale: Scale) -> Result:
    """Measure chatd beside NATS with as many subjects, one after the other, in turn."""
    raise_file_limit()
    result = Result("rooms")
    kinds: list[Callable[[ExitStack, Scale], Site]] = [_chatd]
    if find_program("nats-server"):
        kinds.append(_nats)
    else:
        result.notes.append("not installed, so left out: nats-server")
    figures: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(scale.rounds):
        for kind in kinds:
            with ExitStack() as stack:
                site = kind(stack, scale)
                figures.setdefault(site.server.name, []).append(_measure(result, site, scale))
    _tell(result, figures, scale)
    return result


def _chatd(stack: ExitStack, scale: Scale) -> Site:
    daemon = Daemon(scale.folder)
    stack.callback(daemon.stop)
    rooms = scale.size(ROOMS, 10)
    clients = enter(daemon, [f"#bench{number // MEMBERS}" for number in range(rooms * MEMBERS)])
    links = [client.link for client in clients]
    Crowd(links, b"\0").hush(SETTLED)
    return Site(
        daemon,
        _by_room(stack, links),
        lambda room, number: chatd_message(number, f"#bench{room}"),
        ChatdPeer.mark,
    )


def _nats(stack: ExitStack, scale: Scale) -> Site:
    path = find_program("nats-server")
    assert path is not None
    program = Program("nats-server", path, COMMAND, scale.folder)
    stack.callback(program.stop)
    links = []
    for number in range(scale.size(ROOMS, 10) * MEMBERS):
        link = connect(program.port, number)
        link.sendall(CONNECT + b"SUB bench%d 1\r\nPING\r\n" % (number // MEMBERS))
        links.append(link)
    await_bytes(links, b"PONG\r\n")
    await_bytes(links, b"PING\r\n")  # which comes once, unasked, two seconds after a connection was made
    return Site(
        program,
        _by_room(stack, links),
        lambda room, number: f"PUB bench{room} {TEXT_SIZE}\r\n{text(number)}\r\n".encode(),
        b"MSG bench",
    )


def _by_room(stack: ExitStack, links: Sequence[socket.socket]) -> list[list[socket.socket]]:
    for link in links:
        stack.callback(link.close)
        link.setblocking(False)
    return [list(links[begin : begin + MEMBERS]) for begin in range(0, len(links), MEMBERS)]


class _Member:
    """One who listens in ``room``."""

    __slots__ = ("heard", "link", "room")

    def __init__(self, room: int, link: socket.socket, mark: bytes) -> None:
        self.room = room
        self.link = link
        self.heard = Tally(mark)


class _Talk:
    """Messages at a steady pace in all rooms of ``site``; ``latencies`` are those of all deliveries."""

    def __init__(self, site: Site) -> None:
        self.latencies = array("d")
        self._site = site
        self._members = {
            link.fileno(): _Member(room, link, site.mark)
            for room, links in enumerate(site.links)
            for link in links
        }
        self._due: list[list[float]] = [[] for _ in site.links]
        self._poller = select.epoll()
        for fd in self._members:
            self._poller.register(fd, select.EPOLLIN)

    def run(self, rate: float, seconds: float) -> int:
        """Have ``rate`` messages a second said; return how many these were. Raises `BenchError`."""
        rooms = list(range(len(self._site.links)))
        random.shuffle(rooms)
        count, sent = round(rate * seconds), 0
        begin = time.monotonic()
        due = [begin + number / rate for number in range(count)]
        while sent < count:
            late = bisect_right(due, time.monotonic(), sent)
            for number in range(sent, late):
                self._say(rooms[number % len(rooms)], due[number])
            sent = late
            if sent < count:
                self._turn(max(0.0, due[sent] - time.monotonic()))
        self._finish()
        return count

    def _say(self, room: int, due: float) -> None:
        self._due[room].append(due)
        data = self._site.message(room, len(self._due[room]))
        if self._site.links[room][0].send(data) != len(data):
            raise BenchError(f"{self._site.server.name} takes nothing any more")

    def _finish(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while missing := sum(len(self._due[one.room]) - one.heard.count for one in self._members.values()):
            if time.monotonic() > deadline:
                raise BenchError(f"{self._site.server.name}: {missing} deliveries did not come")
            self._turn(0.1)

    def _turn(self, timeout: float) -> None:
        for fd, _ in self._poller.poll(timeout):
            member = self._members[fd]
            data = member.link.recv(_READ)
            if not data:
                raise BenchError(f"{self._site.server.name} closed a connection")
            before = member.heard.count
            after = member.heard.take(data)
            if after > before:
                now = time.monotonic()
                self.latencies.extend(now - due for due in self._due[member.room][before:after])


def _measure(result: Result, site: Site, scale: Scale) -> tuple[float, float, float]:
    """Return the CPU for one message in µs, and p50 and p99 of its latency in ms."""
    rate = RATE * len(site.links) / ROOMS
    talk = _Talk(site)
    talk.run(rate, min(0.5, scale.seconds))  # warms up
    del talk.latencies[:]
    gauge = Gauge(site.server.pid)
    count = talk.run(rate, scale.seconds)
    usage = gauge.read()
    result.doubt(site.server.name, usage.doubts())
    latencies = sorted(talk.latencies)
    return usage.server / count * 1e6, quantile(latencies, 0.5) * 1e3, quantile(latencies, 0.99) * 1e3


def _tell(result: Result, figures: dict[str, list[tuple[float, float, float]]], scale: Scale) -> None:
    rooms = scale.size(ROOMS, 10)
    what = f"{RATE * rooms / ROOMS:g} messages/s in all, {rooms} rooms of {MEMBERS}"
    columns = {who: list(zip(*runs, strict=True)) for who, runs in figures.items()}
    for who, (costs, _, _) in columns.items():
        result.rows.append(Row(what, who, "µs CPU/message", costs))
    if "nats-server" in columns:
        pairs = zip(columns["chatd"][0], columns["nats-server"][0], strict=True)
        ratios = tuple(ours / theirs for ours, theirs in pairs)
        result.rows.append(Row(what, "chatd / nats-server", "ratio of CPU", ratios, OF_NATS))
    for who, (_, medians, tails) in columns.items():
        result.rows.append(Row(what, who, "ms latency p50", medians))
        result.rows.append(Row(what, who, "ms latency p99", tails, P99 if who == "chatd" else None))
