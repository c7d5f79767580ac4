"""A multitude: very many clients in one process that come in, are quiet, listen, and come back.

Raw sockets and one epoll. What comes is parsed no further than is needed: events are told by the beginning of
their messages, and counted. A client sends a ping when it has said nothing for an interval, and answers those
of the server, as the protocol has it.
"""

import random
import select
import socket
import time
from array import array
from collections import defaultdict
from collections.abc import Sequence

from bench.common import BenchError
from bench.server import LOOPBACK
from chatd.wire.frames import HEAD, HEAD_SIZE, FrameType, frame
from chatd.wire.messages import (
    Error,
    FromServer,
    Goodbye,
    Hello,
    Join,
    Message,
    Ok,
    Pulse,
    Rooms,
    Send,
    Welcome,
)
from chatd.wire.native import decode_from_server, encode

PULSE = Pulse(interval=30.0, misses=3)
"""The heartbeat that every client wishes for."""

PER_ADDRESS = 1000
"""Clients that come from one source address."""

ON_THE_WAY = 1000
"""Clients that come in at once: the next one dials when one is in. The daemon's backlog holds as many."""

GRAIN = 0.01
"""Seconds between two looks at who has to send a ping or a message."""

_READ = 65_536
_JOIN = 1 << 40
_PING = frame(FrameType.PING, b"")
_MESSAGE = int(FrameType.MESSAGE)
_EVENT = b'{"t":"event"'
_PRESENCE = b'{"t":"presence"'
_PATIENCE = 30.0
"""Seconds after which what was said last has to be everywhere."""


class Guest:
    """One client, in room ``room``: its session's ``token``, and the last event that it has seen."""

    __slots__ = ("acked", "begun", "cursor", "link", "number", "rest", "room", "said", "sent", "token")

    def __init__(self, number: int, room: int) -> None:
        self.number = number
        self.room = room
        self.link: socket.socket | None = None
        self.token = ""
        self.cursor = self.begun = self.sent = self.acked = 0
        self.said = 0.0
        self.rest = b""

    @property
    def room_name(self) -> str:
        """Return the name of its room."""
        return f"#bench{self.room}"

    def dial(self, port: int) -> socket.socket:
        """Return a new connection to ``port``, on which it has said hello."""
        link = self.link = socket.socket()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        place = self.number // PER_ADDRESS
        link.bind((f"127.1.{place // 250}.{1 + place % 250}", 0))
        link.connect((LOOPBACK, port))
        link.setblocking(False)
        cursors = {self.room_name: self.cursor} if self.token else {}
        nick = "" if self.token else f"bench{self.number}"
        self.rest = b""
        self.say(Hello(software="bench", nick=nick, token=self.token, heartbeat=PULSE, cursors=cursors))
        return link

    def say(self, message: Message) -> None:
        """Send ``message``, which is short."""
        self.send(encode(message))

    def send(self, data: bytes) -> None:
        """Send ``data``, which is short."""
        assert self.link is not None
        self.said = time.monotonic()
        if self.link.send(data) != len(data):
            raise BenchError(f"the server takes nothing any more from client {self.number}")

    def close(self) -> None:
        """Let go of the connection."""
        if self.link is not None:
            self.link.close()
        self.link = None


