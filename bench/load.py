"""The load generator: raw non-blocking sockets and epoll.

It counts instead of parsing: what a reader receives is a number of bytes, dropped in the kernel where
nobody looks at it; frames are counted by a marker that each contains once. So it costs less than any
server it loads; `bench.process.Usage` tells when that was not so.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from bench.common import BenchError

_READ = 65_536
_DISCARD = bytearray(1 << 20)
_PATIENCE = 15.0
_ATTEND = 32
"""Reads from readers after which senders are looked after, lest a server waits for us."""


class Tally:
    """Counts how often ``marker`` occurs in a stream of bytes, however it is cut."""

    def __init__(self, marker: bytes) -> None:
        self._marker = marker
        self._rest = b""
        self.count = 0

    def take(self, data: bytes) -> int:
        """Take in ``data``; return the count so far."""
        data = self._rest + data
        self.count += data.count(self._marker)
        self._rest = data[len(data) - len(self._marker) + 1 :] if len(data) >= len(self._marker) else data
        return self.count

    def clear(self) -> None:
        """Count from nothing."""
        self._rest = b""
        self.count = 0


WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket raises, with or without TLS, that can neither take nor give anything now."""


def _receive(link: socket.socket) -> bytes:
    data = link.recv(_READ)
    if not data:
        raise BenchError("the server closed a connection")
    return data


class Crowd:
    """Readers: connected sockets whose received bytes are counted.

    The first is the witness: its frames, each with one ``marker``, are counted too. With ``keep`` the bytes
    of all are kept, to be compared.
    """

    def __init__(self, links: Sequence[socket.socket], marker: bytes, *, keep: bool = False) -> None:
        self._links = {link.fileno(): link for link in links}
        self._witness = links[0].fileno()
        self.tally = Tally(marker)
        self.bytes = dict.fromkeys(self._links, 0)
        self.kept: dict[int, bytearray] | None = {fd: bytearray() for fd in self._links} if keep else None
        for link in links:
            link.setblocking(False)

    @property
    def frames(self) -> int:
        """Return how many frames the witness has received."""
        return self.tally.count

    @property
    def frame_size(self) -> float:
        """Return the mean size of the witness's frames in bytes."""
        return self.bytes[self._witness] / max(1, self.frames)

    @property
    def witness(self) -> int:
        """Return the descriptor of the reader whose frames are counted."""
        return self._witness

    def even(self) -> bool:
        """Return whether every reader has received as many bytes as the witness."""
        return len(set(self.bytes.values())) == 1

    def register(self, poller: select.epoll) -> None:
        """Let ``poller`` tell when a reader can be read."""
        for fd in self._links:
            poller.register(fd, select.EPOLLIN)

    def read(self, fd: int) -> bytes | None:
        """Read once from reader ``fd``; return the bytes where they were looked at."""
        link = self._links[fd]
        if fd == self._witness or self.kept is not None:
            data = _receive(link)
            self.bytes[fd] += len(data)
            if fd == self._witness:
                self.tally.take(data)
            if self.kept is not None:
                self.kept[fd] += data
            return data
        size = link.recv_into(_DISCARD, 0, socket.MSG_TRUNC)
        if not size:
            raise BenchError("the server closed a reader's connection")
        self.bytes[fd] += size
        return None

    def hush(self, quiet: float = 0.3, patience: float = 60.0) -> None:
        """Read until nothing has come for ``quiet`` seconds, then count from nothing."""
        with select.epoll() as poller:
            self.register(poller)
            deadline = time.monotonic() + patience
            while ready := poller.poll(quiet):
                for fd, _ in ready:
                    self.read(fd)
                if time.monotonic() > deadline:
                    raise BenchError(f"the readers did not become quiet within {patience:g} s")
        self.tally.clear()
        self.bytes = dict.fromkeys(self._links, 0)
        if self.kept is not None:
            self.kept = {fd: bytearray() for fd in self._links}


