"""Files to and from a daemon as fast as it goes: raw sockets, the window, hashes; not chatd's own client."""

import hashlib
import mmap
import os
import select
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench.clients import Client
from bench.common import BenchError
from chatd.wire.frames import HEAD_SIZE, FrameType, frame
from chatd.wire.limits import MAX_CHUNK, WINDOW
from chatd.wire.messages import Cancel, Download, Error, File, FromServer, Ok, Progress, Upload
from chatd.wire.native import decode_from_server, encode

_HEAD: Final = struct.Struct(">IBIQ")
_AT_ONCE: Final = 4
"""Chunks in one write."""

_BUFFER: Final = 1 << 20
_PATIENCE: Final = 30.0
"""Seconds without any progress after which a transfer has failed."""


class Load:
    """One file on its way up: transfer ``number`` of its connection."""

    def __init__(self, number: int, path: Path, file: File) -> None:
        self.number = number
        self.file = file
        with path.open("rb") as opened:
            self.data = memoryview(mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ))
        self.agreed = False
        self.sent = self.received = self.stored = 0

    @property
    def request(self) -> Upload:
        """Return what is asked for."""
        return Upload(id=self.number, transfer=self.number, size=self.file.size, sha256=self.file.sha256)

    def next_chunk(self) -> list[memoryview]:
        """Return the next chunk's frame in two parts, nothing where it has to wait or has come to its end."""
        end = min(self.file.size, self.received + WINDOW, self.sent + MAX_CHUNK) if self.agreed else 0
        begin, self.sent = self.sent, max(self.sent, end)
        if end <= begin:
            return []
        head = _HEAD.pack(end - begin + 13, FrameType.CHUNK, self.number, begin)
        return [memoryview(head), self.data[begin:end]]


class Up:
    """One connection that uploads its ``loads``, with a window under way in all, as chatd's client has it."""

    def __init__(self, client: Client, loads: Sequence[Load]) -> None:
        self.link = client.link
        self._client = client
        self._loads = {load.number: load for load in loads}
        self._turns = deque(loads)
        self._pending: list[memoryview] = []
        for load in loads:
            client.say(load.request)
        self.link.setblocking(False)

    @property
    def over(self) -> bool:
        """Return whether everything is on the daemon's disk."""
        return all(load.stored == load.file.size for load in self._loads.values())

    def write(self) -> bool:
        """Write what the windows and the kernel take; return whether more could be written later."""
        while self._fill():
            try:
                sent = self.link.sendmsg(self._pending)
            except BlockingIOError:
                return True
            self._drop(sent)
        return False

    def _fill(self) -> bool:
        for _ in range(0 if self._pending else _AT_ONCE):
            self._pending += self._next_chunk()
        return bool(self._pending)

    def _next_chunk(self) -> list[memoryview]:
        if sum(load.sent - load.received for load in self._turns) >= WINDOW:
            return []
        for _ in range(len(self._turns)):
            self._turns.rotate(-1)
            if found := self._turns[0].next_chunk():
                return found
        return []

    def _drop(self, sent: int) -> None:
        while sent:
            first = self._pending[0]
            if sent < len(first):
                self._pending[0] = first[sent:]
                return
            sent -= len(first)
            del self._pending[0]

    def read(self) -> None:
        """Take in what the daemon says."""
        for message in self._client.hear():
            if isinstance(message, Progress):
                load = self._loads[message.transfer]
                load.received, load.stored = message.received, message.stored
            elif isinstance(message, Ok):
                self._loads[message.id].agreed = True
            else:
                _check(message)


class Hold:
    """One file on its way down, of event ``seq``, which is counted and dropped."""

    def __init__(self, number: int, file: File, seq: int) -> None:
        self.number = number
        self.file = file
        self.received = self.stored = 0
        self._seq = seq
        self._waiting: list[memoryview] = []

    def request(self, room: str) -> Download:
        """Return what is asked for."""
        return Download(id=self.number, transfer=self.number, room=room, seq=self._seq)

    def receive(self, offset: int, data: memoryview) -> None:
        """Note that the next chunk has come."""
        if offset != self.received:
            raise BenchError(f"a chunk begins at {offset}, not at {self.received}")
        self.received += len(data)
        self._waiting.append(data)

    def write(self) -> bool:
        """Do what is to be done with what has come; return whether that was all."""
        for data in self._waiting:
            self.take(data)
        self._waiting.clear()
        if self.received == self.file.size:
            self.finish()
            self.stored = self.file.size
        return self.stored == self.file.size

    def take(self, data: memoryview) -> None:
        """Drop it."""

    def finish(self) -> None:
        """Do nothing about it."""