class Multitude:
    """``count`` clients, ``per_room`` in each room. All of them are served while one of its methods runs.

    ``latencies`` are those of what `converse` has had said. With ``check`` every event is parsed and has
    to be the next one.
    """

    def __init__(self, count: int, per_room: int, *, check: bool = False) -> None:
        self.guests = [Guest(number, number // per_room) for number in range(count)]
        self.latencies = array("d")
        self._check = check
        self._poller = select.epoll()
        self._links: dict[int, Guest] = {}
        self._way: set[Guest] = set()
        self._pings: defaultdict[int, list[Guest]] = defaultdict(list)
        self._pinged = int(time.monotonic() / GRAIN)
        self._due: dict[int, list[float]] = {}

    def close(self) -> None:
        """Let go of all connections."""
        for guest in self.guests:
            guest.close()
        self._links.clear()
        self._poller.close()

    # ---- what they do -------------------------------------------------------------------------------

    def come(self, port: int, patience: float) -> None:
        """Have everybody come in, one room after the other, or back, in any order. Raises `BenchError`."""
        back = bool(self.guests[0].token)
        for guest in self.guests:
            guest.close()
        self._links.clear()
        self._pings.clear()
        waiting = self.guests[::-1]
        if back:
            random.shuffle(waiting)
        deadline = time.monotonic() + patience
        while waiting or self._way:
            while waiting and len(self._way) < ON_THE_WAY:
                guest = waiting.pop()
                link = guest.dial(port)
                self._way.add(guest)
                self._links[link.fileno()] = guest
                self._poller.register(link.fileno(), select.EPOLLIN)
            self._turn(GRAIN)
            if time.monotonic() > deadline:
                raise BenchError(f"{len(waiting) + len(self._way)} clients were not in after {patience:g} s")
        begin = time.monotonic()
        for guest in self.guests:  # as if they had come at any time of the last interval
            self._ping_at(guest, begin + random.uniform(0.0, PULSE.interval))

    def rest(self, seconds: float) -> None:
        """Let everybody be quiet for ``seconds``."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            self._turn(min(GRAIN, end - now))

    def converse(self, rooms: int, seconds: float) -> None:
        """Have one client of each of ``rooms`` send a message a second, and wait until all members have them.

        Raises `BenchError` where something is missing.
        """
        speakers = list({guest.room: guest for guest in self.guests if guest.room < rooms}.values())
        readers = [guest for guest in self.guests if guest.room < rooms]
        for guest in readers:
            guest.begun = guest.cursor
        begin, count = time.monotonic(), max(1, round(seconds))
        self._due = {guest.room: [] for guest in speakers}
        plan = [
            (begin + second + place / len(speakers), guest)
            for second in range(count)
            for place, guest in enumerate(speakers)
        ]
        for due, guest in plan:
            while (now := time.monotonic()) < due:
                self._turn(min(GRAIN, due - now))
            guest.sent += 1
            self._due[guest.room].append(due)
            guest.say(Send(id=guest.sent, n=guest.sent, room=guest.room_name, text=f"message {guest.sent}"))
        self._finish(readers, count, speakers)
        self._due = {}

    def _finish(self, readers: Sequence[Guest], count: int, speakers: Sequence[Guest]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            missing = sum(guest.begun + count - guest.cursor for guest in readers)
            missing += sum(guest.sent - guest.acked for guest in speakers)
            if not missing:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"{missing} messages or acknowledgements did not come")
            self.rest(0.1)

    # ---- a turn -------------------------------------------------------------------------------------

    def _turn(self, timeout: float) -> None:
        self._beat()
        links = self._links
        for fd, _ in self._poller.poll(max(0.0, timeout)):
            guest = links.get(fd)
            if guest is not None:
                self._read(guest)

    def _ping_at(self, guest: Guest, due: float) -> None:
        self._pings[int(due / GRAIN)].append(guest)

    def _beat(self) -> None:
        """Send the pings that are due; whoever has said something meanwhile is not due yet."""
        now = time.monotonic()
        for moment in range(self._pinged + 1, int(now / GRAIN)):
            self._pinged = moment
            for guest in self._pings.pop(moment, ()):
                due = guest.said + PULSE.interval
                if due <= now:
                    guest.send(_PING)
                    due = now + PULSE.interval
                self._ping_at(guest, due)

    def _read(self, guest: Guest) -> None:
        assert guest.link is not None
        try:
            data = guest.link.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise BenchError(f"the server closed the connection of client {guest.number}")
        if guest.rest:
            data = guest.rest + data
        at = 0
        while len(data) - at >= HEAD_SIZE:
            size, kind = HEAD.unpack_from(data, at)
            end = at + 4 + size
            if end > len(data):
                break
            payload = data[at + HEAD_SIZE : end]
            if kind == _MESSAGE:
                self._hear(guest, payload)
            elif kind == FrameType.PING:
                guest.send(frame(FrameType.PONG, payload))
            at = end
        guest.rest = data[at:]

    def _hear(self, guest: Guest, payload: bytes) -> None:
        if payload.startswith(_EVENT):
            guest.cursor += 1
            if self._check:
                self._compare(guest, payload)
            due = self._due.get(guest.room)
            if due is not None:
                self.latencies.append(time.monotonic() - due[guest.cursor - guest.begun - 1])
        elif not payload.startswith(_PRESENCE):
            message = decode_from_server(payload)
            if message is not None:
                self._take(guest, message)

    @staticmethod
    def _compare(guest: Guest, payload: bytes) -> None:
        seq = getattr(decode_from_server(payload), "seq", None)
        if seq != guest.cursor:
            raise BenchError(f"client {guest.number} saw event {seq} where {guest.cursor} comes next")

    def _take(self, guest: Guest, message: FromServer) -> None:
        if isinstance(message, Welcome):
            if bool(guest.token) != message.resumed:
                raise BenchError(f"client {guest.number} did not come back as who it was")
            guest.token = message.token or guest.token
            if message.resumed:
                self._note(guest, message)
                self._way.discard(guest)
            else:
                guest.say(Join(id=_JOIN, room=guest.room_name))
        elif isinstance(message, Rooms):
            self._note(guest, message)
        elif isinstance(message, Ok):
            if message.id == _JOIN:
                self._way.discard(guest)
            else:
                guest.acked = message.id
        elif isinstance(message, Error | Goodbye):
            raise BenchError(f"client {guest.number} was refused: {message.text}")

    @staticmethod
    def _note(guest: Guest, message: Rooms | Welcome) -> None:
        for state in message.rooms:
            guest.cursor = state.cursor
