"""Clients that come back by the protocol whatever becomes of their daemon, dozens of them in one process.

Raw sockets, one epoll; every event is parsed, and checked to be the next one. They wait as the companion
client does (`chatd.client.core.backoff`).
"""

import random
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable

from bench.clients import CALM
from bench.common import BenchError
from bench.server import LOOPBACK
from chatd.client.core.backoff import Backoff
from chatd.wire.frames import FrameDecoder, FrameType, frame
from chatd.wire.messages import Error, Event, FromServer, Goodbye, Hello, Join, Ok, Rooms, Send, Welcome
from chatd.wire.native import decode_from_server, encode

ROOM = "#restart"
TEXT = "x" * 200
TICK = 0.005
"""Seconds between two looks at who has to send or to come back."""

IN_FLIGHT = 200
"""Messages of one sender that wait for their acknowledgement at the most; the protocol allows a few more."""

_READ = 65_536
_JOIN = 1 << 40


class Guest:
    """One client at ``port``: it is in the room, or on its way back."""

    def __init__(self, port: int, nick: str) -> None:
        self.nick = nick
        self.link: socket.socket | None = None
        self.due: float | None = 0.0
        self.welcomes = self.refusals = 0
        self.inside = False
        self._port = port
        self._token = ""
        self._cursor = 0
        self._slot: float | None = None
        self._decoder = FrameDecoder()
        self._backoff = Backoff(random.uniform)

    def dial(self, now: float) -> None:
        """Connect and say hello, or wait on."""
        self.due = None
        self._decoder = FrameDecoder()
        self._slot = None
        try:
            self.link = socket.create_connection((LOOPBACK, self._port), timeout=5)
        except ConnectionError:
            self.refusals += 1
            self.due = now + self._backoff.after_silence(now)
            return
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cursors = {ROOM: self._cursor} if self._cursor else {}
        nick = "" if self._token else self.nick
        self.say(Hello(software="bench", nick=nick, token=self._token, heartbeat=CALM, cursors=cursors))

    def say(self, *messages: Hello | Join | Send) -> None:
        """Send ``messages``; what they answer is of no use before."""
        if self.link is not None:
            try:
                self.link.sendall(b"".join(map(encode, messages)))
            except OSError:
                return  # the end of the link will be read

    def read(self, now: float) -> None:
        """Take what has come, or the end of the link."""
        assert self.link is not None
        try:
            data = self.link.recv(_READ)
        except OSError:
            data = b""
        if not data:
            self.lose(now)
            return
        self._decoder.feed(data)
        while (taken := self._decoder.take()) is not None:
            if taken[0] is FrameType.PING:
                self.link.sendall(frame(FrameType.PONG, taken[1]))
            elif taken[0] is FrameType.MESSAGE:
                message = decode_from_server(taken[1])
                if message is not None:
                    self._take(message, now)

    def lose(self, now: float) -> None:
        """Come back as the goodbye said, or after a while."""
        if self.link is not None:
            self.link.close()
        self.link, self.inside = None, False
        self.due = now + self._backoff.after_answer(now, self._slot)

    def _take(self, message: FromServer, now: float) -> None:
        if isinstance(message, Event):
            self._hear(message, now)
        elif isinstance(message, Welcome):
            self._token = message.token or self._token
            self.welcomes += 1
            self._backoff.reset()
            if message.rooms:
                self.inside = True
                self.entered(message.last)
            else:
                self.say(Join(id=_JOIN, room=ROOM))
        elif isinstance(message, Ok):
            if message.id == _JOIN:
                self.inside = True
            else:
                self.acknowledged(message.id)
        elif isinstance(message, Goodbye | Error):
            self._slot = message.retry_after
            if isinstance(message, Error) and message.retry_after is None:
                raise BenchError(f"{self.nick} was refused: {message.text}")
        elif isinstance(message, Rooms):
            self._cursor = message.rooms[0].cursor

    def _hear(self, event: Event, now: float) -> None:
        if event.room != ROOM or event.seq != self._cursor + 1:
            raise BenchError(f"{self.nick} saw event {event.seq} of {event.room} behind {self._cursor}")
        self._cursor = event.seq
        if event.kind == "message":
            self.heard(event, now)

    def heard(self, event: Event, now: float) -> None:
        """Take in what somebody has said."""

    def entered(self, last: int) -> None:
        """Go on, of whose sends the daemon has accepted those up to ``last``."""

    def acknowledged(self, number: int) -> None:
        """Take in that a send is accepted."""


