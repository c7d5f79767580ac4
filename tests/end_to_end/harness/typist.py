"""Somebody at a terminal: a real chatc on a real pseudo-terminal, and what its screen shows."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from pathlib import Path

from tests.client.cli.vt import Terminal
from tests.end_to_end.harness.processes import PATIENCE, Deadline, environment, script
from tests.end_to_end.harness.program import Program, take_terminal


class Typist:
    """Runs ``chatc`` on a pseudo-terminal of its own, which outlives it.

    ``wrapper`` is a shell's command line around it, in which $@ is chatc.
    """

    def __init__(
        self, folder: Path, *arguments: str, columns: int = 80, rows: int = 24, wrapper: str = "", **more: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.terminal = Terminal(columns, rows)
        self.bytes = b""
        self._near, self._far = pty.openpty()
        self._resize(columns, rows)
        self.before = termios.tcgetattr(self._far)
        surroundings = {"TERM": "xterm-256color", "XDG_STATE_HOME": str(folder), "NO_COLOR": "1", **more}
        self.process = Program(
            [*(["bash", "-c", wrapper, "bash"] if wrapper else []), *script("chatc"), *arguments],
            stdin=self._far,
            stdout=self._far,
            stderr=self._far,
            env=environment(**surroundings),
            start_new_session=True,
            preexec_fn=take_terminal,
        )

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._near, text.encode())

    def look(self, wait: float = 0.0) -> list[str]:
        """Return the rows of the screen that are not empty, after ``wait`` seconds at the most."""
        while select.select([self._near], [], [], wait)[0]:
            data = os.read(self._near, 65_536)
            self.bytes += data
            self.terminal.write(data.decode())
            wait = 0.0
        return [line for line in self.terminal.lines if line]

    def await_line(self, pattern: str, patience: float = PATIENCE) -> list[str]:
        """Wait until a row matches ``pattern``; return all rows."""
        deadline = Deadline(patience)
        while True:
            lines = self.look(0.02)
            if any(re.search(pattern, line) for line in lines):
                return lines
            deadline.check(f"{pattern!r} in {lines}")

    def await_last(self, line: str, patience: float = PATIENCE) -> list[str]:
        """Wait until the last row, which is the prompt's, is ``line``; return all rows."""
        deadline = Deadline(patience)
        while (lines := self.look(0.02))[-1:] != [line]:
            deadline.check(f"{line!r} below {lines}")
        return lines

    @property
    def settings(self) -> list[object]:
        """Return the settings of the terminal."""
        return termios.tcgetattr(self._far)

    def resize(self, columns: int) -> None:
        """Make the window so wide."""
        self.look(0.1)
        self.terminal.narrow(columns)
        self._resize(columns, self.terminal.rows)
        self.process.send_signal(signal.SIGWINCH)

    def _resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._far, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait until chatc has ended, reading what it says meanwhile; return its exit status."""
        deadline = Deadline(patience)
        while self.process.poll() is None:
            self.look(0.02)
            deadline.check("the end of chatc")
        self.look(0.1)
        return self.process.returncode

    def close(self) -> None:
        """See to it that it is gone, whatever happened."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._near)
        os.close(self._far)
