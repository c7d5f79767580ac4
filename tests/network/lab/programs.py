"""Real programs on the hosts, and what they say with the time at which they said it."""

import asyncio
import re
import signal
import subprocess
import time
from asyncio import unix_events
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tests.end_to_end.harness import program
from tests.end_to_end.harness.processes import ROOT, environment
from tests.network.lab.namespaces import Host, LabError

PATIENCE: Final = 30.0
"""Seconds that a program has for what should happen at once: the machine may be busy."""

_LOOK: Final = 0.02


class _Subprocess:
    """The module `subprocess`, whose processes are forked where that spares them their imports."""

    Popen = program.Program

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


unix_events.subprocess = _Subprocess()  # type: ignore[attr-defined]  # where asyncio takes its processes from


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and the monotonic second at which it was read."""

    at: float
    text: str


class Program:
    """One process on one host; ``out`` and ``err`` are the lines that it has said."""

    def __init__(self, host: Host, *command: str, **more: str) -> None:
        self._command = host.command(*command)
        self._environment = environment(**more)
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self.out: list[Line] = []
        self.err: list[Line] = []

    async def start(self) -> None:
        """Start it; what an earlier process said is kept."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        streams = ((self._process.stdout, self.out), (self._process.stderr, self.err))
        self._readers += [asyncio.create_task(self._read(stream, to)) for stream, to in streams]

    @staticmethod
    async def _read(stream: asyncio.StreamReader | None, to: list[Line]) -> None:
        assert stream is not None
        while line := await stream.readline():
            to.append(Line(time.monotonic(), line.decode(errors="replace").rstrip("\n")))

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    @property
    def ended(self) -> bool:
        """Return whether there is no process, or no more."""
        return self._process is None or self._process.returncode is not None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

    def write(self, line: str) -> None:
        """Say a line to it."""
        stdin = self._running.stdin
        assert stdin is not None
        stdin.write(line.encode() + b"\n")

    async def finish(self, patience: float = PATIENCE) -> int | None:
        """Say that nothing more comes; return its exit status, None if it does not end."""
        stdin = self._running.stdin
        assert stdin is not None
        stdin.close()
        try:
            return await asyncio.wait_for(self._running.wait(), patience)
        except TimeoutError:
            return None

    async def kill(self) -> None:
        """See to it that it is gone, whatever its state."""
        if self._process is None:
            return
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await asyncio.gather(*self._readers)
        self._readers.clear()

    async def await_said(
        self, stream: list[Line], pattern: str, since: float = 0.0, patience: float = PATIENCE
    ) -> Line:
        """Return the first line that ``pattern`` is found in. Raises `LabError` where none comes."""
        found: Line | None = None

        def said() -> bool:
            nonlocal found
            over = self.ended  # Looked at first: what it said at its end is read after that.
            found = first(stream, pattern, since)
            return found is not None or over

        await until(said, patience)
        if found is None:
            tail = "\n".join(line.text for line in (*self.out[-5:], *self.err[-10:]))
            raise LabError(f"waited in vain for {pattern!r} of {self._command[4:]}:\n{tail}")
        return found


def first(stream: list[Line], pattern: str, since: float = 0.0) -> Line | None:
    """Return the first line from ``since`` on that ``pattern`` is found in."""
    return next((line for line in stream if line.at >= since and re.search(pattern, line.text)), None)


async def until(look: Callable[[], Any], patience: float) -> Any:
    """Return what ``look`` finds as soon as that is true; what it finds last when patience is over."""
    end = time.monotonic() + patience
    while not (found := look()) and time.monotonic() < end:  # noqa: ASYNC110 - what is looked at tells nobody
        await asyncio.sleep(_LOOK)
    return found
