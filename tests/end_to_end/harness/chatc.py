"""Real ``chatc`` processes, whose output goes to files and whose input comes line by line."""

import json
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from tests.end_to_end.harness.processes import (
    LOOPBACK,
    PATIENCE,
    Deadline,
    environment,
    script,
)
from tests.end_to_end.harness.program import Program

_LOOK = 0.02
"""Seconds between two looks at a file that grows."""


class Listens(Protocol):
    """Whatever a ``chatc`` can be told to connect to: a daemon, or what is in front of one."""

    port: int


class Chatc:
    """One ``chatc`` with a profile and a state folder of its own below ``folder``."""

    def __init__(self, daemon: Listens, folder: Path, nick: str, *arguments: str, fed: bool = False) -> None:
        self.nick = nick
        self.out = folder / f"{nick}.out"
        self.err = folder / f"{nick}.err"
        command = ["--server", f"{LOOPBACK}:{daemon.port}", "--profile", nick, "--nick", nick, *arguments]
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._process = Program(
                [*script("chatc"), *command],
                cwd=folder,
                env=environment(XDG_STATE_HOME=str(folder / f"{nick}.state")),
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    # ---- input --------------------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        """Write lines to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self._process.stdin.flush()

    def finish(self) -> None:
        """End its standard input."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    # ---- output -------------------------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """Return the JSON lines that it has printed so far; a line that is being written does not count."""
        whole = self.out.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.split(b"\n") if line]

    def count(self) -> int:
        """Return how many lines it has printed so far."""
        return self.out.read_bytes().count(b"\n")

    def await_count(self, count: int, patience: float = PATIENCE) -> None:
        """Wait until it has printed so many lines."""
        deadline = Deadline(patience)
        while self.count() < count:
            assert self._process.poll() is None, f"{self.nick} has ended: {self.complaints}"
            deadline.check(f"line {count} of {self.nick}, which has {self.count()}: {self.complaints}")
            time.sleep(_LOOK)

    def await_said(self, words: str, patience: float = PATIENCE) -> None:
        """Wait until its standard error has ``words``."""
        deadline = Deadline(patience)
        while words not in self.complaints:
            deadline.check(f"{words!r} from {self.nick}: {self.complaints}")
            time.sleep(_LOOK)

    @property
    def complaints(self) -> str:
        """Return what it has said on standard error."""
        return self.err.read_text(errors="replace")

    # ---- its end ------------------------------------------------------------------------------------

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait until it has ended and return its exit status."""
        return self._process.wait(patience)

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Return whether its process is there."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Lose it: SIGKILL."""
        self._process.kill()
        self._process.wait()
        self.close()

    def close(self) -> None:
        """See to it that it is gone, whatever happened."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()


class Feeder:
    """Writes numbered lines to a ``chatc``, ``pause`` seconds apart, until it is stopped.

    ``texts`` are the lines that were written whole.
    """

    def __init__(self, chatc: Chatc, pause: float, first: int = 1) -> None:
        self.chatc = chatc
        self.texts: list[str] = []
        self._pause = pause
        self._next = first
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(BrokenPipeError, ValueError):
            while not self._over.wait(self._pause):
                text = f"{self.chatc.nick} {self._next} {'é' * (self._next % 50)}."
                self.chatc.say(text)
                self.texts.append(text)
                self._next += 1

    def stop(self, patience: float = PATIENCE) -> None:
        """Write no further line, and end the input of the ``chatc``."""
        self._over.set()
        self._thread.join(patience)
        assert not self._thread.is_alive(), f"{self.chatc.nick} does not read its input"
        self.chatc.finish()
