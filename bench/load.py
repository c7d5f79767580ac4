"""The load generator: raw non-blocking sockets and epoll.

It counts instead of parsing: what a reader receives is a number of bytes, dropped in the kernel where
nobody looks at it; frames are counted by a marker that each contains once. So it costs less than any
server it loads; `bench.process.Usage` tells when that was not so.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.common import BenchError

_READ = 65_536
_DISCARD = bytearray(1 << 20)
_PATIENCE = 15.0


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
        self._marker = marker
        self._tally = Tally(marker)
        self.bytes = dict.fromkeys(self._links, 0)
        self.kept: dict[int, bytearray] | None = {fd: bytearray() for fd in self._links} if keep else None
        for link in links:
            link.setblocking(False)

    @property
    def frames(self) -> int:
        """Return how many frames the witness has received."""
        return self._tally.count

    @property
    def frame_size(self) -> float:
        """Return the mean size of the witness's frames in bytes."""
        return self.bytes[self._witness] / max(1, self.frames)

    def even(self) -> bool:
        """Return whether every reader has received as many bytes as the witness."""
        return len(set(self.bytes.values())) == 1

    def register(self, poller: select.epoll) -> None:
        """Let ``poller`` tell when a reader can be read."""
        for fd in self._links:
            poller.register(fd, select.EPOLLIN)

    def read(self, fd: int) -> None:
        """Read once from reader ``fd``."""
        link = self._links[fd]
        if fd == self._witness or self.kept is not None:
            data = _receive(link)
            self.bytes[fd] += len(data)
            if fd == self._witness:
                self._tally.take(data)
            if self.kept is not None:
                self.kept[fd] += data
            return
        size = link.recv_into(_DISCARD, 0, socket.MSG_TRUNC)
        if not size:
            raise BenchError("the server closed a reader's connection")
        self.bytes[fd] += size

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
        self._tally = Tally(self._marker)
        self.bytes = dict.fromkeys(self._links, 0)
        if self.kept is not None:
            self.kept = {fd: bytearray() for fd in self._links}


class Sender:
    """One pipelining sender: keeps ``window`` messages unacknowledged on ``link``.

    ``message`` returns the bytes of message number n, from 1 on; each acknowledgement contains one ``ack``.
    """

    def __init__(self, link: socket.socket, message: Callable[[int], bytes], ack: bytes, window: int) -> None:
        link.setblocking(False)
        self.link = link
        self.sent = 0
        self._message = message
        self._tally = Tally(ack)
        self._window = window
        self._waiting = b""
        self.last_words = b""

    @property
    def acked(self) -> int:
        """Return how many messages were acknowledged."""
        return self._tally.count

    def fill(self) -> None:
        """Send as many messages as the window allows."""
        last = self._tally.count + self._window
        if self.sent < last:
            new = [self._message(number) for number in range(self.sent + 1, last + 1)]
            self._waiting += b"".join(new)
            self.sent = last
        self.flush()

    def flush(self) -> None:
        """Send what the kernel takes of what waits."""
        if self._waiting:
            try:
                self._waiting = self._waiting[self.link.send(self._waiting) :]
            except BlockingIOError:
                return

    def read(self) -> None:
        """Read acknowledgements once."""
        self.last_words = _receive(self.link)
        self._tally.take(self.last_words)


@dataclass(frozen=True, slots=True)
class Load:
    """What was driven through a server: ``messages`` in ``seconds`` until the last reader had the last."""

    messages: int
    seconds: float


def drive(sender: Sender, crowd: Crowd, seconds: float) -> Load:
    """Send for ``seconds``, wait until everybody has everything, and return how much it was.

    Raises `BenchError` where nothing moves any more.
    """
    messages, frames = sender.sent, crowd.frames
    with select.epoll() as poller:
        crowd.register(poller)
        poller.register(sender.link.fileno(), select.EPOLLIN)
        begin = time.monotonic()
        _send_until(begin + seconds, sender, crowd, poller)
        messages = sender.sent - messages
        _finish(sender, crowd, poller, frames + messages)
        return Load(messages, time.monotonic() - begin)


def _turn(sender: Sender, crowd: Crowd, poller: select.epoll) -> None:
    ready = poller.poll(_PATIENCE)
    if not ready:
        raise BenchError(
            f"nothing moved for {_PATIENCE:g} s: {sender.sent} sent, {sender.acked} acknowledged, "
            f"{crowd.frames} seen by the witness; the sender last heard {sender.last_words[:300]!r}"
        )
    own = sender.link.fileno()
    for fd, _ in ready:
        if fd == own:
            sender.read()
        else:
            crowd.read(fd)
    sender.flush()


def _send_until(deadline: float, sender: Sender, crowd: Crowd, poller: select.epoll) -> None:
    while time.monotonic() < deadline:
        sender.fill()
        _turn(sender, crowd, poller)


def _finish(sender: Sender, crowd: Crowd, poller: select.epoll, frames: int) -> None:
    while sender.acked < sender.sent or crowd.frames < frames or not crowd.even():
        _turn(sender, crowd, poller)