class Reader(Guest):
    """A guest who listens: ``silence`` is the longest time without a message since it was last set to 0."""

    def __init__(self, port: int, nick: str) -> None:
        super().__init__(port, nick)
        self.silence = 0.0
        self.last: dict[int, int] = {}
        self._heard = 0.0

    def heard(self, event: Event, now: float) -> None:
        """Note the silence before ``event``, and check that it is its sender's next one."""
        if self._heard:
            self.silence = max(self.silence, now - self._heard)
        self._heard = now
        if event.n != self.last.get(event.session, 0) + 1:
            raise BenchError(f"{self.nick} heard send {event.n} behind {self.last.get(event.session, 0)}")
        self.last[event.session] = event.n


class Sender(Guest):
    """A guest who says ``rate`` texts in a second; those that are due while it is away follow."""

    def __init__(self, port: int, nick: str, rate: float) -> None:
        super().__init__(port, nick)
        self.sent = 0
        self.speaking = False
        self._rate = rate
        self._owed = 0.0
        self._waiting: deque[int] = deque()

    @property
    def done(self) -> bool:
        """Return whether all that was due is said and acknowledged."""
        return not self._waiting and self._owed < 1

    def tick(self, passed: float) -> None:
        """Say what has become due in ``passed`` seconds."""
        if self.speaking:
            self._owed += passed * self._rate
        count = min(int(self._owed), IN_FLIGHT - len(self._waiting)) if self.inside else 0
        if count > 0:
            self._owed -= count
            numbers = range(self.sent + 1, self.sent + 1 + count)
            self.sent += count
            self._waiting.extend(numbers)
            self._post(numbers)

    def _post(self, numbers: Iterable[int]) -> None:
        self.say(*(Send(id=number, n=number, room=ROOM, text=TEXT) for number in numbers))

    def entered(self, last: int) -> None:
        """Say again what was not accepted."""
        while self._waiting and self._waiting[0] <= last:
            self._waiting.popleft()
        self._post(self._waiting)

    def acknowledged(self, number: int) -> None:
        """Wait for the next one."""
        if not self._waiting or number != self._waiting[0]:
            raise BenchError(f"{self.nick} was told of send {number}, which is not the next one")
        self._waiting.popleft()


class Party:
    """Everybody: ``readers`` and ``senders``; they are served while `run` is."""

    def __init__(self, readers: list[Reader], senders: list[Sender]) -> None:
        self.readers = readers
        self.senders = senders
        self.everybody: list[Guest] = [*readers, *senders]
        self._links: dict[int, Guest] = {}
        self._poller = select.epoll()
        self._ticked = time.monotonic()

    def close(self) -> None:
        """Let go of all links."""
        for guest in self.everybody:
            if guest.link is not None:
                guest.link.close()
        self._poller.close()

    def run(self, until: Callable[[], bool], patience: float = 60.0) -> None:
        """Serve everybody until ``until`` says so. Raises `BenchError` if it does not."""
        end = time.monotonic() + patience
        while not until():
            now = time.monotonic()
            if now > end:
                away = sum(not guest.inside for guest in self.everybody)
                raise BenchError(f"nothing came of it in {patience:g} s; {away} guests are not in the room")
            self._tick(now)
            for number, _ in self._poller.poll(TICK):
                guest = self._links[number]
                guest.read(time.monotonic())
                if guest.link is None:
                    del self._links[number]  # closed, so that epoll has forgotten it

    def _tick(self, now: float) -> None:
        if now - self._ticked < TICK:
            return
        for sender in self.senders:
            sender.tick(now - self._ticked)
        self._ticked = now
        for guest in self.everybody:
            if guest.due is not None and guest.due <= now:
                guest.dial(now)
                if guest.link is not None:
                    self._links[guest.link.fileno()] = guest
                    self._poller.register(guest.link.fileno(), select.EPOLLIN)
