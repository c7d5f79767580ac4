"""Writes the log in a thread, so that neither its reader nor its disk holds up the reactor.

The thread writes what the reactor hands over. While it cannot go on (a pipe that nobody empties, a terminal
after Ctrl-S, a full disk, a system log that hangs), lines wait in a bounded buffer. Further lines are dropped
and counted, and their number is logged as soon as there is room again. A crash loses the lines that wait.
"""

import atexit
import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TextIO

from chatd.ops.log import Log

log = Log(__name__)

MAX_WAITING: Final = 1 << 20
"""Bytes of lines that wait to be written: some 5000 lines, and no more memory however long nobody reads."""

ROOM_AGAIN: Final = MAX_WAITING // 2
"""After lines were dropped, lines are taken again when no more bytes than this wait, so that gaps are few."""

PIECE: Final = 1 << 16
"""Bytes that are written at once, so that a burst costs few calls."""

RETRY: Final = 1.0
"""Seconds until writing is tried again after an error: a full disk, a pipe without a reader."""

FLUSH: Final = 1.0
"""Seconds that the end of the program waits for what has not been written yet."""


class Target(Protocol):
    """A place that lines go to. Its methods may block; they are called in the writer's thread."""

    encoding: str

    def send(self, lines: bytes, /) -> int:
        """Write at least one byte of ``lines`` and return how many. Raises `OSError`."""

    def reopen(self) -> None:
        """Go on in a new file of the same name, if it is one. Raises `OSError`."""


class Descriptor:
    """An open descriptor, such as standard output; it may be non-blocking and shared with others."""

    def __init__(self, number: int, encoding: str = "utf-8") -> None:
        self._number = number
        self.encoding = encoding

    def send(self, lines: bytes) -> int:
        """Write, and wait where the descriptor would not."""
        while True:
            try:
                return os.write(self._number, lines)
            except BlockingIOError:
                waiting = select.poll()
                waiting.register(self._number, select.POLLOUT)
                waiting.poll()

    def reopen(self) -> None:
        """Do nothing: the descriptor's owner keeps it."""


class File(Descriptor):
    """A file that lines are appended to. Raises `OSError` if it cannot be opened."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        super().__init__(self._open())

    def _open(self) -> int:
        # Without O_NONBLOCK a FIFO without a reader would hold up the start.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        return os.open(self._path, flags, 0o666)

    def reopen(self) -> None:
        """Open the path anew, and let go of the file that log rotation has moved away."""
        old, self._number = self._number, self._open()
        os.close(old)


class Writer:
    """Takes lines from any thread without waiting, and writes them to ``target`` in its own thread, in order.

    twistd forks after it has begun to log, so the thread begins with `start`; until then lines wait.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._change = threading.Condition()  # of an RLock: the collector may log while the lock is held
        self._waiting: deque[bytes | None] = deque()
        self._size = 0
        self._dropped = 0
        self._failing = False
        self._closing = False
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    # ---- the side of those who log ------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Take ``text`` to be written, or count it as dropped if too much waits."""
        line = text.encode(self._target.encoding, "backslashreplace")
        if not line:
            return  # which the thread would take for a file to open anew
        with self._change:
            if self._dropped or self._size + len(line) > MAX_WAITING:
                self._dropped += 1
                return
            self._size += len(line)
            self._waiting.append(line)
            self._change.notify()

    def flush(self) -> None:
        """Do nothing: the thread writes as soon as it can."""

    def reopen(self) -> None:
        """Open the file anew, after the lines that were taken until now."""
        with self._change:
            self._waiting.append(None)
            self._change.notify()

    def start(self) -> None:
        """Begin to write."""
        if self._thread is None:
            self._thread = begin_thread(self._run)

    def close(self, seconds: float = FLUSH) -> None:
        """Write what waits, for so many seconds at the most."""
        atexit.unregister(self.close)
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is None:
            self._run()  # twistd gave up before the daemon began
        else:
            self._thread.join(seconds)

    # ---- the thread's side --------------------------------------------------------------------------

    def _run(self) -> None:
        while (piece := self._next_piece()) is not None:
            if not piece:
                self._reopen()
            elif not self._send(piece):
                return
            self._tell_of_gap(len(piece))

    def _next_piece(self) -> bytes | None:
        """Return the next lines, nothing if the file is to be opened anew, or None at the end."""
        with self._change:
            while not self._waiting:
                if self._closing:
                    return None
                self._change.wait()
            lines: list[bytes] = []
            size = 0
            while self._waiting and size < PIECE:
                line = self._waiting[0]
                if line is None:
                    if not lines:
                        self._waiting.popleft()
                    break
                lines.append(line)
                size += len(line)
                self._waiting.popleft()
            return b"".join(lines)

    def _send(self, piece: bytes) -> bool:
        """Write all of ``piece`` in as many calls as that takes; return False if the end comes first."""
        while piece:
            try:
                piece = piece[self._target.send(piece) :]
                self._note("")
            except OSError as error:
                self._note(str(error))
                with self._change:
                    if self._change.wait_for(lambda: self._closing, RETRY):
                        return False
        return True

    def _note(self, error: str) -> None:
        """Tell when writing begins to fail and when it works; the log has the one only after the other."""
        before, self._failing = self._failing, bool(error)
        if self._failing and not before:
            log.error("log-failed", "The log cannot be written; lines wait, a MiB at the most.", error=error)
        elif before and not error:
            log.info("log-mended", "The log can be written again.")

    def _reopen(self) -> None:
        try:
            self._target.reopen()
        except OSError as error:
            log.error("log-reopen-failed", "The log goes on in the old file.", error=str(error))

    def _tell_of_gap(self, written: int) -> None:
        with self._change:
            self._size -= written
            dropped = self._dropped
            if not dropped or self._size > ROOM_AGAIN:
                return
            self._dropped = 0
        log.warn("log-dropped", "The log could not be written in time.", count=dropped)


def begin_thread(run: Callable[[], None]) -> threading.Thread:
    """Begin to ``run`` in a thread that the program's end does not wait for; return it."""
    thread = threading.Thread(target=run, name="log", daemon=True)
    # Signals are for the main thread, which holds some of them back while it starts.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    thread.start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread


def nowhere() -> Descriptor:
    """Return a target that keeps nothing."""
    return Descriptor(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC))


def standard_output() -> Descriptor:
    """Return a target for standard output, or for nothing if that was closed at the start."""
    stream: TextIO | None = sys.stdout
    if stream is None:
        return nowhere()
    stream.flush()
    return Descriptor(stream.fileno(), stream.encoding or "utf-8")
