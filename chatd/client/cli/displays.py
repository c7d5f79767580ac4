"""Displays: how transfers are shown while a command runs; bars live in `chatd.client.cli.progress`."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from chatd.client.cli.rows import Row
from chatd.client.cli.running import complain
from chatd.client.cli.stdout import Stdout
from chatd.client.core.stages import OVER, Stage

STDERR: Final = 2

TENTH: Final = 10
"""Percents between one plain line and the next."""


class Display(Protocol):
    """Shows rows as they are now; and lines that stay."""

    def show(self, rows: Sequence[Row]) -> None:
        """Show ``rows``."""

    def note(self, text: str) -> None:
        """Show a line that stays."""

    def close(self) -> None:
        """Show no more; what stands there stays."""


class Nothing:
    """Shows no progress, for nobody looks; but says why something has to wait, once."""

    def __init__(self) -> None:
        self._waits: dict[int, str] = {}

    def show(self, rows: Sequence[Row]) -> None:
        """Say what is in the way of ``rows``."""
        for row in rows:
            transfer = row.transfer
            waits = "" if transfer.stage in OVER else transfer.reason
            if waits and waits != self._waits.get(transfer.key):
                self.note(f"{row.name}: {waits} It is tried again.")
            self._waits[transfer.key] = waits or self._waits.get(transfer.key, "")

    def note(self, text: str) -> None:
        """Say it on standard error."""
        complain(text)

    def close(self) -> None:
        """Do nothing."""


class PlainLines(Nothing):
    """Says a line for every tenth of a file, and for every change of its stage."""

    def __init__(self, say: Callable[[str], None] = complain) -> None:
        super().__init__()
        self._say = say
        self._said: dict[int, tuple[Stage, str, int]] = {}

    def show(self, rows: Sequence[Row]) -> None:
        """Say what is new of ``rows``."""
        for row in rows:
            transfer = row.transfer
            state = transfer.stage, transfer.reason, row.percent // TENTH
            if self._said.get(transfer.key) != state:
                self._said[transfer.key] = state
                self._say(row.line)

    def note(self, text: str) -> None:
        """Say it."""
        self._say(text)


class JsonLines(Nothing):
    """Prints a line of JSON for every change of a stage, and once a second in between."""

    PAUSE: Final = 1.0

    def __init__(self, write: Callable[[bytes], None], now: Callable[[], float]) -> None:
        super().__init__()
        self._write = write
        self._now = now
        self._said: dict[int, tuple[Stage, str, float]] = {}

    def show(self, rows: Sequence[Row]) -> None:
        """Print what is new of ``rows``."""
        now = self._now()
        for row in rows:
            transfer = row.transfer
            stage, reason, when = self._said.get(transfer.key, (None, "", 0.0))
            changed = (stage, reason) != (transfer.stage, transfer.reason)
            if changed or (now - when >= self.PAUSE and transfer.stage not in OVER):
                self._said[transfer.key] = transfer.stage, transfer.reason, now
                self._write(json_line(row))


def json_line(row: Row) -> bytes:
    """Return the line of JSON of ``row``: sizes in bytes, rate in bytes per second, seconds left."""
    transfer = row.transfer
    values = {
        "file": transfer.name,
        "room": transfer.room,
        "state": str(transfer.stage),
        "size": transfer.size,
        "done": transfer.done,
        "percent": row.percent,
        "rate": None if row.rate is None else round(row.rate),
        "left": None if row.left is None else round(row.left, 1),
        "seq": transfer.seq,
        "path": transfer.path,
        "reason": transfer.reason,
    }
    return msgspec.json.encode(values) + b"\n"


def choose(reactor: Any, output: Stdout | None) -> Display:
    """Return the display for this run: lines of JSON to ``output``, or what standard error can show."""
    if output is not None:
        return JsonLines(output.write, reactor.seconds)
    if not os.isatty(STDERR):
        return Nothing()
    if os.environ.get("TERM", "") not in {"", "dumb"}:
        try:
            from chatd.client.cli.progress import Bars  # noqa: PLC0415 - rich is an extra
        except ImportError:
            return PlainLines()
        return Bars()
    return PlainLines()
