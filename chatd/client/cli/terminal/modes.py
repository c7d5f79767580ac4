"""The terminal: raw while we use it, and as it was in every case when we do not.

Keys come one by one and unechoed, signals of the keyboard as keys; the driver still turns line feeds into
new lines, so that even a traceback looks right.
"""

import atexit
import os
import signal
import termios
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

PASTE_ON: Final = "\x1b[?2004h"
PASTE_OFF: Final = "\x1b[?2004l"

_INPUT, _LOCAL, _CHARACTERS = 0, 3, 6
_SIGNALS: Final = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP)


def is_usable() -> bool:
    """Return whether standard input and output are a terminal that understands escape sequences."""
    capable = os.environ.get("TERM", "") not in {"", "dumb"}
    return capable and os.isatty(0) and os.isatty(1)


class RawMode:
    """The terminal's settings: `enter` changes them, `restore` brings back what they were."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] | None = None

    def enter(self) -> None:
        """Take the keys one by one."""
        if self._before is None:
            self._before = termios.tcgetattr(self._fd)
            atexit.register(self.restore)
        raw = termios.tcgetattr(self._fd)
        raw[_INPUT] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
        raw[_LOCAL] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
        raw[_CHARACTERS] = list(raw[_CHARACTERS])
        raw[_CHARACTERS][termios.VMIN], raw[_CHARACTERS][termios.VTIME] = 1, 0
        termios.tcsetattr(self._fd, termios.TCSANOW, raw)

    def restore(self) -> None:
        """Bring back the settings found at the first `enter`."""
        if self._before is not None:
            atexit.unregister(self.restore)
            before, self._before = self._before, None
            try:
                termios.tcsetattr(self._fd, termios.TCSANOW, before)
            except termios.error:
                return  # The terminal is gone; nobody is left to restore it for.

    def is_ours(self) -> bool:
        """Return whether our process group is the one in the terminal's foreground."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False


class TerminalSignals:
    """Calls back, within the reactor, on a resize, a continuation, and an outside wish that we stop."""

    def __init__(
        self, reactor: Any, resized: Callable[[], None], resumed: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._calls = dict(zip(_SIGNALS, (resized, resumed, stop), strict=True))
        self._before: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Begin to listen."""
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._heard)

    def remove(self) -> None:
        """Listen no longer."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _heard(self, number: int, _: FrameType | None) -> None:
        self._reactor.callFromThread(self._calls[signal.Signals(number)])


def stop_process_group() -> None:
    """Stop as Ctrl-Z stops a program; return when the shell continues us."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        os.kill(0, signal.SIGTSTP)
    finally:
        signal.signal(signal.SIGTSTP, handler)


def size_of(fd: int) -> tuple[int, int]:
    """Return the columns and rows of the terminal; 80 by 24 where it does not know."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24