class Sender:
    """One pipelining sender on ``link``.

    ``message`` returns the bytes of message number n, from 1 on. ``tally`` counts acknowledgements; it is fed
    from ``link`` where ``own``, and else it is a crowd's: what the witness has received is acknowledged.
    """

    def __init__(
        self, link: socket.socket, message: Callable[[int], bytes], tally: Tally, *, own: bool
    ) -> None:
        link.setblocking(False)
        self.link = link
        self.sent = 0
        self._message = message
        self._tally = tally
        self._own = own
        self._waiting = b""
        self.last_words = b""

    @property
    def acked(self) -> int:
        """Return how many messages were acknowledged."""
        return self._tally.count

    def fill(self, window: int) -> None:
        """Send as many messages as ``window`` unacknowledged ones allow."""
        new = self._tally.count + window - self.sent
        if new > 0:
            self.post(new)
        else:
            self.flush()

    def post(self, count: int) -> None:
        """Send ``count`` messages, acknowledged or not."""
        first = self.sent + 1
        self.sent += count
        self._waiting += b"".join([self._message(number) for number in range(first, first + count)])
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as that is taken."""
        if not self._waiting:
            return
        try:
            self._waiting = self._waiting[self.link.send(self._waiting) :]
        except WOULD_BLOCK:
            return

    def read_all(self) -> None:
        """Read all that has come: where senders hear each other, nobody may take them for slow."""
        for _ in range(_ATTEND):
            before = self.last_words
            self.read()
            if self.last_words is before:
                return

    def discard(self) -> None:
        """Read all that has come, and forget it."""
        for _ in range(100_000):
            try:
                _receive(self.link)
            except WOULD_BLOCK:
                return

    def read(self) -> None:
        """Read what has come, if anything has: acknowledgements, or what is for nobody."""
        try:
            self.last_words = _receive(self.link)
        except WOULD_BLOCK:
            return
        if self._own:
            self._tally.take(self.last_words)


@dataclass(frozen=True, slots=True)
class Hall:
    """A room in which ``senders`` speak and ``crowd`` listens; nothing else is sent there."""

    senders: list[Sender]
    crowd: Crowd

    @property
    def sent(self) -> int:
        """Return how many messages were ever sent."""
        return sum(sender.sent for sender in self.senders)

    @property
    def done(self) -> bool:
        """Return whether everything was acknowledged and everybody has received it."""
        acked = all(sender.acked >= sender.sent for sender in self.senders)
        return acked and self.crowd.frames >= self.sent and self.crowd.even()


@dataclass(frozen=True, slots=True)
class Load:
    """What was driven through a server: ``messages`` in ``seconds`` until the last reader had the last."""

    messages: int
    seconds: float


class Loop:
    """Reads from all of ``halls``, with their ``senders`` first."""

    def __init__(self, halls: Sequence[Hall]) -> None:
        self.halls = halls
        self.senders = [sender for hall in halls for sender in hall.senders]
        self._crowds = {fd: hall.crowd for hall in halls for fd in hall.crowd.bytes}
        self._own = {sender.link.fileno(): sender for sender in self.senders}
        self._poller = select.epoll()
        for hall in halls:
            hall.crowd.register(self._poller)
        for fd in self._own:
            self._poller.register(fd, select.EPOLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._poller.close()

    def turn(self, attend: Callable[[], None], timeout: float = _PATIENCE) -> bool:
        """Wait, read once from whoever can be read, ``attend`` to senders meanwhile; False: none could."""
        ready = self._poller.poll(timeout)
        for index, (fd, _) in enumerate(ready):
            if index % _ATTEND == 0:
                attend()
            crowd = self._crowds.get(fd)
            if crowd is None:
                self._own[fd].read()
            else:
                crowd.read(fd)
        return bool(ready)

    def finish(self) -> None:
        """Read until everybody has everything. Raises `BenchError` where nothing moves any more."""
        while not all(hall.done for hall in self.halls):
            if not self.turn(nothing):
                raise BenchError(self._stuck())
            for sender in self.senders:
                sender.flush()

    def _stuck(self) -> str:
        states = [
            f"{hall.sent} sent, {sum(sender.acked for sender in hall.senders)} acknowledged, "
            f"{hall.crowd.frames} seen by the witness; one last heard {hall.senders[0].last_words[:99]!r}"
            for hall in self.halls
            if not hall.done
        ]
        return f"nothing moved for {_PATIENCE:g} s: {states[0]}"


def nothing() -> None:
    """Attend to nobody."""


def drive(hall: Hall, window: int, seconds: float) -> Load:
    """Keep ``window`` messages of each sender in flight for ``seconds``, wait until everybody has everything.

    Raises `BenchError` where nothing moves any more.
    """
    before = hall.sent
    with Loop([hall]) as loop:

        def attend() -> None:
            for sender in hall.senders:
                sender.read()
                sender.fill(window)

        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            attend()
            loop.turn(attend)
        loop.finish()
        return Load(hall.sent - before, time.monotonic() - begin)