class Saved(Hold):
    """One file on its way down that is hashed and written to ``path``, as a client does."""

    def __init__(self, number: int, file: File, seq: int, path: Path) -> None:
        super().__init__(number, file, seq)
        self._digest = hashlib.sha256()
        self._path = path
        self._part = path.with_name(f"{path.name}.part").open("wb", buffering=0)

    def take(self, data: memoryview) -> None:
        """Hash and write it."""
        self._digest.update(data)
        self._part.write(data)

    def finish(self) -> None:
        """Verify it and give it its name."""
        os.fsync(self._part.fileno())
        self._part.close()
        if self._digest.hexdigest() != self.file.sha256:
            raise BenchError("a file came down that is not the one that went up")
        Path(self._part.name).rename(self._path)


class Down:
    """One connection that downloads its ``holds``."""

    def __init__(self, client: Client, holds: Sequence[Hold]) -> None:
        self.link = client.link
        self._holds = {hold.number: hold for hold in holds}
        self._buffer = memoryview(bytearray(_BUFFER))
        self._filled = 0
        for hold in holds:
            client.say(hold.request(client.room))
        self.link.setblocking(False)

    @property
    def over(self) -> bool:
        """Return whether everything is on our disk."""
        return all(hold.stored == hold.file.size for hold in self._holds.values())

    def write(self) -> bool:
        """Write nothing: what there is to say is said at once."""
        return False

    def read(self) -> None:
        """Take the chunks that have come, say so, and write them while the next are on their way."""
        size = self.link.recv_into(self._buffer[self._filled :])
        if not size:
            raise BenchError("the daemon closed the connection within a download")
        self._filled += size
        begin = 0
        touched: set[Hold] = set()
        while (end := self._end_of_frame(begin)) <= self._filled:
            touched.update(self._take(begin, end))
            begin = end
        self._tell(touched)
        self._tell({hold for hold in touched if hold.write()})
        rest = bytes(self._buffer[begin : self._filled])
        self._filled = len(rest)
        self._buffer[: self._filled] = rest

    def _tell(self, holds: set[Hold]) -> None:
        told = (Progress(transfer=one.number, received=one.received, stored=one.stored) for one in holds)
        self.link.sendall(b"".join(map(encode, told)))

    def _end_of_frame(self, begin: int) -> int:
        if self._filled - begin < HEAD_SIZE:
            return self._filled + 1
        return begin + 4 + int.from_bytes(self._buffer[begin : begin + 4], "big")

    def _take(self, begin: int, end: int) -> tuple[Hold, ...]:
        """Take one frame; return whose it is, if anybody's."""
        kind = self._buffer[begin + 4]
        if kind == FrameType.CHUNK:
            _, _, number, offset = _HEAD.unpack_from(self._buffer, begin)
            self._holds[number].receive(offset, self._buffer[begin + _HEAD.size : end])
            return (self._holds[number],)
        payload = bytes(self._buffer[begin + HEAD_SIZE : end])
        if kind == FrameType.PING:
            self.link.sendall(frame(FrameType.PONG, payload))
        elif kind == FrameType.MESSAGE:
            _check(decode_from_server(payload))
        return ()


def _check(message: FromServer | None) -> None:
    if isinstance(message, Cancel | Error):
        raise BenchError(f"a transfer failed: {message.text}")


def drive(begin: Callable[[], Sequence[Up] | Sequence[Down]]) -> float:
    """Move all files of what ``begin`` returns; return the seconds until the last was on disk, verified."""
    started = time.monotonic()
    waiting = {end.link.fileno(): end for end in begin()}
    with select.epoll() as poller:
        interests = {fd: _interest(end.write()) for fd, end in waiting.items()}
        for fd, interest in interests.items():
            poller.register(fd, interest)
        while waiting:
            ready = poller.poll(_PATIENCE)
            if not ready:
                raise BenchError(f"{len(waiting)} connections made no progress for {_PATIENCE:g} s")
            for fd, what in ready:
                end = waiting[fd]
                if what & ~select.EPOLLOUT:
                    end.read()
                interest = _interest(end.write())
                if interest != interests[fd]:
                    interests[fd] = interest
                    poller.modify(fd, interest)
                if end.over:
                    poller.unregister(fd)
                    del waiting[fd]
    return time.monotonic() - started


def _interest(more: bool) -> int:
    return select.EPOLLIN | (select.EPOLLOUT if more else 0)
